"""Inserted definitions: executed before the commit, published in it, and taken back whole."""

import sys
from collections.abc import Callable
from typing import Any

import hotbuild_runtime
import pytest
from harness import Workbench, check_properties, state_of
from hotbuild_runtime.errors import HotbuildError

Process = Callable[..., tuple[Workbench, dict[str, Any]]]

OLD = """
import functools

class Cart:
    rate = 2

    def total(self):
        return 1
"""

INSERTED = {
    "function": "def added():\n    return added.__name__\n",
    "class": "class Added:\n    def make(self):\n        return Added(), __class__\n",
    "class that derives": "class Added(Cart):\n    def total(self):\n        return super().total() + 1\n",
    "class that refers to itself below": "class Tree:\n    pass\nclass Leaf(Tree):\n    kinds = [Tree]\n",
    "value": "ADDED = [1, 2]\n",
    "two names": "ADDED, OTHER = 1, 2\n",
    "values of values": "FIRST = 1\nSECOND = FIRST + 1\nTHIRD = {SECOND: FIRST}\n",
    "import": "import json\n",
    "import of a submodule": "import xml.dom.minidom\n",
    "import as": "import os.path as where\n",
    "from import": "from math import pi, tau as turn\n",
    "cached": "@functools.lru_cache(maxsize=None)\ndef added(n):\n    return n\n",
    "annotated": "ADDED: int = 5\n",
    "comprehension": "ADDED = [n * len(str(Cart)) for n in range(2)]\n",
    "lambda": "added = lambda: Cart\n",
    "generator": "def added():\n    yield from (Cart,)\n",
}


@pytest.mark.parametrize("what", INSERTED)
def test_into_a_module(what: str, tmp_path: Any) -> None:
    bench = Workbench(tmp_path, {"shop.py": OLD}, {"shop.py": OLD + "\n" + INSERTED[what]})
    assert bench.build().bundle is not None
    check_properties(bench)


MEMBERS = {
    "method": "def added(self):\n    return self.total()",
    "super": "def added(self):\n    return super().__repr__(), __class__",
    "private": "def __added(self):\n    return self.__added",
    "private value": "__rates = (1, 2)",
    "static": "@staticmethod\ndef added(x):\n    return x",
    "class method": "@classmethod\ndef added(cls):\n    return cls.rate",
    "property": "@property\ndef added(self):\n    return 1\n@added.setter\ndef added(self, value):\n    self.rate = value",
    "cached property": "@functools.cached_property\ndef added(self):\n    return object()",
    "value": "added = 5",
    "value of a value": "added = rate + 1",
    "alias": "added = total",
    "nested class": "class Added:\n    def m(self):\n        return __class__",
    "import": "from math import pi",
    "coroutine": "async def added(self):\n    return 1",
}


@pytest.mark.parametrize("what", MEMBERS)
def test_into_a_class(what: str, tmp_path: Any) -> None:
    member = "".join(f"    {line}\n" for line in MEMBERS[what].splitlines())
    bench = Workbench(tmp_path, {"shop.py": OLD}, {"shop.py": OLD + "\n" + member})
    assert bench.build().bundle is not None
    check_properties(bench)


def test_the_class_cell_of_a_new_method_is_the_live_class(process: Process) -> None:
    bench, modules = process(OLD, OLD + "    def added(self):\n        return __class__\n")
    bench.apply()
    assert modules["shop"].Cart().added() is modules["shop"].Cart


def test_a_cached_property_works_on_objects_made_before(process: Process) -> None:
    bench, modules = process(
        OLD, OLD + "    @functools.cached_property\n    def added(self):\n        return object()\n"
    )
    cart = modules["shop"].Cart()
    bench.apply()
    assert cart.added is cart.added


def test_a_private_method_is_found_by_its_mangled_name(process: Process) -> None:
    new = OLD.replace("return 1", "return self.__added()") + "    def __added(self):\n        return 'added'\n"
    bench, modules = process(OLD, new)
    cart = modules["shop"].Cart()
    bench.apply()
    assert cart.total() == "added"


def test_modules_that_refer_to_each_other(process: Process) -> None:
    bench, modules = process(
        {"a.py": "def f():\n    return 1\n", "b.py": "import a\ndef g():\n    return 1\n"},
        {
            "a.py": "class Base:\n    pass\ndef f():\n    from b import Derived\n    return Derived\n",
            "b.py": "import a\nfrom a import Base\nclass Derived(Base):\n    pass\ndef g():\n    return Base\n",
        },
    )
    bench.apply()
    assert issubclass(modules["a"].f(), modules["b"].g())


# -- names that running code looks for already


PROBING = """
def f():
    try:
        return Helper()
    except NameError:
        return None

def ready(thing):
    return thing.Helper
"""


def test_a_name_that_live_code_probes_for(process: Process) -> None:
    bench, modules = process(PROBING, PROBING + "class Helper:\n    pass\n")
    assert modules["shop"].f() is None
    bench.apply()
    assert modules["shop"].f() is not None
    bench.unload()
    assert modules["shop"].f() is None


def test_probed_names_that_refer_to_each_other(process: Process) -> None:
    bench, modules = process(
        PROBING, PROBING + "class Helper:\n    pass\nclass More(Helper):\n    pass\nTABLE = [More, Helper]\n"
    )
    bench.apply()
    assert issubclass(modules["shop"].More, modules["shop"].Helper)
    expected = [modules["shop"].More, modules["shop"].Helper]
    assert expected == modules["shop"].TABLE


def test_a_name_that_shadows_a_builtin(process: Process) -> None:
    source = "def f(x):\n    return sum(x)\n"
    bench, modules = process(source, source + "def sum(x):\n    return 'ours'\n")
    bench.apply()
    assert modules["shop"].f([1]) == "ours"
    bench.unload()
    assert modules["shop"].f([1]) == 1


# -- failing


def failing(process: Process, new: str) -> tuple[list[str], dict[str, Any]]:
    bench, modules = process(OLD, new)
    before, known = state_of(modules), set(sys.modules)
    with pytest.raises(HotbuildError) as caught:
        bench.apply()
    assert state_of(modules) == before
    assert {n for n in set(sys.modules) - known if not n.startswith("encodings")} == set()
    return sorted({p.code for p in caught.value.problems}), modules


def test_one_that_fails_takes_all_back(process: Process) -> None:
    new = OLD + "def good():\n    return 1\nVALUE = 1 / (rate_of - 1)\nrate_of = 1\nimport no_such_module_at_all\n"
    assert failing(process, new)[0] == ["HB404"]


def test_a_name_that_the_process_made_meanwhile(process: Process) -> None:
    bench, modules = process(OLD, OLD + "def added():\n    return 1\n")
    modules["shop"].added = "already here"
    assert bench.refusal() == ["HB403"]
    assert modules["shop"].added == "already here"


def test_an_attribute_that_the_process_made_meanwhile(process: Process) -> None:
    bench, modules = process(OLD, OLD + "    def added(self):\n        return 1\n")
    modules["shop"].Cart.added = "already here"
    assert bench.refusal() == ["HB403"]
    assert modules["shop"].Cart.added == "already here"


def test_a_class_that_is_another_now(process: Process) -> None:
    bench, modules = process(OLD, OLD + "    def added(self):\n        return 1\n")
    modules["shop"].Cart = 5
    assert bench.refusal() == ["HB502"]


def test_an_import_error_names_the_place(process: Process) -> None:
    bench, _ = process(OLD, OLD + "from math import no_such_name\n")
    with pytest.raises(HotbuildError, match=r"shop:no_such_name: HB404 import-fails: .*ImportError"):
        hotbuild_runtime.load(bench.bundle)


def test_nothing_is_seen_before_the_commit(process: Process) -> None:
    """A statement that looks at the class while the additions run finds it as it was."""
    new = OLD + "    def added(self):\n        return 1\n"
    bench, modules = process(
        OLD, new + "SEEN = (hasattr(Cart, 'added'), sorted(n for n in vars(Cart) if n[0] != '_'))\n"
    )
    bench.apply()
    assert modules["shop"].SEEN == (False, ["rate", "total"])
