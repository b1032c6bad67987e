"""Two outlines → pairs of definitions.

Owns: which old definition is which new one. Nothing is guessed: a rename is a removal and an insertion.

Rules
1. Definitions pair by qualname, functions with functions and classes with classes.
2. Where several share a qualname (property accessors, `def _`, branches of an `if`), those whose header is the same, and
   unique on both sides, pair first; the rest pair in order if they are as many; else they stay unpaired.

Tests: tests/build/test_correlate.py.
"""

from collections import defaultdict
from collections.abc import Iterator

from .model import Definition, Outline, Pair

Key = tuple[bool, str]


def correlate(old: Outline, new: Outline) -> list[Pair]:
    """Pair the definitions of two versions of a module, in the new source's order, then the removed ones."""
    before, after = _groups(old), _groups(new)
    pairs: list[Pair] = []
    for key in {**after, **before}:
        pairs += _pair(before.get(key, []), after.get(key, []))
    return pairs


def _groups(outline: Outline) -> dict[Key, list[Definition]]:
    groups: dict[Key, list[Definition]] = defaultdict(list)
    for definition in outline.definitions():
        groups[definition.is_class, definition.target.qualname].append(definition)
    return groups


def _pair(old: list[Definition], new: list[Definition]) -> Iterator[Pair]:
    if len(old) == len(new) == 1:
        yield Pair(old[0], new[0])
        return
    old, new = list(old), list(new)
    for candidate in list(old):
        key = _role(candidate)
        twins = [d for d in new if _role(d) == key]
        if len(twins) == 1 and sum(_role(d) == key for d in old) == 1:
            yield Pair(candidate, twins[0])
            old.remove(candidate)
            new.remove(twins[0])
    if len(old) == len(new):
        yield from (Pair(a, b) for a, b in zip(old, new, strict=True))
        return
    yield from (Pair(a, None) for a in old)
    yield from (Pair(None, b) for b in new)


def _role(definition: Definition) -> object:
    return definition.decorators, definition.parameters, definition.is_async, definition.bases, definition.guarded
