"""Which old definition is which new one: by qualname, then by header, then in order; nothing is guessed."""

import pytest

from hotbuild.correlate import correlate
from hotbuild.outline import outline


def pairs(old: str, new: str) -> set[tuple[int | None, int | None]]:
    """Pair two sources and name each definition by its line."""
    found = correlate(outline(old.encode(), "m", "m.py", False), outline(new.encode(), "m", "m.py", False))
    return {(p.old.line if p.old else None, p.new.line if p.new else None) for p in found}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("def f(): pass\n", "\ndef f(a): pass\n", {(1, 2)}),
        ("def f(): pass\n", "def g(): pass\n", {(1, None), (None, 1)}),
        ("def f(): pass\n", "class f: pass\n", {(1, None), (None, 1)}),
        ("def f(): pass\n", "", {(1, None)}),
        ("", "def f(): pass\n", {(None, 1)}),
        ("def f(): pass\ndef g(): pass\n", "def g(): pass\ndef f(): pass\n", {(1, 2), (2, 1)}),
        ("class A:\n  def f(self): pass\n", "class A:\n  def f(self): pass\n", {(1, 1), (2, 2)}),
        ("class A:\n  def f(self): pass\n", "def f(self): pass\n", {(1, None), (2, None), (None, 1)}),
    ],
)
def test_names(old: str, new: str, expected: set[tuple[int | None, int | None]]) -> None:
    assert pairs(old, new) == expected


def test_accessors_pair_by_their_decorator() -> None:
    old = "class A:\n @property\n def x(self): pass\n @x.setter\n def x(self, v): pass\n"
    new = "class A:\n @property\n def x(self): return 1\n @x.setter\n def x(self, v): return 1\n"
    assert pairs(old, new) == {(1, 1), (2, 2), (4, 4)}


def test_equal_headers_pair_in_order() -> None:
    old = "def _(): return 1\ndef _(): return 2\ndef _(): return 3\n"
    assert pairs(old, old.replace("2", "5")) == {(1, 1), (2, 2), (3, 3)}


def test_another_number_of_equal_headers_is_no_guess() -> None:
    two, three = "def _(): pass\n" * 2, "def _(): pass\n" * 3
    assert pairs(two, three) == {(1, None), (2, None), (None, 1), (None, 2), (None, 3)}


def test_unique_headers_pair_first_and_the_rest_stays() -> None:
    old = "def _(a: int): pass\ndef _(a: str): pass\n"
    new = "def _(a: str): pass\ndef _(a: bytes): pass\ndef _(a: int): pass\n"
    assert pairs(old, new) == {(1, 3), (2, 1), (None, 2)}


def test_a_removed_setter_leaves_the_getter_paired() -> None:
    old = "class A:\n @property\n def x(self): pass\n @x.setter\n def x(self, v): pass\n"
    new = "class A:\n @property\n def x(self): pass\n"
    assert pairs(old, new) == {(1, 1), (2, 2), (4, None)}


def test_branches() -> None:
    text = "if a:\n def f(): return 1\nelse:\n def f(): return 2\n"
    assert pairs(text, text.replace("return", "yield")) == {(2, 2), (4, 4)}


def test_every_definition_is_in_exactly_one_pair() -> None:
    old = "def f(): pass\nclass A:\n def f(self): pass\n def f(self, x): pass\nclass A: pass\n"
    new = "class A: pass\ndef f(): pass\nclass A:\n def f(self, x): pass\n def g(self): pass\n"
    found = correlate(outline(old.encode(), "m", "m.py", False), outline(new.encode(), "m", "m.py", False))
    assert sorted(p.old.line for p in found if p.old) == [1, 2, 3, 4, 5]
    assert sorted(p.new.line for p in found if p.new) == [1, 2, 3, 4, 5]
