"""Facts about this interpreter, by name, each with its evidence.

Owns: every difference between CPython versions that the loader or the build stage depends on. Nothing else in the
project asks for `sys.version_info`: it asks for a fact by name.

Each fact is checked on the running interpreter by tests/runtime/test_behavior.py.
"""

import sys
from collections.abc import Sequence
from types import CodeType

SUPPORTED = ((3, 11), (3, 12), (3, 13))
"""CPython versions on which the test suite has run. Others are refused by name (HB506), never guessed."""

FREE_THREADED = "t" in getattr(sys, "abiflags", "")
"""Without the GIL, assigning `__code__` races with calls (python/cpython#145272): refused."""

CLASS_BOOKKEEPING = frozenset({
    "__module__", "__qualname__", "__doc__", "__annotations__", "__classcell__",
    "__firstlineno__", "__static_attributes__",  # 3.13: written by every class body
    "__type_params__", "__classdictcell__",      # 3.12: PEP 695
})  # fmt: skip
"""Names that a class body binds by itself; they are not attributes that somebody wrote."""

OPTIMIZE_LEVELS = (0, 1, 2)

FROZEN_AT_START = 1_000
"""3.12 itself freezes some 375 objects when it starts; `gc.freeze()` freezes all that is tracked, never less than some
thousands. Below this number nobody has called it."""


def references(held: Sequence[object]) -> list[int]:
    """Count, for each object, the references to it apart from the list's own.

    How many references asking makes differs between versions and, on 3.12, between a cold and a hot loop: so a C loop
    asks, and it also asks for an object that nothing else refers to.
    """
    *counts, own = map(sys.getrefcount, [*held, object()])
    return [count - own - 1 for count in counts]


def why_unsupported() -> str:
    """Say why this interpreter cannot be patched; empty when it can."""
    name = sys.implementation.name
    version = ".".join(map(str, sys.version_info[:3]))
    if name != "cpython":
        return f"this is {name} {version}, not CPython"
    if sys.version_info[:2] not in SUPPORTED:
        known = ", ".join(f"{a}.{b}" for a, b in SUPPORTED)
        return f"CPython {version} has not been tested (known: {known})"
    if FREE_THREADED:
        return f"CPython {version} is a free-threaded build"
    return ""


def python_tag(optimize: int | None = None) -> str:
    """Name the code that this interpreter runs: `cpython-311-O0`."""
    level = sys.flags.optimize if optimize is None else optimize
    return f"{sys.implementation.cache_tag}-O{level}"


def docstring(code: CodeType) -> str | None:
    """Read the docstring that a function made from `code` gets.

    Up to 3.13 the compiler puts the docstring, or None, first into the constants of every `def`
    (and of nothing else whose first constant could be a string); under -OO it puts None.
    """
    first = code.co_consts[0] if code.co_consts else None
    return first if isinstance(first, str) else None
