"""HB4xx: what the body of a module, or of a class, does when it runs. It ran once and is never run again."""

from collections.abc import Iterator

from ..model import Import, Item, ItemKind
from ..names import INERT_DECORATORS

Finding = tuple[str, str]

_INERT_CLASS_DECORATORS = {"dataclass", "dataclasses.dataclass", "attr.s", "attrs.define", "attr.define", "attrs.frozen",
                           "enum.unique", "unique", "runtime_checkable", "typing.runtime_checkable"}  # fmt: skip


def statement(old: Item | None, new: Item | None) -> Finding:
    """HB401: a statement with effects came, went or changed."""
    if old is None and new is not None:
        return "HB401", f"new at the top level: {_short(new)}"
    if new is None and old is not None:
        return "HB401", f"gone from the top level: {_short(old)}"
    assert old is not None
    assert new is not None
    return "HB401", f"top-level {new.kind} changed: {_short(new)}, was {_short(old)}"


def value(old: Item, new: Item) -> Finding:
    """HB402: a name is bound to another value."""
    names = ", ".join(new.names)
    return "HB402", f"{names} was {_value(old)}, is now {_value(new)}"


def rebound(name: str, old: Item, new: Item) -> Finding:
    """HB402, HB308: a name is bound by another kind of statement."""
    if {old.kind, new.kind} == {ItemKind.CLASS, ItemKind.FUNCTION}:
        return "HB308", f"{name} was a {old.kind}, is now a {new.kind}"
    return "HB402", f"{name} was bound by: {_short(old)}; is now bound by: {_short(new)}"


def star(new: bool) -> Finding:
    return "HB405", "a star import is new" if new else "a star import is gone"


def future(old: set[str], new: set[str]) -> Iterator[Finding]:
    """HB407: the set of `from __future__` features differs."""
    if old != new:
        yield "HB407", f"from __future__ was {_features(old)}, is now {_features(new)}"


def insertion(item: Item) -> Iterator[Finding]:
    """HB401: defining the new name does more than define it."""
    for decorator in _effective_decorators(item):
        yield "HB401", f"defining {item.names[0]} calls @{decorator}, whose effects are not known and cannot be undone"


def removal(item: Item) -> Iterator[Finding]:
    """HB401: what the removed definition's decorator did stays in force."""
    for decorator in _effective_decorators(item):
        yield "HB401", f"{item.names[0]} was defined with @{decorator}, which may have registered it"


def _effective_decorators(item: Item) -> Iterator[str]:
    definition = item.definition
    if definition is None:
        return
    inert = _INERT_CLASS_DECORATORS if definition.is_class else INERT_DECORATORS
    for decorator in definition.decorators:
        name = decorator.partition("(")[0]
        accessor = name.partition(".")[0] == definition.name and name.rpartition(".")[2] in (
            "setter",
            "getter",
            "deleter",
        )
        if name not in inert and not accessor:
            yield name


def _short(item: Item) -> str:
    text = item.text.splitlines()[0]
    return text if len(text) <= 70 else text[:67] + "..."


def _value(item: Item) -> str:
    text = item.text.partition("=")[2].strip() or item.text
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def _features(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def is_future(one: Import) -> bool:
    return one.loads == "__future__"
