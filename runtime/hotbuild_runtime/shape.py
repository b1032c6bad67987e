"""Whether a code object may take another's place in a live function.

Owns: the checks HB101–HB106 and HB201, HB202 on code objects. CPython makes almost none of them: it compares the number
of free variables, and accepts every change of signature and kind in silence. The build stage checks the same things on
the source; this is the second opinion, for bundles that some other tool may have written.

Pure. Tests: tests/runtime/test_shape.py.
"""

import inspect
from collections.abc import Iterator
from types import CodeType

_KIND_FLAGS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE
_STAR_FLAGS = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
_KINDS = {
    0: "a plain function",
    inspect.CO_GENERATOR: "a generator",
    inspect.CO_COROUTINE: "a coroutine",
    inspect.CO_ASYNC_GENERATOR: "an async generator",
}


def parameters(code: CodeType) -> tuple[str, ...]:
    """List the parameters in order, each with its kind: `/a` positional-only, `a`, `=a` keyword-only, `*a`, `**a`."""
    names = code.co_varnames
    plain, keyword = code.co_argcount, code.co_kwonlyargcount
    listed = [f"/{n}" if i < code.co_posonlyargcount else n for i, n in enumerate(names[:plain])]
    listed += [f"={n}" for n in names[plain : plain + keyword]]
    rest = plain + keyword
    if code.co_flags & inspect.CO_VARARGS:
        listed.append(f"*{names[rest]}")
        rest += 1
    if code.co_flags & inspect.CO_VARKEYWORDS:
        listed.append(f"**{names[rest]}")
    return tuple(listed)


def kind(code: CodeType) -> str:
    return _KINDS.get(code.co_flags & _KIND_FLAGS, "a generator-based coroutine")


def misfits(old: CodeType, new: CodeType) -> Iterator[tuple[str, str]]:
    """Say why `new` must not take the place of `old`.

    Yields:
        (HB code, message).
    """
    if not new.co_flags & inspect.CO_OPTIMIZED or not new.co_flags & inspect.CO_NEWLOCALS:
        yield "HB106", "it is not the code of a function"
    yield from _signature(parameters(old), parameters(new))
    if kind(old) != kind(new):
        yield "HB106", f"it is {kind(new)}, the live one is {kind(old)}"
    if old.co_freevars != new.co_freevars:
        added = sorted(set(new.co_freevars) - set(old.co_freevars))
        code = "HB202" if added == ["__class__"] else "HB201"
        yield code, f"it captures {_list(new.co_freevars)}, the live one holds {_list(old.co_freevars)}"


def _signature(old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if old == new:
        return
    was, now = [n.lstrip("/=*") for n in old], [n.lstrip("/=*") for n in new]
    if sorted(was) == sorted(now):
        code = "HB104"
    elif len(now) > len(was) and set(was) <= set(now):
        code = "HB101"
    elif len(now) < len(was) and set(now) <= set(was):
        code = "HB102"
    elif len(now) == len(was):
        code = "HB103"
    else:
        code = "HB101" if len(now) > len(was) else "HB102"
    yield code, f"its parameters are ({', '.join(new)}), the live ones ({', '.join(old)})"


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"
