"""The walk from a module to its functions: through every usual wrapper, and without running the program."""

import functools
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from hotbuild_runtime.census import Census, live_modules

HELD = {
    "a global": "f = target",
    "a static method": "class C:\n    m = staticmethod(target)",
    "a class method": "class C:\n    m = classmethod(target)",
    "a property": "class C:\n    m = property(None, target)",
    "a property's deleter": "class C:\n    m = property(None, None, target)",
    "a cached property": "class C:\n    m = functools.cached_property(target)",
    "a nested class": "class C:\n    class D:\n        m = target",
    "a partial": "f = functools.partial(target, 1)",
    "a partial method": "class C:\n    m = functools.partialmethod(target, 1)",
    "a cache": "f = functools.lru_cache(target)",
    "a cached static method": "class C:\n    m = staticmethod(functools.lru_cache(target))",
    "wraps": "f = wraps(target)",
    "wraps of wraps": "f = wraps(wraps(wraps(target)))",
    "a closure cell": "def maker(g):\n    return lambda: g()\nf = maker(target)",
    "a default": "f = lambda g=target: g()",
    "a function's attribute": "def f(): ...\nf.target = target",
    "a singledispatch": "f = functools.singledispatch(lambda x: x)\nf.register(int, target)",
    "a singledispatch method": "class C:\n    m = functools.singledispatchmethod(lambda s, x: x)\n    m.register(int, target)",
    "a dictionary": "table = {'k': [(target,)]}",
    "a set": "table = {target}",
    "an instance": "class C: ...\nheld = C()\nheld.callback = target",
    "slots": "class C:\n    __slots__ = ('callback',)\nheld = C()\nheld.callback = target",
    "a bound method": "class C: ...\nheld = types.MethodType(target, C())",
    "a mapping proxy": "table = types.MappingProxyType({'k': target})",
    "a metaclass": "class Meta(type):\n    m = target\nclass C(metaclass=Meta): ...",
}

HEAD = """
import functools, types
def wraps(f):
    @functools.wraps(f)
    def wrapper(*args):
        return f(*args)
    return wrapper
def target(*args):
    "Say."
"""


def module(source: str, name: str = "walked") -> types.ModuleType:
    made = types.ModuleType(name)
    exec(source, made.__dict__)
    return made


@pytest.mark.parametrize("how", HELD)
def test_functions_are_found_wherever_they_are_held(how: str) -> None:
    made = module(HEAD + HELD[how] + "\nkept = [target]\ndel target\n")
    (target,) = made.kept
    del made.kept
    assert [f for f in Census(made).functions.get("target", []) if f is target] == [target]


def test_a_function_is_listed_once() -> None:
    made = module(HEAD + "a = b = target\nclass C:\n    m = target\n    n = property(target, target)\n")
    assert len(Census(made).functions["target"]) == 1


def test_other_modules_are_not_entered() -> None:
    other = module("def g(): ...\nclass C:\n    def m(self): ...\n", "other")
    made = module("def f(): ...\n")
    made.other, made.C, made.g = other, other.C, other.g  # type: ignore[attr-defined]
    assert set(Census(made).functions) == {"f"}


def carriers(source: str) -> list[object]:
    made = module(HEAD + source)
    census = Census(made)
    return list(census.all_carriers(made.target))


def test_what_shows_the_docstring_is_known() -> None:
    found = carriers(
        "class C:\n    p = property(target)\n    s = staticmethod(wraps(target))\nf = wraps(wraps(target))\n"
    )
    kinds = sorted(type(c).__name__ for c in found)
    assert kinds == ["function", "function", "function", "property", "staticmethod"]


@pytest.mark.parametrize(
    "source",
    [
        "target.__wrapped__ = target",
        "f = wraps(target)\ntarget.__wrapped__ = f",
        "class C:\n    p = property(target, target)",
    ],
)
def test_carriers_end_and_come_once(source: str) -> None:
    found = carriers(source)
    assert len({id(c) for c in found}) == len(found)


LAZY = """
ran = []
class Lazy:
    @property
    def __class__(self):
        ran.append("__class__")
        raise RuntimeError("no application context")
    def __getattr__(self, name):
        ran.append(name)
        raise RuntimeError("no application context")
    def __eq__(self, other): ran.append("eq")
    def __hash__(self): ran.append("hash"); return 1
    def __len__(self): ran.append("len")
    def __iter__(self): ran.append("iter")
    def __bool__(self): ran.append("bool")
current = Lazy()
table = {"x": current}
def f(): ...
"""


def test_no_code_of_the_program_runs() -> None:
    """Lazy objects (werkzeug's LocalProxy, Django's settings) stay as they are."""
    made = module(LAZY)
    made.ran.clear()
    assert "f" in Census(made).functions
    assert made.ran == []


def test_metaclasses_are_not_asked() -> None:
    made = module(
        "ran = []\nclass Meta(type):\n    def __getattribute__(cls, name):\n        ran.append(name)\n"
        "        return type.__getattribute__(cls, name)\nclass C(metaclass=Meta):\n    def m(self): ...\n"
    )
    made.ran.clear()
    assert "C.m" in Census(made).functions
    assert made.ran == []


def test_large_and_deep_structures_are_left_to_the_sweep() -> None:
    made = module("def f(): ...\nlarge = {i: i for i in range(100_000)}\nloop = []\nloop.append(loop)\n")
    assert "f" in Census(made).functions


# -- which modules


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., types.ModuleType]:
    def make(name: str, **attributes: object) -> types.ModuleType:
        made = types.ModuleType(name)
        made.__dict__.update(attributes)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    return make


Listed = Callable[..., types.ModuleType]


def test_a_module_under_two_names(listed: Listed) -> None:
    file = str(Path("/srv/shop/cart.py"))
    one, two = listed("shop.cart", __file__=file), listed("cart", __file__=file)
    listed("elsewhere", __file__="/srv/other/cart.py")
    assert live_modules("shop.cart", "shop/cart.py") == [one, two]


def test_a_module_that_is_not_there() -> None:
    assert live_modules("no_such_module_here", "no_such_module_here.py") == []


def test_a_module_that_is_being_imported(listed: Listed) -> None:
    spec = types.SimpleNamespace(_initializing=True, name="half")
    listed("half", __spec__=spec)
    assert live_modules("half", "half.py") == []


def test_odd_things_in_sys_modules(listed: Listed, monkeypatch: pytest.MonkeyPatch) -> None:
    made = listed("fine", __file__="/srv/fine.py")
    space = module(LAZY)
    space.ran.clear()
    monkeypatch.setitem(sys.modules, "odd_none", None)
    monkeypatch.setitem(sys.modules, "odd_lazy", space.current)
    assert live_modules("fine", "fine.py") == [made]
    assert space.ran == []


def test_partial_objects_are_no_doc_carriers() -> None:
    assert functools.partial not in {type(c) for c in carriers("f = functools.partial(target)")}
