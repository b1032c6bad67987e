"""The books: what each slot runs now and ran before, and by whose hand.

Owns: `Ledger` (an immutable snapshot), `Entry` (a loaded bundle), `Stack` (a slot's history), and the two operations on
them: `add` and `remove`. A snapshot is replaced as a whole, in the commit itself.

Rules
1. A slot has a base, the value that it had before any bundle, and layers, one per bundle that holds it, in load order.
   The top layer is in force. Removing a bundle takes its layers out wherever they lie; only a removed top is written.
   So bundles can be unloaded in any order, and a removed one never comes back.
2. A bundle that was built on another needs the names that the other inserted. When the other goes, those names pass to
   the heir instead of being deleted.
3. Nothing else keeps code alive: after a bundle is gone no snapshot refers to its code.

No threads, no clock. Tests: tests/runtime/test_ledger.py.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from types import CodeType, FunctionType

from .receipt import SiteCount
from .splice import MISSING, Change, Kind, Slot
from .transition import State


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """A slot's history: its base, then (bundle id, value) in load order."""

    slot: Slot
    base: object
    layers: tuple[tuple[str, object], ...]

    def below(self, bundle: str) -> object:
        """Find the value in force once the layer of `bundle` is gone."""
        rest = [value for owner, value in self.layers if owner != bundle]
        return rest[-1] if rest else self.base


@dataclass(frozen=True, slots=True, eq=False)
class NewModule:
    """A module that came with a bundle.

    Args:
        code: its body.
        filename: under which `linecache` has its source.
        package: whether it may hold submodules.
    """

    code: CodeType
    filename: str
    package: bool


@dataclass(frozen=True, slots=True, eq=False)
class Born:
    """What a spliced function makes: closures with `new`, where before it made them with `old`."""

    new: CodeType
    old: CodeType
    namespace: dict[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A loaded bundle.

    Args:
        id, name, since, base: as in `LoadedBundle`.
        state: where in its life it is.
        targets: what it replaced, for the status.
        added: names that it inserted.
        built_on: ids of loaded bundles whose insertions this one counts on.
        sources: file names in `linecache` that are its.
        modules: new modules that it provides, by name.
        born: code of the closures that its functions make while it is loaded.
    """

    id: str
    name: str
    since: float
    state: State
    targets: tuple[SiteCount, ...] = ()
    added: tuple[str, ...] = ()
    base: tuple[str, ...] = ()
    built_on: frozenset[str] = frozenset()
    sources: tuple[str, ...] = ()
    modules: dict[str, NewModule] = field(default_factory=dict)
    born: tuple[Born, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """What is loaded, oldest first, and the history of every slot that some bundle holds."""

    entries: dict[str, Entry] = field(default_factory=dict)
    stacks: dict[tuple[Kind, int, str], Stack] = field(default_factory=dict)

    def stack(self, slot: Slot) -> Stack | None:
        return self.stacks.get(slot.key)

    def code_history(self, function: FunctionType) -> tuple[CodeType, ...]:
        """List the code objects that a function had before its present one, base first; empty when never patched."""
        stack = self.stack(Slot(Kind.CODE, function))
        if stack is None:
            return ()
        below = (stack.base, *(value for _, value in stack.layers[:-1]))
        return tuple(c for c in below if isinstance(c, CodeType))

    def holder(self, slot: Slot) -> str | None:
        """Name the bundle whose value is in force."""
        stack = self.stack(slot)
        return stack.layers[-1][0] if stack else None

    def provided(self) -> dict[str, NewModule]:
        """List the new modules of all loaded bundles."""
        return {name: module for entry in self.entries.values() for name, module in entry.modules.items()}

    def heirs(self, bundle: str) -> list[str]:
        """List the bundles that were built on this one, oldest first."""
        return [e.id for e in self.entries.values() if bundle in e.built_on]


def add(ledger: Ledger, entry: Entry, changes: Iterable[Change], staged: Collection[Slot] = ()) -> Ledger:
    """Make the books in which `entry` is in force on top of everything.

    Args:
        ledger: the books as they are.
        entry: the bundle.
        changes: what it writes.
        staged: slots among them that hold their new value already, and held nothing before.
    """
    ahead = {slot.key for slot in staged}
    stacks = dict(ledger.stacks)
    for slot, value in changes:
        old = stacks.get(slot.key)
        if old is None:
            old = Stack(slot, MISSING if slot.key in ahead else slot.read(), ())
        stacks[slot.key] = replace(old, layers=(*old.layers, (entry.id, value)))
    return Ledger({**ledger.entries, entry.id: entry}, stacks)


def remove(ledger: Ledger, bundle: str) -> tuple[list[Change], Ledger]:
    """Make the books without a bundle.

    Returns:
        What has to be written, and the new books.
    """
    heirs = ledger.heirs(bundle)
    heir = heirs[0] if heirs else None
    changes: list[Change] = []
    stacks = {key: _rebased(stack, ledger.entries[bundle].born) for key, stack in ledger.stacks.items()}
    for key, stack in list(stacks.items()):
        if bundle not in {owner for owner, _ in stack.layers}:
            continue
        only = len(stack.layers) == 1
        if heir is not None and stack.base is MISSING and only:
            stacks[key] = replace(stack, layers=((heir, stack.layers[0][1]),))
            continue
        if stack.layers[-1][0] == bundle:
            changes.append((stack.slot, stack.below(bundle)))
        if only:
            del stacks[key]
        else:
            stacks[key] = replace(stack, layers=tuple(layer for layer in stack.layers if layer[0] != bundle))
    return changes, Ledger(_entries_without(ledger, bundle, heir), stacks)


def _rebased(stack: Stack, born: tuple[Born, ...]) -> Stack:
    """A closure born under the bundle that goes has that bundle's code as its base; the code before that takes its place."""
    for one in born:
        if stack.base is one.new and one.new.co_freevars == one.old.co_freevars:
            return replace(stack, base=one.old)
    return stack


def _still_born(entry: Entry, gone: tuple[Born, ...]) -> tuple[Born, ...]:
    before = {id(one.new): one.old for one in gone}
    return tuple(replace(one, old=before.get(id(one.old), one.old)) for one in entry.born)


def _entries_without(ledger: Ledger, bundle: str, heir: str | None) -> dict[str, Entry]:
    gone = ledger.entries[bundle]
    entries: dict[str, Entry] = {}
    for entry in ledger.entries.values():
        if entry.id == bundle:
            continue
        if entry.id == heir:
            # The heir takes over what it needs: inserted names (above), new modules and their sources.
            entry = replace(
                entry,
                built_on=(entry.built_on | gone.built_on) - {bundle},
                modules={**gone.modules, **entry.modules},
                sources=(*gone.sources, *entry.sources),
                added=(*gone.added, *entry.added),
            )
        elif bundle in entry.built_on:
            entry = replace(entry, built_on=(entry.built_on - {bundle}) | ({heir} if heir else set()))
        entries[entry.id] = replace(entry, born=_still_born(entry, gone.born))
    return entries
