"""A process that has used Jinja2 for a while: an Environment, a template compiled to code, a filter held by hand.

All of them are made once, before anything is patched. CVE-2024-34064: the filter `xmlattr` refuses a space in a key and
takes `/`, `>` and `=`, so that whoever chooses a key can write attributes of their own: an event handler, say.
"""

from collections.abc import Callable

import jinja2
from talk import serve

ENVIRONMENT = jinja2.Environment(autoescape=True)
TEMPLATE = ENVIRONMENT.from_string("<p{{ attributes|xmlattr }}>")
FILTER = ENVIRONMENT.filters["xmlattr"]
KEYS = {
    "plain": "title",
    "space": "a b",
    "solidus": "a/b",
    "greater": "a>b",
    "equals": "onclick=alert(1)//",
}
asked = 0


def attempt(call: Callable[[], object]) -> str:
    """Say what a call gives, or how it refuses."""
    try:
        return str(call())
    except ValueError as error:
        return f"ValueError: {error}"


def ask() -> dict[str, object]:
    """Render the held template, and call the held filter, with every key."""
    global asked
    asked += 1
    context = jinja2.nodes.EvalContext(ENVIRONMENT)
    return {
        "asked": asked,
        **{name: attempt(lambda key=key: TEMPLATE.render(attributes={key: "1"})) for name, key in KEYS.items()},
        "held filter": attempt(lambda: FILTER(context, {"a>b": "1"})),
    }


serve(ask)
