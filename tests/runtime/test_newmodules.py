"""Modules that come with a bundle: served while it is loaded, gone with it."""

import gc
import importlib
import importlib.util
import inspect
import sys
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from harness import Workbench, state_of
from hotbuild_runtime.errors import HotbuildError
from hotbuild_runtime.newmodules import FINDER

Process = Callable[..., tuple[Workbench, dict[str, Any]]]

OLD = {"shop/__init__.py": "", "shop/cart.py": "def total():\n    return 'old'\n"}
TAX = "ran = []\ndef tax():\n    return 'tax'\nclass Rate:\n    pass\n"
NEW = {
    **OLD,
    "shop/cart.py": "from shop import tax\nfrom .tax import Rate\ndef total():\n    return tax.tax(), Rate\n",
    "shop/tax.py": TAX,
}


def test_a_new_module_is_imported_and_forgotten(process: Process) -> None:
    bench, modules = process(OLD, NEW)
    before = state_of(modules)
    bench.apply()
    tax = sys.modules["shop.tax"]
    assert modules["shop.cart"].total() == ("tax", tax.Rate)  # type: ignore[attr-defined]
    assert (tax.__name__, tax.__package__, modules["shop"].tax) == ("shop.tax", "shop", tax)
    watch = weakref.ref(tax.tax.__code__)  # type: ignore[attr-defined]
    del tax
    bench.unload()
    assert "shop.tax" not in sys.modules
    assert not hasattr(modules["shop"], "tax")
    assert state_of(modules) == before
    gc.collect()
    assert watch() is None
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("shop.tax")


def test_it_runs_when_it_is_imported_and_not_before(process: Process) -> None:
    bench, _ = process(OLD, {**OLD, "shop/tax.py": TAX, "shop/cart.py": "def total():\n    return 'new'\n"})
    bench.apply()
    assert "shop.tax" not in sys.modules
    found = importlib.import_module("shop.tax")
    assert found.tax() == "tax"
    bench.unload()
    assert "shop.tax" not in sys.modules


def test_a_new_package(process: Process) -> None:
    new = {**OLD, "shop/rates/__init__.py": "from . import low\n", "shop/rates/low.py": "RATE = 1\n", "top.py": "T = 2\n",
           "shop/cart.py": "import top\nfrom shop.rates.low import RATE\ndef total():\n    return RATE, top.T\n"}  # fmt: skip
    bench, modules = process(OLD, new)
    bench.apply()
    assert modules["shop.cart"].total() == (1, 2)
    assert importlib.util.find_spec("shop.rates.low") is not None
    bench.unload()
    assert [n for n in sys.modules if n.startswith(("shop.rates", "top"))] == []


def test_a_new_module_that_fails_is_refused_and_forgotten(process: Process) -> None:
    bench, modules = process(OLD, {**NEW, "shop/tax.py": "import shop\nshop.touched = True\n1 / 0\n"})
    with pytest.raises(HotbuildError, match=r"HB404.*ZeroDivisionError"):
        bench.apply()
    assert "shop.tax" not in sys.modules
    assert FINDER not in sys.meta_path
    assert modules["shop.cart"].total() == "old"


def test_a_module_that_exists_already(process: Process) -> None:
    bench, _ = process(OLD, NEW)
    (bench.old / "shop" / "tax.py").write_text("mine = 1\n")
    importlib.invalidate_caches()
    mine = importlib.import_module("shop.tax")
    try:
        assert bench.refusal() == ["HB403"]
        assert sys.modules["shop.tax"] is mine
    finally:
        del sys.modules["shop.tax"]


def test_check_serves_nothing(process: Process) -> None:
    import hotbuild_runtime

    bench, _ = process(OLD, NEW)
    hotbuild_runtime.check(bench.bundle)
    assert FINDER not in sys.meta_path
    assert "shop.tax" not in sys.modules


def test_its_source_is_shown(process: Process) -> None:
    bench, _ = process(OLD, NEW)
    bench.apply()
    tax: Any = sys.modules["shop.tax"]
    assert inspect.getsource(tax.tax) == "def tax():\n    return 'tax'\n"
    assert inspect.getsource(tax) == TAX
    try:
        tax.tax(1)
    except TypeError as error:
        assert traceback.extract_tb(error.__traceback__)


def test_the_hook_is_there_only_while_needed(process: Process) -> None:
    bench, _ = process(OLD, NEW)
    plain, _ = process({"plain.py": "def f():\n    return 1\n"}, {"plain.py": "def f():\n    return 2\n"})
    plain.apply()
    assert FINDER not in sys.meta_path
    bench.apply()
    assert sys.meta_path.count(FINDER) == 1
    plain.unload()
    assert sys.meta_path.count(FINDER) == 1
    bench.unload()
    assert FINDER not in sys.meta_path
