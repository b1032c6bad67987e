"""--only and --exclude: whole segments, at package, class and function level; what selected code needs comes along."""

from collections.abc import Callable

import pytest
from harness import Workbench, verdicts
from hotbuild_runtime import bundle

from hotbuild.model import Target
from hotbuild.pipeline import Result
from hotbuild.selection import matches

Make = Callable[[dict[str, str], dict[str, str]], Workbench]

CLASS = """
class Account:
    def plain(self): return {0}
    @property
    def size(self): return {0}
    @staticmethod
    def static(): return {0}
    @classmethod
    def of(cls): return {0}
    def __secret(self): return {0}
class Sub(Account):
    def plain(self): return {0}
class AccountX:
    def plain(self): return {0}
def account(): return {0}
"""


def replaced(result: Result) -> list[str]:
    assert result.bundle is not None
    return [str(r.target) for r in bundle.read(result.bundle).manifest.replacements]


def app(n: int) -> dict[str, str]:
    text = f"def f(): return {n}\n"
    return {
        "app/__init__.py": "", "app/router/__init__.py": text, "app/router/views.py": text, "app/routerx.py": text,
        "app/m.py": CLASS.format(n),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "target", "taken"),
    [
        ("app", "app.m:f", True), ("app.router", "app.router:f", True), ("app.router", "app.router.views:f", True),
        ("app.router", "app.routerx:f", False), ("app.m:A", "app.m:A.f", True), ("app.m:A", "app.m:AB", False),
        ("app.m:A.f", "app.m:A.f", True), ("app.m:A.f", "app.m:A", False), ("app:f", "app.m:f", False),
    ],
)  # fmt: skip
def test_patterns_match_whole_segments(pattern: str, target: str, taken: bool) -> None:
    module, _, qualname = target.partition(":")
    assert matches(Target(module, qualname), pattern) is taken


def test_one_function(bench: Make) -> None:
    result = bench(app(1), app(2)).build(only=("app.router:f",))
    assert replaced(result) == ["app.router:f"]


def test_a_class_takes_all_kinds_of_its_methods_and_nothing_else(bench: Make) -> None:
    result = bench(app(1), app(2)).build(only=("app.m:Account",))
    names = ("plain", "size", "static", "of", "__secret")
    assert replaced(result) == [f"app.m:Account.{name}" for name in names]


def test_a_package_is_no_prefix(bench: Make) -> None:
    result = bench(app(1), app(2)).build(only=("app.router",))
    assert replaced(result) == ["app.router:f", "app.router.views:f"]


def test_what_is_left_out_is_said(bench: Make) -> None:
    result = bench(app(1), app(2)).build(only=("app.router",))
    assert any("left out" in note for note in result.notes)


def test_exclude_wins_over_only(bench: Make) -> None:
    result = bench(app(1), app(2)).build(
        only=("app.router", "app.m:Account"), exclude=("app.router.views", "app.m:Account.of")
    )
    assert "app.router.views:f" not in replaced(result)
    assert "app.m:Account.of" not in replaced(result)
    assert "app.m:Account.plain" in replaced(result)


def test_overlapping_selections_take_each_target_once_and_give_the_same_bytes(bench: Make) -> None:
    trees = bench(app(1), app(2))
    one = trees.build(only=("app.router", "app.router.views:f", "app.router"))
    two = trees.build(only=("app.router.views", "app.router"))
    assert replaced(one) == ["app.router:f", "app.router.views:f"]
    assert one.bundle == two.bundle


def test_a_selection_of_everything_gives_the_bytes_of_no_selection(bench: Make) -> None:
    trees = bench(app(1), app(2))
    assert trees.build(only=("app",)).bundle == trees.build().bundle


def test_nothing_matches(bench: Make) -> None:
    result = bench(app(1), app(2)).build(only=("app.rout",))
    assert (result.bundle, verdicts(result)) == (None, ["empty"])


OLD = {"shop.py": "def total(x):\n    return x\ndef other():\n    return 1\n"}
NEW = {
    "shop.py": "import rates\nLIMIT = 3\nclass Rounder:\n    def go(self, x):\n        return helper(x) + rates.RATE\n"
    "def helper(x):\n    return min(x, LIMIT)\ndef unused():\n    return 1\n"
    "def total(x):\n    return Rounder().go(x)\ndef other():\n    return 2\n",
    "rates.py": "RATE = 10\n",
}


def test_what_selected_code_needs_comes_along_and_loads(bench: Make) -> None:
    trees = bench(OLD, NEW)
    result = trees.build(only=("shop:total",))
    assert verdicts(result) == [
        "insert rates:", "insert shop:LIMIT", "insert shop:Rounder", "insert shop:helper", "insert shop:rates",
        "update shop:total",
    ]  # fmt: skip
    assert any("shop:helper comes along" in note for note in result.notes)
    with trees.running() as modules:
        trees.apply()
        assert (modules["shop"].total(5), modules["shop"].other(), hasattr(modules["shop"], "unused")) == (13, 1, False)


def test_a_refused_edit_that_nobody_needs_is_left_out(bench: Make) -> None:
    old = {"shop.py": "X = 1\ndef total():\n    return 1\ndef other(a):\n    return a\n"}
    new = {"shop.py": "X = 2\ndef total():\n    return 2\ndef other(a, b):\n    return a\n"}
    result = bench(old, new).build(only=("shop:total",))
    assert (verdicts(result), result.bundle is None) == (["update shop:total"], False)


NEEDS = (
    {"shop.py": "def total():\n    return rate(1)\ndef rate(a):\n    return a\n"},
    {"shop.py": "def total():\n    return rate(1, 2)\ndef rate(a, b):\n    return a\n"},
)


def test_a_refused_edit_that_selected_code_needs_refuses(bench: Make) -> None:
    result = bench(*NEEDS).build(only=("shop:total",))
    assert (verdicts(result), result.bundle) == (["rude shop:rate HB101 parameter-added", "update shop:total"], None)


def test_excluding_the_refused_edit_overrules(bench: Make) -> None:
    result = bench(*NEEDS).build(only=("shop:total",), exclude=("shop:rate",))
    assert (verdicts(result), result.bundle is None) == (["update shop:total"], False)


def test_an_update_that_an_inserted_value_is_computed_by_is_refused_whatever_is_selected(bench: Make) -> None:
    """With `rate` left out, the value is computed by code that stays old: right for the process that results."""
    old = {"shop.py": "def rate():\n    return 1\ndef total():\n    return 0\n"}
    new = {"shop.py": "def rate():\n    return 2\nRATE = rate()\ndef total():\n    return RATE\n"}
    result = bench(old, new).build(only=("shop:total",))
    assert "rude shop:RATE HB402 value-changed" in verdicts(result)


def test_a_module_name_is_no_target(bench: Make) -> None:
    """A selected function that merely mentions a common attribute name must not draw in foreign edits for ever."""
    old = {"a.py": "def f(x):\n    return x.name\n", "b.py": "def g():\n    return 1\n"}
    new = {
        "a.py": "def f(x):\n    return x.name + 1\n",
        "b.py": "def g():\n    return 1\ndef unrelated():\n    return 2\n",
    }
    assert verdicts(bench(old, new).build(only=("a",))) == ["update a:f"]
