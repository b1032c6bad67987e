"""An inserted statement runs before the commit: it must not see, even at some removes, code that the same fix changes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Workbench, verdicts

Make = Callable[[dict[str, str], dict[str, str]], Workbench]

BASE = """
import functools
class Money:
    def __init__(self): self.n = {0}
    def __add__(self, other): return {0}
    def __len__(self): return {0}
    def __iter__(self): return iter([{0}])
    def __init_subclass__(cls): cls.tag = {0}
    @property
    def cents(self): return {0}
    def plain(self): return {0}
    also = plain
class Meta(type):
    def __call__(cls, *args): return {0}
class Made(metaclass=Meta): pass
def rate(): return {0}
def twice(): return rate() * 2
def steady(): return 1
money, alias, table, later = Money(), rate, [rate], functools.partial(rate)
"""


@pytest.mark.parametrize(
    "statement",
    [
        "X = rate()", "X = twice()", "X = [rate() for _ in 'a']", "X = (lambda: rate())()", "X = list(map(rate, ()))",
        "X = max([1], key=lambda x: rate())", "X = Money().n", "X = Made()", "X = money.plain()", "X = money.also()",
        "X = money + money", "X = [*money]", "X = money.cents", "X = f'{money.cents}'", "X = alias()", "X = table[0]()",
        "X = later()", "X, Y = money, len(money)", "def g(a=rate()): pass", "class X:\n    a = rate()",
        "class X:\n    def m(self, a=rate()): pass", "class X(Money): pass", "class X(type(money)): pass",
    ],
)  # fmt: skip
def test_a_value_that_changed_code_makes_is_refused(bench: Make, statement: str) -> None:
    found = verdicts(bench({"m.py": BASE.format(1)}, {"m.py": BASE.format(2) + statement + "\n"}).build())
    assert any(line.startswith("rude") for line in found), found


@pytest.mark.parametrize(
    "statement",
    [
        "X = 1", "X = steady()", "X = rate", "X = [rate, twice]", "X = functools.partial(rate)", "X = lambda: rate()",
        "def g(): return rate()", "def g(a=rate): return a()", "class X:\n    a = rate\n    def m(self): return rate()",
        "class X:\n    f = staticmethod(rate)", "X = {'rate': rate}",
    ],
)  # fmt: skip
def test_a_function_that_is_only_held_is_carried(bench: Make, statement: str) -> None:
    trees = bench({"m.py": BASE.format(1)}, {"m.py": BASE.format(2) + statement + "\n"})
    found = verdicts(trees.build())
    assert not any(line.startswith("rude") for line in found), found
    with trees.running():
        trees.apply()


def test_across_modules(bench: Make) -> None:
    old = {"a.py": "def rate(): return 1\n", "b.py": "from a import rate as r\ndef f(): return r()\n"}
    new = {"a.py": "def rate(): return 2\n", "b.py": "from a import rate as r\nX = r()\ndef f(): return r()\n"}
    assert "rude b:X HB402 value-changed" in verdicts(bench(old, new).build())


def test_a_new_module_that_changed_code_runs_in(bench: Make) -> None:
    """The new module's body runs when an inserted import wants it, before the commit."""
    old = {"a.py": "def rate(): return 1\n", "c.py": "def f(): return 0\n"}
    new = {
        "a.py": "def rate(): return 2\n",
        "b.py": "from a import rate\nX = rate()\n",
        "c.py": "from b import X\ndef f(): return X\n",
    }
    assert any(line.startswith("rude") for line in verdicts(bench(old, new).build()))


def test_inserted_functions_may_be_called(bench: Make) -> None:
    old = {"m.py": "def f(): return 0\n"}
    new = {"m.py": "def helper(): return 4\nX = helper()\nclass C:\n    y = helper()\ndef f(): return X + C.y\n"}
    trees = bench(old, new)
    trees.build()
    with trees.running() as modules:
        trees.apply()
        assert modules["m"].f() == 8


def test_what_changed_code_made_at_import_is_noted(tmp_path: Path) -> None:
    """A module body is never run again: the operator is told which values stay."""
    old = "def rate():\n    return 1\nX = rate()\n"
    result = Workbench(tmp_path, {"shop.py": old}, {"shop.py": old.replace("return 1", "return 2")}).build()
    assert "shop.py:3: X was made by rate when the module was imported, and stays as it is" in result.notes
