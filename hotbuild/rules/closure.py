"""HB201, HB202 and HB106: what a function's code object captures, and its kind.

These look at code objects, because what a function captures and whether it is a generator is the compiler's finding.
"""

import inspect
from collections.abc import Iterator
from types import CodeType

Finding = tuple[str, str]

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


def _kind(code: CodeType) -> str:
    return next(text for flag, text in _KINDS if code.co_flags & flag or not flag)
