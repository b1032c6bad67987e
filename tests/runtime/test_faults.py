"""An exception at every step of load, check and unload: before and after each function that they call, and on each line
of the files that change something (the first time that each is reached).

Whatever comes (an error, Ctrl-C), afterwards all is as it was, or the operation is done and in the books; nothing is left
behind, and the next load and unload work.
"""

import gc
import linecache
import logging
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hotbuild_runtime
import pytest
from harness import Workbench, state_of
from hotbuild_runtime import ledger, loader, newmodules, splice
from leftovers import leftovers

FOLDER = str(Path(hotbuild_runtime.__file__).parent)
BY_LINE = {"loader.py", "splice.py", "stage.py", "newmodules.py", "sources.py", "plan.py"}

OLD = {
    "shop/__init__.py": "",
    "shop/cart.py": 'class Cart:\n    "was"\n    def total(self):\n        "was"\n        return 1\n'
    "def f():\n    return probed()\n",
}
NEW = {
    "shop/__init__.py": "",
    "shop/cart.py": "from shop.tax import RATE\nimport shop.tax\n"
    'class Cart:\n    "is"\n    def total(self):\n        "is"\n        return RATE\n    def added(self):\n        return 2\n'
    "def f():\n    return 3\ndef probed():\n    return 4\ndef fresh():\n    return 5\nVALUE = [1]\n",
    "shop/tax.py": "RATE = 7\ndef rate():\n    return RATE\n",
}


class Fault(Exception):
    """The error that is injected."""


class Injector:
    """Counts the steps of an operation, or raises at one of them.

    A step is a call or return of any function of the runtime, and a line of the files in BY_LINE.
    """

    def __init__(self, at: int = -1, error: type[BaseException] = Fault) -> None:
        self.at = at
        self.error = error
        self.only_lines = error is KeyboardInterrupt  # elsewhere the two are handled alike
        self.steps = 0
        self.place = ""
        self.reached: Counter[object] = Counter()

    def step(self, frame: types.FrameType, event: str) -> None:
        key = frame.f_code, event, frame.f_lineno if event == "line" else 0
        self.reached[key] += 1
        if self.reached[key] > 1:
            return
        if self.steps == self.at:
            self.place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name} ({event})"
            self.steps += 1
            raise self.error(self.place)
        self.steps += 1

    def trace(self, frame: types.FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(FOLDER) or code.co_name.startswith("<"):
            return None
        by_line = Path(code.co_filename).name in BY_LINE
        if event == "call":
            if not by_line and (self.only_lines or self.reached[code, event, 0]):
                return None
            frame.f_trace_lines = by_line
        if event in ("call", "line", "return"):
            self.step(frame, event)
        return self.trace

    @contextmanager
    def on(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(self.trace)
        try:
            yield
        finally:
            sys.settrace(before)


@pytest.fixture(autouse=True, scope="module")
def small_heap() -> Iterator[None]:
    """Leave what pytest holds out of the loader's searches: what is patched here comes after."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def scene(process: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> "Scene":
    monkeypatch.setattr(logging.getLogger("hotbuild_runtime"), "disabled", True)
    return Scene(*process(OLD, NEW))


class Scene:
    """A process, and what it was before any load."""

    def __init__(self, bench: Workbench, modules: dict[str, types.ModuleType]) -> None:
        self.bench = bench
        self.modules = modules
        self.before = state_of(modules)
        self.known = set(sys.modules)
        self.id = self.load().id
        self.patched = state_of(modules)
        self.unload()

    def load(self) -> hotbuild_runtime.Receipt:
        return hotbuild_runtime.load(self.bench.bundle)

    def check(self) -> hotbuild_runtime.Receipt:
        return hotbuild_runtime.check(self.bench.bundle)

    def unload(self) -> hotbuild_runtime.Receipt:
        return hotbuild_runtime.unload(self.id)

    def loaded(self) -> bool:
        return [b.id for b in hotbuild_runtime.status().bundles] == [self.id]

    def faults(self) -> list[str]:
        """List what is wrong with a process that should have no bundle."""
        now = state_of(self.modules)
        found = [k for k in now.keys() | self.before.keys() if now.get(k) != self.before.get(k)]
        found += sorted(set(sys.modules) - self.known)
        return found + leftovers()


def steps(operation: Callable[[], object], error: type[BaseException] = Fault) -> int:
    counter = Injector(error=error)
    with counter.on():
        operation()
    return counter.steps


def attempt(operation: Callable[[], object], at: int, error: type[BaseException]) -> str:
    """Run an operation with a fault at one step; the place of the fault."""
    injector = Injector(at, error)
    with injector.on():
        try:
            operation()
        except BaseException:
            if not injector.place:
                raise
    assert injector.place, "the fault was not reached"
    return injector.place


ERRORS = pytest.mark.parametrize("error", [Fault, KeyboardInterrupt])


@ERRORS
def test_load(scene: Scene, error: type[BaseException]) -> None:
    count = steps(scene.load, error)
    scene.unload()
    assert count > 200
    wrong: list[str] = []
    for at in range(count):
        place = attempt(scene.load, at, error)
        if scene.loaded():
            wrong += works_again(scene, place)
        if faults := scene.faults():
            wrong.append(f"{place}: {faults[:4]}")
            repair(scene)
        wrong += works(scene, place)
    assert wrong == []


@ERRORS
def test_unload(scene: Scene, error: type[BaseException]) -> None:
    scene.load()
    count = steps(scene.unload, error)
    assert count > 50
    wrong: list[str] = []
    for at in range(count):
        scene.load()
        place = attempt(scene.unload, at, error)
        wrong += works(scene, place)
        if scene.loaded():
            wrong += works_again(scene, place)
        if faults := scene.faults():
            wrong.append(f"{place}: {faults[:4]}")
            repair(scene)
    assert wrong == []


def test_check(scene: Scene) -> None:
    scene.check()
    count = steps(scene.check)
    wrong: list[str] = []
    for at in range(count):
        place = attempt(scene.check, at, Fault)
        if faults := scene.faults():
            wrong.append(f"{place}: {faults[:4]}")
            repair(scene)
        wrong += works(scene, place)
    assert wrong == []


def works(scene: Scene, place: str) -> list[str]:
    """Ask something small after a fault: the loader is not busy for ever."""
    try:
        hotbuild_runtime.unload("no such bundle")
    except hotbuild_runtime.HotbuildError as error:
        if error.code == "HB704":
            return []
        repair(scene)
        return [f"{place}: afterwards {error.code}"]
    raise AssertionError("unloaded what is not there")


def works_again(scene: Scene, place: str) -> list[str]:
    try:
        scene.unload()
    except hotbuild_runtime.HotbuildError as error:
        repair(scene)
        return [f"{place}: afterwards {error.code}"]
    return []


def repair(scene: Scene) -> None:
    """Make the process sound by force, so that the next fault is judged for itself."""
    loader._running.clear()
    books = loader._books["now"]
    for stack in books.stacks.values():
        splice.restore([(stack.slot, stack.base)])
    loader._books["now"] = ledger.Ledger()
    newmodules.FINDER.set({})
    for name in set(sys.modules) - scene.known:
        del sys.modules[name]
    if hasattr(scene.modules["shop"], "tax"):
        del scene.modules["shop"].tax  # type: ignore[attr-defined]
    for name in [n for n in linecache.cache if n.startswith("<hotbuild")]:
        del linecache.cache[name]
    cart = vars(scene.modules["shop.cart"])
    for name in ("RATE", "shop", "fresh", "VALUE", "probed"):
        cart.pop(name, None)
    assert scene.faults() == []


def test_the_scene_is_sound(scene: Scene) -> None:
    """Without a fault: loaded, it differs; unloaded, it is as it was."""
    scene.load()
    assert scene.loaded()
    assert scene.faults() != []
    assert state_of(scene.modules)["shop.cart.Cart.__doc__"] == "is"
    scene.unload()
    assert scene.faults() == []
