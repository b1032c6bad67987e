"""From a target to every live function that carries its code, or a refusal that says why not."""

import atexit
import gc
import importlib
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hotbuild_runtime
import pytest
from harness import Workbench, write_tree
from hotbuild_runtime.errors import HotbuildError

Process = Callable[..., tuple[Workbench, dict[str, Any]]]

OLD, NEW = "def f():\n    return 'old'\n", "def f():\n    return 'new'\n"


def sites(receipt: hotbuild_runtime.Receipt) -> dict[str, int]:
    return {count.target: count.sites for count in receipt.targets}


def refused(bench: Workbench) -> list[str]:
    with pytest.raises(HotbuildError) as caught:
        hotbuild_runtime.load(bench.bundle)
    return [p.code for p in caught.value.problems]


# -- what the walk does not find, the sweep does


def test_a_function_that_only_c_code_holds(process: Process) -> None:
    bench, modules = process("def f(out):\n    out.append('old')\n", "def f(out):\n    out.append('new')\n")
    held = modules["shop"].f
    atexit.register(held, [])
    try:
        del modules["shop"].f
        assert sites(bench.apply()) == {"shop:f": 1}
        out: list[str] = []
        held(out)
        assert out == ["new"]
    finally:
        atexit.unregister(held)


def test_an_alias_in_another_module_and_a_local(process: Process) -> None:
    source = "import functools\ndef f():\n    return 'old'\ndef wrap(g):\n    return lambda: g()\n"
    bench, modules = process(source, source.replace("old", "new"))
    shop = modules["shop"]
    calls = [shop.f, shop.wrap(shop.f), {"k": shop.f}["k"], types.MethodType(lambda self, f=shop.f: f(), 1)]
    bench.apply()
    assert [c() for c in calls] == ["new"] * 4
    bench.unload()
    assert [c() for c in calls] == ["old"] * 4


def test_copies_of_a_function_are_sites_too(process: Process) -> None:
    bench, modules = process(OLD, NEW)
    shop = modules["shop"]
    copy = types.FunctionType(shop.f.__code__, shop.__dict__)
    assert sites(bench.apply()) == {"shop:f": 2}
    assert copy() == "new"


def test_a_function_defined_in_a_loop(process: Process) -> None:
    source = "made = []\nfor n in range(3):\n    def f(n=n):\n        return n\n    made.append(f)\n"
    bench, modules = process(source, source.replace("return n", "return n + 100"))
    assert sites(bench.apply()) == {"shop:f": 3}
    assert [f() for f in modules["shop"].made] == [100, 101, 102]


def test_a_running_call_does_not_hide_the_others(process: Process) -> None:
    source = "def f():\n    got = yield 'old'\n    yield 'old'\n"
    bench, modules = process(source, source.replace("'old'", "'new'"))
    running = modules["shop"].f()
    next(running)
    bench.apply()
    assert next(running) == "old"
    assert list(modules["shop"].f()) == ["new", "new"]


# -- several live modules of one source


def test_one_file_under_two_names(process: Process) -> None:
    bench, modules = process({"pkg/__init__.py": "", "pkg/shop.py": OLD}, {"pkg/__init__.py": "", "pkg/shop.py": NEW})
    sys.path.insert(0, str(bench.old / "pkg"))
    try:
        twin = importlib.import_module("shop")
        assert twin is not modules["pkg.shop"]
        assert sites(bench.apply()) == {"pkg.shop:f": 2}
        assert (twin.f(), modules["pkg.shop"].f()) == ("new", "new")
        bench.unload()
        assert (twin.f(), modules["pkg.shop"].f()) == ("old", "old")
    finally:
        sys.path.remove(str(bench.old / "pkg"))
        sys.modules.pop("shop", None)


APP = """
import sys
import hotbuild_runtime

class Held:
    def say(self):
        return "old"

def total():
    return "old"

if __name__ == "__main__":
    held, first = Held().say, total
    receipt = hotbuild_runtime.load(sys.argv[1])
    print(held(), first(), total(), *(c.sites for c in receipt.targets))
    hotbuild_runtime.unload(receipt.id)
    print(held(), first(), total())
"""


@pytest.mark.parametrize("how", ["app.py", "-m pkg.app", "pkg/app.py", "-m app"])
def test_the_main_module(how: str, tmp_path: Path) -> None:
    inside = "pkg" in how
    name = "pkg/app.py" if inside else "app.py"
    package = {"pkg/__init__.py": ""} if inside else {}
    bench = Workbench(tmp_path, {**package, name: APP}, {**package, name: APP.replace('"old"', '"new"')})
    assert bench.build().bundle is not None
    done = subprocess.run(
        [sys.executable, *how.split(), str(bench.bundle)], cwd=bench.old, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["new new new 1 1", "old old old"], done.stderr


def test_the_main_module_that_is_also_imported(tmp_path: Path) -> None:
    app = APP.replace("held, first", "import app\n    held, first").replace("print(held()", "print(app.total(), held()")
    bench = Workbench(tmp_path, {"app.py": app}, {"app.py": app.replace('"old"', '"new"')})
    bench.build()
    done = subprocess.run(
        [sys.executable, "app.py", str(bench.bundle)], cwd=bench.old, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["new new new new 2 2", "old old old old"], done.stderr


def test_a_main_of_another_program_is_not_taken(tmp_path: Path) -> None:
    bench = Workbench(tmp_path, {"pkg/app.py": APP}, {"pkg/app.py": APP.replace('"old"', '"new"')})
    bench.build()
    other = write_tree(tmp_path / "other", {"myapp.py": APP})
    done = subprocess.run(
        [sys.executable, "myapp.py", str(bench.bundle)], cwd=other, capture_output=True, text=True, check=False
    )
    assert "HB502" in done.stderr


# -- reloads


def test_a_reloaded_module(process: Process) -> None:
    bench, modules = process(OLD, NEW)
    importlib.reload(modules["shop"])
    assert sites(bench.apply())["shop:f"] >= 1
    assert modules["shop"].f() == "new"


def test_what_was_held_from_before_a_reload_is_a_site_too(process: Process) -> None:
    """Same namespace, same name, same fingerprint: only the code object is another."""
    bench, modules = process(OLD, NEW)
    held = modules["shop"].f
    importlib.reload(modules["shop"])
    bench.apply()
    assert (held(), modules["shop"].f()) == ("new", "new")


def test_a_reload_while_loaded_does_not_break_the_unload(process: Process) -> None:
    bench, modules = process(OLD, NEW + "extra = 1\n")
    held = modules["shop"].f
    bench.apply()
    importlib.reload(modules["shop"])
    bench.unload()
    assert (held(), modules["shop"].f()) == ("old", "old")


# -- refusals


def test_a_monkeypatched_target(process: Process) -> None:
    bench, modules = process(OLD, NEW)
    modules["shop"].f = lambda: "monkey"
    assert refused(bench) == ["HB504"]


def test_a_target_whose_code_somebody_replaced(process: Process) -> None:
    bench, modules = process(OLD, NEW)
    modules["shop"].f.__code__ = (lambda: "monkey").__code__.replace(co_name="f", co_qualname="f")
    assert refused(bench) == ["HB504"]
    assert modules["shop"].f() == "monkey"


def test_a_monkeypatch_that_wraps_the_target_lets_it_through(process: Process) -> None:
    """Observability tools wrap functions; the wrapped one still carries the code, and stays wrapped."""
    bench, modules = process(OLD, NEW)
    original = modules["shop"].f
    modules["shop"].f = lambda: f"<{original()}>"
    bench.apply()
    assert modules["shop"].f() == "<new>"


def test_an_untouched_function_that_differs(process: Process) -> None:
    rest = "def other():\n    return {}\n"
    bench, _ = process(OLD + rest.format(1), NEW + rest.format(1))
    write_tree(bench.old, {"shop.py": OLD + rest.format(2)})
    importlib.reload(sys.modules["shop"])
    with pytest.raises(HotbuildError, match="which the fix does not touch") as caught:
        bench.apply()
    assert [(p.code, p.where) for p in caught.value.problems] == [("HB504", "shop:other")]


@pytest.mark.parametrize("thing", [len, 5, "text", object(), types.SimpleNamespace(), range])
def test_something_else_in_its_place(process: Process, thing: object) -> None:
    bench, modules = process(OLD, NEW)
    modules["shop"].f = thing
    assert refused(bench) == ["HB501"]


@pytest.mark.parametrize("path", ["f", "C.m", "C.D.m"])
def test_a_missing_target(process: Process, path: str) -> None:
    source = "def f():\n    return 1\nclass C:\n    def m(self):\n        return 1\n    class D:\n        def m(self):\n            return 1\n"  # noqa: E501
    changed = {
        "f": source.replace("1", "2", 1),
        "C.m": source[: source.index("class")] + source[source.index("class") :].replace("1", "2", 1),
        "C.D.m": source[::-1].replace("1", "2", 1)[::-1],
    }[path]
    bench, modules = process(source, changed)
    *owner, name = path.split(".")
    place = modules["shop"]
    for part in owner:
        place = getattr(place, part)
    delattr(place, name)
    assert refused(bench) == ["HB502"]


def test_a_target_in_a_lazy_object(process: Process) -> None:
    """The refusal is a refusal, whatever the object in the target's place does when it is looked at."""
    source = "class C:\n    def m(self):\n        return 1\n"
    bench, modules = process(source, source.replace("1", "2"))

    class Lazy:
        def __getattribute__(self, name: str) -> object:
            raise RuntimeError("no application context")

    modules["shop"].C = Lazy()
    gc.collect()
    assert refused(bench) in (["HB501"], ["HB502"])


def test_a_copy_in_another_namespace_is_ambiguous(process: Process) -> None:
    bench, modules = process(OLD, NEW)
    keep = types.FunctionType(modules["shop"].f.__code__, {"__name__": "elsewhere"})
    assert refused(bench) == ["HB503"]
    assert keep() == "old"


def test_equal_definitions_are_told_apart_by_their_lines(process: Process) -> None:
    source = "held = []\nfor _ in [1]:\n    def f():\n        return 1\nheld.append(f)\nif held:\n    def f():\n        return 1\nheld.append(f)\n"  # noqa: E501
    changed = source[::-1].replace("1 nruter", "2 nruter", 1)[::-1]
    bench, modules = process(source, changed)
    assert [f() for f in modules["shop"].held] == [1, 1]
    bench.apply()
    assert [f() for f in modules["shop"].held] == [1, 2]


def test_a_branch_that_was_not_taken_is_no_obstacle_to_the_rest(process: Process) -> None:
    """A fix of the Windows branch, and a new function, on a machine that took the other branch."""
    source = "import sys\nif sys.platform == 'win32':\n    def f():\n        return 1\nelse:\n    def f():\n        return 2\n"
    bench, modules = process(source, source.replace("return 1", "return 3") + "def added():\n    return 4\n")
    bench.apply()
    assert (modules["shop"].f(), modules["shop"].added()) == (2, 4)
