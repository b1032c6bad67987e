"""The books: what each slot runs now and ran before, and by whose hand.

Owns: `Ledger` (an immutable snapshot), `Entry` (a loaded bundle), `Stack` (a slot's history), and the two operations on
them: `add` and `remove`. A snapshot is replaced as a whole, in the commit itself.

Rules
1. A slot has a base, the value that it had before any bundle, and layers, one per bundle that holds it, in load order.
   The top layer is in force. Removing a bundle takes its layers out wherever they lie; only a removed top is written.
   So bundles can be unloaded in any order, and a removed one never comes back.
2. A bundle that was built on another needs the names and modules that the other inserted. When the other goes first,
   they stay as its *estate* until nobody who was built on it is left.
3. Nothing else keeps code alive: after a bundle is gone no snapshot refers to its code.

No threads, no clock. Tests: tests/runtime/test_ledger.py.
"""

from collections.abc import Collection, Iterable, Iterator
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
        compiled: fingerprint of a re-assembled code object → of the same code as the new tree has it.
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
    compiled: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """What is loaded, oldest first; what left an estate; and the history of every slot that some bundle holds."""

    entries: dict[str, Entry] = field(default_factory=dict)
    estates: dict[str, Entry] = field(default_factory=dict)
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
        """List the new modules of all loaded bundles, and of estates."""
        return {name: module for entry in self.standing() for name, module in entry.modules.items()}

    def standing(self) -> Iterator[Entry]:
        """Yield all that keeps something in the process: estates, then loaded bundles."""
        yield from self.estates.values()
        yield from self.entries.values()


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
    return Ledger({**ledger.entries, entry.id: entry}, ledger.estates, stacks)


def remove(ledger: Ledger, bundle: str) -> tuple[list[Change], Ledger]:
    """Make the books without a bundle.

    Returns:
        What has to be written, and the new books.
    """
    gone = ledger.entries[bundle]
    entries = {e.id: replace(e, born=_still_born(e, gone.born)) for e in ledger.entries.values() if e.id != bundle}
    estates = _needed({**ledger.estates, bundle: gone}, entries)
    changes: list[Change] = []
    stacks: dict[tuple[Kind, int, str], Stack] = {}
    for key, stack in ledger.stacks.items():
        old = _rebased(stack, gone.born)
        layers = tuple(layer for layer in old.layers if _stays(layer[0], old, entries, estates))
        if layers[-1:] != old.layers[-1:]:
            changes.append((old.slot, layers[-1][1] if layers else old.base))
        if layers:
            stacks[key] = replace(old, layers=layers)
    return changes, Ledger(entries, estates, stacks)


def _stays(owner: str, stack: Stack, entries: dict[str, Entry], estates: dict[str, Entry]) -> bool:
    """Tell whether a layer stands: its bundle is loaded, or it is a name that a bundle built on it needs."""
    return owner in entries or (owner in estates and stack.base is MISSING)


def _needed(estates: dict[str, Entry], entries: dict[str, Entry]) -> dict[str, Entry]:
    """Keep the estates of those on whom something that stands was built."""
    while True:
        wanted = {id for e in (*entries.values(), *estates.values()) for id in e.built_on}
        kept = {id: e for id, e in estates.items() if id in wanted}
        if len(kept) == len(estates):
            return kept
        estates = kept


def _rebased(stack: Stack, born: tuple[Born, ...]) -> Stack:
    """A closure born under the bundle that goes has that bundle's code as its base; the code before that takes its place."""
    for one in born:
        if stack.base is one.new and one.new.co_freevars == one.old.co_freevars:
            return replace(stack, base=one.old)
    return stack


def _still_born(entry: Entry, gone: tuple[Born, ...]) -> tuple[Born, ...]:
    before = {id(one.new): one.old for one in gone}
    return tuple(replace(one, old=before.get(id(one.old), one.old)) for one in entry.born)
