"""PEP 695: functions, classes and aliases with type parameters. They are syntax from 3.12 on, and a syntax error before."""

import sys
from collections.abc import Callable

import pytest
from harness import Workbench

from hotbuild.codetree import CodeIndex
from hotbuild.source import SourceError

Make = Callable[[dict[str, str], dict[str, str]], Workbench]

KNOWN = sys.version_info >= (3, 12)


@pytest.mark.parametrize(
    ("old", "new", "call", "before", "after"),
    [
        ("def f[T](a: T) -> T: return a\n", "def f[T](a: T) -> T: return [a]\n", "m.f(1)", 1, [1]),
        ("class A[T]:\n    def g(self): return 1\n", "class A[T]:\n    def g(self): return 2\n", "m.A().g()", 1, 2),
        ("class A[T]:\n    def g[U](self, u: U): return 1\n", "class A[T]:\n    def g[U](self, u: U): return u\n",
        "m.A().g(7)", 1, 7),
        ("def q(): return 1\n", "class Z[T: int]:\n    v: T\n    def h[U](self, u: U) -> T: return u\n"
        "def f[T](a: T) -> T: return a\n"
         "def q(): return f(Z().h(3))\n", "m.q()", 1, 3),
        ("class A:\n    def g(self): return 1\n", "class A:\n    def g(self): return self.h(2)\n"
        "    def h[U](self, u: U) -> U: return u\n",
         "m.A().g()", 1, 2),
        ("def q(): return 1\n", "type X = int\ntype Y[T] = list[T]\ndef q(): return Y.__name__\n", "m.q()", 1, "Y"),
    ],
)  # fmt: skip
def test_type_parameters(bench: Make, old: str, new: str, call: str, before: object, after: object) -> None:
    trees = bench({"m.py": old}, {"m.py": new})
    result = trees.build()
    if not KNOWN:
        assert "HB801" in [e.code for e in result.rude]
        return
    assert not result.rude
    with trees.running() as modules:
        assert eval(call, {"m": modules["m"]}) == before
        trees.apply()
        assert eval(call, {"m": modules["m"]}) == after
        trees.unload()
        assert eval(call, {"m": modules["m"]}) == before


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("def f[T](a): return a\n", "def f[T](a): return T\n", "HB201"),
        ("class A[T]:\n    def g(self): return 1\n", "class A[T]:\n    def g(self): return T\n", "HB201"),
        ("def f[T](a): return a\n", "def f[T, U](a): return a\n", "HB108"),
        ("class A[T]: pass\n", "class A[T, U]: pass\n", "HB302"),
        ("def f[T](a=1): return a\n", "def f[T](a=2): return a\n", "HB105"),
        ("type X = int\n", "type X = str\n", "HB402"),
    ],
)
def test_type_parameters_that_change(bench: Make, old: str, new: str, code: str) -> None:
    result = bench({"m.py": old}, {"m.py": new}).build()
    assert [e.code for e in result.rude] == [code if KNOWN else "HB801"]


def test_an_inserted_method_that_names_its_class_type_parameter(bench: Make) -> None:
    """Its `T` is a cell of the class statement, which ran long ago: refused before anything is written."""
    old = "class A[T]:\n    def g(self): return 1\n"
    new = "class A[T]:\n    def g(self): return 1\n    def h(self, u: T) -> T: return u\n"
    result = bench({"m.py": old}, {"m.py": new}).build()
    assert result.rude
    assert result.bundle is None


def test_a_type_alias_is_no_function() -> None:
    text = b"type X = int\ntype Y[T] = list[T]\n"
    if KNOWN:
        assert list(CodeIndex.of(text, "m.py", 0).functions) == []
    else:
        with pytest.raises(SourceError):
            CodeIndex.of(text, "m.py", 0)


def test_type_parameters_are_looked_through() -> None:
    text = b"def f[T](a: T) -> T: return a\nclass C[T]:\n    def m[U](self): pass\n"
    if KNOWN:
        index = CodeIndex.of(text, "m.py", 0)
        assert (list(index.functions), list(index.classes)) == ([(1, "f"), (3, "m")], [(2, "C")])
    else:
        with pytest.raises(SourceError):
            CodeIndex.of(text, "m.py", 0)
