"""The books: bundles over each other, taken out in any order, always right."""

import itertools
from typing import Any

import pytest
from hotbuild_runtime.ledger import Entry, Ledger, NewModule, add, remove
from hotbuild_runtime.splice import MISSING, Kind, Slot
from hotbuild_runtime.transition import State


class Program:
    """A namespace that stands for a process, with the books beside it."""

    def __init__(self, **names: object) -> None:
        self.space: dict[str, object] = dict(names)
        self.books = Ledger()

    def load(self, bundle: str, built_on: tuple[str, ...] = (), **values: object) -> None:
        changes = [(Slot(Kind.ITEM, self.space, name), value) for name, value in values.items()]
        entry = Entry(bundle, bundle, 0.0, State.ENABLED, built_on=frozenset(built_on), sources=(f"<{bundle}>",))
        self.books = add(self.books, entry, changes)
        self.write(changes)

    def unload(self, bundle: str) -> None:
        changes, self.books = remove(self.books, bundle)
        self.write(changes)

    def write(self, changes: list[tuple[Slot, Any]]) -> None:
        for slot, value in changes:
            if value is MISSING:
                slot.owner.pop(slot.name, None)
            else:
                slot.owner[slot.name] = value


@pytest.mark.parametrize("order", itertools.permutations("abc"), ids="".join)
def test_independent_layers_come_off_in_any_order(order: tuple[str, ...]) -> None:
    """Whatever is left shows the youngest layer that is still loaded; hotgo resurrects a removed one here."""
    program = Program(f=0)
    for bundle in "abc":
        program.load(bundle, f=bundle, **{f"new_{bundle}": bundle})
    left = list("abc")
    for bundle in order:
        program.unload(bundle)
        left.remove(bundle)
        expected = {"f": left[-1] if left else 0, **{f"new_{b}": b for b in left}}
        assert program.space == expected
    assert program.books.stacks == {}
    assert program.books.entries == {}


@pytest.mark.parametrize("order", itertools.permutations("abc"), ids="".join)
def test_inserted_names_pass_to_the_heir(order: tuple[str, ...]) -> None:
    """b was built on a, and c on b: what a inserted stays while somebody counts on it."""
    program = Program(f=0)
    program.load("a", f="a", helper="of a")
    program.load("b", ("a",), f="b")
    program.load("c", ("b",), f="c", more="of c")
    left = list("abc")
    for bundle in order:
        program.unload(bundle)
        left.remove(bundle)
        assert program.space.get("f") == (left[-1] if left else 0)
        assert ("helper" in program.space) is bool(left and (left[0] == "a" or left in (["b"], ["c"], ["b", "c"])))
    assert program.space == {"f": 0}
    assert (program.books.stacks, program.books.entries) == ({}, {})


def test_an_inserted_name_that_another_bundle_changed() -> None:
    program = Program()
    program.load("a", helper="of a")
    program.load("b", ("a",), helper="of b")
    program.unload("a")
    assert program.space == {"helper": "of b"}
    program.unload("b")
    assert program.space == {}


def test_two_heirs_share_the_estate() -> None:
    program = Program()
    program.load("a", helper=1)
    program.load("b", ("a",), b=1)
    program.load("c", ("a",), c=1)
    program.unload("a")
    assert program.space == {"helper": 1, "b": 1, "c": 1}
    program.unload("b")
    assert program.space == {"helper": 1, "c": 1}
    program.unload("c")
    assert program.space == {}


def test_the_heir_takes_over_modules_and_sources() -> None:
    module = NewModule(compile("", "new.py", "exec"), "<a>", False)
    books = add(Ledger(), Entry("a", "a", 0.0, State.ENABLED, sources=("<a>",), modules={"new": module}), [])
    books = add(books, Entry("b", "b", 0.0, State.ENABLED, built_on=frozenset("a"), sources=("<b>",)), [])
    _, after = remove(books, "a")
    assert after.provided() == {"new": module}
    assert {name for entry in after.standing() for name in entry.sources} == {"<a>", "<b>"}
    _, end = remove(after, "b")
    assert end.provided() == {}


def test_books_are_snapshots() -> None:
    """An operation that fails before its commit leaves the old books as they were."""
    space: dict[str, object] = {"f": 0}
    empty = Ledger()
    one = add(empty, Entry("a", "a", 0.0, State.ENABLED), [(Slot(Kind.ITEM, space, "f"), 1)])
    space["f"] = 1
    two = add(one, Entry("b", "b", 0.0, State.ENABLED), [(Slot(Kind.ITEM, space, "f"), 2)])
    remove(two, "a")
    assert (len(empty.entries), len(one.entries), len(two.entries)) == (0, 1, 2)
    assert one.holder(Slot(Kind.ITEM, space, "f")) == "a"
    assert two.holder(Slot(Kind.ITEM, space, "f")) == "b"
    assert empty.holder(Slot(Kind.ITEM, space, "f")) is None


def test_staged_slots_have_nothing_below() -> None:
    """A staged name is in the namespace already when the books are made: its base is still nothing."""
    space: dict[str, object] = {"fresh": 1}
    slot = Slot(Kind.ITEM, space, "fresh")
    books = add(Ledger(), Entry("a", "a", 0.0, State.ENABLED), [(slot, 1)], [slot])
    changes, _ = remove(books, "a")
    assert [(s.name, value) for s, value in changes] == [("fresh", MISSING)]


def test_a_slot_that_a_bundle_lists_twice_leaves_nothing() -> None:
    program = Program(f=0)
    slot = Slot(Kind.ITEM, program.space, "f")
    program.books = add(program.books, Entry("a", "a", 0.0, State.ENABLED), [(slot, 1), (slot, 1)])
    _, after = remove(program.books, "a")
    assert after.stacks == {}


def test_code_history() -> None:
    def f() -> None: ...

    base, slot = f.__code__, Slot(Kind.CODE, f)
    codes = [base.replace(co_firstlineno=n) for n in (5, 6)]
    books = Ledger()
    assert books.code_history(f) == ()
    for name, code in zip("ab", codes, strict=True):
        books = add(books, Entry(name, name, 0.0, State.ENABLED), [(slot, code)])
    assert [id(c) for c in books.code_history(f)] == [id(base), id(codes[0])]
