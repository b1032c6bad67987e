"""Closures that spliced functions made while a bundle was loaded.

Owns: `list_born` (at load: which code the new functions will make closures with) and `take_back` (at unload: those that
live get the code that the old functions would have given them).

A closure whose fix dropped a captured variable lacks the cell that the old code wants: it keeps the new code until it
dies, and the receipt says so.

Tests: tests/edits/nested.edit, tests/runtime/test_born.py.
"""

import gc
from collections.abc import Iterable
from types import CodeType, FunctionType

from .ledger import Born
from .manifest import Replacement, Target
from .nest import descend
from .resolve import Site
from .splice import Change, Kind, Slot


def list_born(
    replacements: Iterable[Replacement], sites: Iterable[Site], new: dict[Target, CodeType]
) -> tuple[Born, ...]:
    """Pair the code that each spliced function makes with the code that it made before."""
    live: dict[Target, list[FunctionType]] = {}
    for site in sites:
        live.setdefault(site.target, []).append(site.function)
    found: list[Born] = []
    for r in replacements:
        if r.outer is None:
            continue
        for function in live.get(r.outer, ()):
            before = descend(function.__code__, r.old_path)
            after = descend(new[r.outer], r.new_path)
            if before is not None and after is not None:
                found.append(Born(after, before, function.__globals__))
    return tuple(found)


def take_back(born: tuple[Born, ...]) -> tuple[list[Change], int]:
    """Find the live closures that were made with new code.

    Returns:
        What to write, and how many closures cannot take the old code.
    """
    codes = {id(one.new): one.new for one in born}
    changes: list[Change] = []
    stuck = 0
    for holder in gc.get_referrers(*codes.values()) if codes else ():
        if type(holder) is not FunctionType or id(holder.__code__) not in codes:
            continue
        for one in born:
            if one.new is holder.__code__ and one.namespace is holder.__globals__:
                if one.new.co_freevars == one.old.co_freevars:
                    changes.append((Slot(Kind.CODE, holder), one.old))
                else:
                    stuck += 1
                break
    return changes, stuck
