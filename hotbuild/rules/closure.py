"""HB2xx and HB106: what a function's code object captures, and the functions made inside it.

These look at code objects, because what a function captures and whether it is a generator is the compiler's finding.
"""

import inspect
from collections import Counter
from collections.abc import Iterator
from types import CodeType

from hotbuild_runtime.fingerprint import fingerprint

Finding = tuple[str, str]

_ONE_SHOT = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
_KINDS = (
    (inspect.CO_ASYNC_GENERATOR, "an async generator"),
    (inspect.CO_COROUTINE, "a coroutine"),
    (inspect.CO_GENERATOR, "a generator"),
    (0, "a plain function"),
)


def kind(old: CodeType, new: CodeType) -> Iterator[Finding]:
    """HB106: `yield` came in or went out."""
    was, now = _kind(old), _kind(new)
    if was != now:
        yield "HB106", f"{old.co_name} was {was}, is now {now}"


def captures(old: CodeType, new: CodeType) -> Iterator[Finding]:
    """HB201, HB202: the function captures what the live one does not hold. Capturing less is no problem."""
    added = [name for name in new.co_freevars if name not in old.co_freevars]
    if added == ["__class__"]:
        yield "HB202", f"{old.co_qualname} newly uses super() or __class__"
    elif added:
        yield "HB201", f"{old.co_qualname} newly captures {', '.join(added)}"


def inner(old: CodeType, new: CodeType) -> Iterator[Finding]:
    """HB203: a nested function, lambda or class changed, which live objects may be made from.

    Comprehensions and generator expressions are called once, where they stand: no live closure of theirs is called again.
    """
    was, now = _made(old), _made(new)
    for name, prints in was.items():
        lost = prints - now.get(name, Counter())
        if lost and name in now:
            yield (
                "HB203",
                f"{name} changed inside {old.co_qualname}; functions made from it before would keep the old code",
            )


def _kind(code: CodeType) -> str:
    return next(text for flag, text in _KINDS if code.co_flags & flag or not flag)


def _made(code: CodeType) -> dict[str, Counter[bytes]]:
    """Collect the functions, lambdas and classes made in a function, by name, with the fingerprints of each."""
    found: dict[str, Counter[bytes]] = {}
    for constant in code.co_consts:
        if not isinstance(constant, CodeType):
            continue
        if constant.co_name in _ONE_SHOT or constant.co_name.startswith("<generic parameters of"):
            for name, prints in _made(constant).items():
                found.setdefault(name, Counter()).update(prints)
        else:
            found.setdefault(constant.co_name, Counter())[fingerprint(constant)] += 1
    return found
