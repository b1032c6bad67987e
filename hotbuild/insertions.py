"""Is it safe to run an inserted statement before the commit?

Owns: `unsafe_insertions`. An inserted statement runs while every function still has its old code. If it calls, even at
some removes, a function that the same fix changes, its value would be the old code's: not what a fresh import gives.

Rules
1. A call is followed by name, through every function of the changed modules that has the name; a class's name leads to
   its special methods. Names say too much rather than too little: a needless refusal, never a wrong value.
2. A value that is read from a name which the same fix changes is refused with the value.

Tests: tests/build/test_insertions.py.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from types import CodeType

from .assemble import Module
from .model import Edit, EditKind, ItemKind

_HOLDERS = {
    "partial",
    "functools.partial",
    "partialmethod",
    "functools.partialmethod",
    "staticmethod",
    "classmethod",
    "property",
}
"""Calls that keep a function for later and do not call it."""


def unsafe_insertions(modules: Sequence[Module]) -> dict[str, list[Edit]]:
    """Find insertions that depend on code which the same fix changes.

    Returns:
        A rude edit (HB402) for each, by module.
    """
    updated = {_last(e.target.qualname) for m in modules for e in m.edits if _is_code(e)}
    if not updated:
        return {}
    graph = _Graph(modules)
    found: dict[str, list[Edit]] = defaultdict(list)
    for module in modules:
        for edit in module.edits:
            if edit.kind is not EditKind.INSERT or edit.item is None or edit.one is not None:
                continue
            if hit := _hit(edit, updated, graph):
                text = f"its value comes from {hit}, which the same fix changes; it would be computed by the old code"
                found[module.change.module].append(
                    Edit(
                        EditKind.RUDE,
                        edit.target,
                        edit.path,
                        edit.old,
                        edit.new,
                        "HB402",
                        text,
                        edit.item,
                        names=edit.names,
                    )
                )
    return found


def _is_code(edit: Edit) -> bool:
    return edit.kind is EditKind.UPDATE and edit.pair is not None and not edit.pair.either.is_class


def _hit(edit: Edit, updated: set[str], graph: "_Graph") -> str:
    item = edit.item
    assert item is not None
    called = {name for name in item.called if name not in _HOLDERS}
    if not called:
        return ""
    if item.kind is ItemKind.ASSIGN and (passed := item.reads & updated):
        return min(passed)
    reached = graph.reach(_last(name) for name in called)
    return min(reached & updated, default="")


class _Graph:
    """Which names a function of the changed modules refers to, by its own name."""

    def __init__(self, modules: Sequence[Module]) -> None:
        self._refers: dict[str, set[str]] = defaultdict(set)
        for module in modules:
            for code in module.new_codes.functions.values():
                self._refers[code.co_name] |= set(_names(code))
                owner, _, name = code.co_qualname.rpartition(".")
                if owner and name.startswith("__"):
                    self._refers[_last(owner)].add(name)

    def reach(self, names: Iterable[str]) -> set[str]:
        pending, seen = list(names), set[str]()
        while pending:
            name = pending.pop()
            if name not in seen:
                seen.add(name)
                pending += self._refers.get(name, ())
        return seen


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _last(name: str) -> str:
    return name.rpartition(".")[2]
