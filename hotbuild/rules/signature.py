"""HB1xx: what callers see of a function.

A splice keeps the function object, with its defaults, annotations and decorators; callers hold it and call it as
before. So nothing that they rely on may change.
"""

from collections.abc import Iterator

from ..model import Definition, Parameter
from ..names import ACCESSORS, INERT_DECORATORS

Finding = tuple[str, str]

_BINDING = {
    "staticmethod",
    "classmethod",
    "property",
    "cached_property",
    "functools.cached_property",
    "abc.abstractproperty",
}


def signature(old: Definition, new: Definition) -> Iterator[Finding]:
    """Compare everything of two functions but their bodies."""
    if binding(old) != binding(new):
        yield "HB109", f"{old.name} was {_article(binding(old))}, is now {_article(binding(new))}"
    elif old.decorators != new.decorators:
        yield "HB107", f"decorators were {_decorators(old)}, are now {_decorators(new)}"
    if old.is_async != new.is_async:
        yield "HB106", f"{old.name} was {_async(old)}, is now {_async(new)}"
    yield from _parameters(old, new)
    if old.type_parameters != new.type_parameters:
        yield "HB108", f"type parameters were {old.type_parameters or 'none'}, are now {new.type_parameters or 'none'}"


def nested_headers(old: Definition, new: Definition) -> Iterator[Finding]:
    """HB105, HB107: decorators or defaults of a nested function, which its live closures already have."""
    for name in dict.fromkeys(n for n, _, _ in old.nested):
        was = [(decorators, defaults) for n, decorators, defaults in old.nested if n == name]
        now = [(decorators, defaults) for n, decorators, defaults in new.nested if n == name]
        for a, b in zip(was, now, strict=False) if len(was) == len(now) else ():
            if a[0] != b[0]:
                yield "HB107", f"decorators of {name} inside {old.name} were {a[0] or 'none'}, are now {b[0] or 'none'}"
            elif a[1] != b[1]:
                yield "HB105", f"defaults of {name} inside {old.name} were ({a[1]}), are now ({b[1]})"


def annotations_changed(old: Definition, new: Definition) -> bool:
    """Tell whether annotations differ, of parameters that both have, or of the result."""
    was = {p.name: p.annotation for p in old.parameters}
    return old.returns != new.returns or any(p.name in was and was[p.name] != p.annotation for p in new.parameters)


def readers_of_annotations(definition: Definition) -> list[str]:
    """List the decorators that may have read the function's annotations."""
    return [
        d
        for d in definition.decorators
        if _bare(d) not in INERT_DECORATORS and _bare(d).rpartition(".")[2] not in ACCESSORS
    ]


def binding(definition: Definition) -> str:
    """Name how a method is bound: method, static method, class method or property."""
    for decorator in map(_bare, definition.decorators):
        if decorator in _BINDING:
            return decorator.rpartition(".")[2]
        if decorator.rpartition(".")[2] in ACCESSORS and decorator.partition(".")[0] == definition.name:
            return "property"
    return "function"


def _bare(decorator: str) -> str:
    return decorator.partition("(")[0]


def _parameters(old: Definition, new: Definition) -> Iterator[Finding]:
    was, now = [p.name for p in old.parameters], [p.name for p in new.parameters]
    added = [p for p in new.parameters if p.name not in was]
    removed = [p for p in old.parameters if p.name not in now]
    if added and removed and len(was) == len(now) and _places(old, removed) == _places(new, added):
        pairs = ", ".join(f"{a.name} is now {b.name}" for a, b in zip(removed, added, strict=True))
        yield "HB103", f"parameter {pairs}"
        added, removed = [], []
    for parameter in added:
        yield "HB101", f"parameter {_show(parameter)} is new"
    for parameter in removed:
        yield "HB102", f"parameter {_show(parameter)} is gone"
    common_was = [(p.name, p.kind) for p in old.parameters if p.name in now]
    common_now = [(p.name, p.kind) for p in new.parameters if p.name in was]
    if common_was != common_now:
        yield "HB104", f"parameters were ({_list(old)}), are now ({_list(new)})"
    defaults = {p.name: p.default for p in old.parameters}
    for parameter in new.parameters:
        if parameter.name in defaults and defaults[parameter.name] != parameter.default:
            before = defaults[parameter.name]
            yield "HB105", f"default of {parameter.name} was {before or 'none'}, is now {parameter.default or 'none'}"


def _places(definition: Definition, some: list[Parameter]) -> list[tuple[int, str]]:
    return [(i, p.kind) for i, p in enumerate(definition.parameters) if p in some]


def _show(parameter: Parameter) -> str:
    star = parameter.kind if parameter.kind in ("*", "**") else ""
    return star + parameter.name + (f"={parameter.default}" if parameter.default is not None else "")


def _list(definition: Definition) -> str:
    marks = {"/": "/", "=": "="}
    return ", ".join(marks.get(p.kind, "") + _show(p) for p in definition.parameters)


def _decorators(definition: Definition) -> str:
    return " ".join(f"@{d}" for d in definition.decorators) or "none"


def _async(definition: Definition) -> str:
    return "async def" if definition.is_async else "def"


def _article(name: str) -> str:
    return "a plain function" if name == "function" else f"a {name}"
