"""The commit is one step for every other thread: 1,000 functions, 8 readers, and no look that sees half a patch.

The control does the same writes in a plain Python loop; there the same readers must see torn states, or the test above
it would prove nothing.
"""

import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hotbuild_runtime
import pytest
from harness import Workbench
from hotbuild_runtime.splice import Kind, Slot, splice

FUNCTIONS = 1_000
READERS = 8
LOOKS = 10_000
COMMITS = 150


def source(version: int) -> str:
    lines = [f"def f{i}():\n    return {version}\n" for i in range(FUNCTIONS)]
    table = f"ALL = [{', '.join(f'f{i}' for i in range(FUNCTIONS))}]\n"
    extra = "" if version == 0 else "".join(f"def g{i}():\n    return {version}\n" for i in range(3))
    return "".join(lines) + extra + table


@pytest.fixture
def fast_switching() -> Iterator[None]:
    """Let threads take turns often: eight always wait, so that any gap in the commit is found."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-4)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workbench, types.ModuleType]]:
    bench = Workbench(tmp_path_factory.mktemp("crowd"), {"crowd.py": source(0)}, {"crowd.py": source(1)})
    assert bench.build().bundle is not None
    with bench.running() as modules:
        yield bench, modules["crowd"]


class Readers:
    """Threads that look at all functions at once, again and again, and keep what they saw that was torn.

    A look is one C call over the functions' code slots, which no other thread can interrupt: what it sees is the state of
    one moment.
    """

    def __init__(self, functions: list[types.FunctionType]) -> None:
        self.functions = functions
        self.looks = [0] * READERS
        self.states: set[frozenset[str]] = set()
        self.errors: list[BaseException] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(i,)) for i in range(READERS)]

    def _run(self, number: int) -> None:
        try:
            while not self._stop.is_set():
                files = frozenset(map(_file_of, list(map(_code_of, self.functions))))
                self.looks[number] += 1
                self.states.add(files)
                time.sleep(0)  # gives the turn away and asks for it again: the writer is not starved, and never alone
        except BaseException as error:
            self.errors.append(error)

    def __enter__(self) -> "Readers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *rest: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def torn(self) -> list[frozenset[str]]:
        return [files for files in list(self.states) if len(files) != 1]

    def satisfied(self) -> bool:
        """Tell whether they looked often enough, and at both states; or failed."""
        return bool(self.errors) or (sum(self.looks) >= LOOKS and len(self.states) > 1)


_code_of: Callable[[Any], Any] = types.FunctionType.__dict__["__code__"].__get__
_file_of: Callable[[Any], Any] = types.CodeType.__dict__["co_filename"].__get__


def test_no_look_is_torn_by_loads(crowd: tuple[Workbench, types.ModuleType], fast_switching: None) -> None:
    bench, module = crowd
    loads = 0
    with Readers(module.ALL) as readers:
        while loads < 2 or not readers.satisfied():
            bench.apply()
            bench.unload()
            loads += 1
    assert readers.errors == []
    assert sum(readers.looks) >= LOOKS
    assert readers.torn() == []
    assert len(readers.states) == 2, "the readers saw both states, and no other"
    assert hotbuild_runtime.status().bundles == ()


Versions = tuple[list[types.CodeType], list[types.CodeType]]


def versions(functions: list[types.FunctionType]) -> Versions:
    old = [f.__code__ for f in functions]
    return old, [c.replace(co_filename="new") for c in old]


def test_no_look_is_torn_by_bare_commits(crowd: tuple[Workbench, types.ModuleType], fast_switching: None) -> None:
    """The commit section alone, without the checks around it and with fewer functions, so that there are many."""
    functions = crowd[1].ALL[:100]
    rows = [[(Slot(Kind.CODE, f), c) for f, c in zip(functions, codes, strict=True)] for codes in versions(functions)]
    books: dict[str, int] = {}
    commits = 0
    with Readers(functions) as readers:
        while commits < COMMITS or not readers.satisfied():
            splice(rows[(commits + 1) % 2], (books.__setitem__, "commits", commits))
            commits += 1
    splice(rows[0], (books.__setitem__, "commits", commits))
    assert readers.errors == []
    assert sum(readers.looks) >= LOOKS
    assert readers.torn() == []
    assert len(readers.states) == 2


def test_the_control_a_plain_loop_tears(crowd: tuple[Workbench, types.ModuleType], fast_switching: None) -> None:
    _, module = crowd
    old, new = versions(module.ALL)
    with Readers(module.ALL) as readers:
        while not readers.torn() and not readers.errors:
            for codes in (new, old):
                for function, code in zip(module.ALL, codes, strict=True):
                    function.__code__ = code
    assert readers.errors == []
    assert readers.torn() != []


def test_functions_classes_and_names_change_together(tmp_path: Path, fast_switching: None) -> None:
    """A reader that calls the patched function finds all that it needs: the new method, the new name, the docstring."""
    old = 'class Cart:\n    "0"\n    def total(self):\n        return 0\n'
    new = (
        'class Cart:\n    "1"\n    def total(self):\n        return RATE + self.extra()\n'
        "    def extra(self):\n        return helper()\nRATE = 1\ndef helper():\n    return 1\n"
    )
    bench = Workbench(tmp_path, {"cart.py": old}, {"cart.py": new})
    bench.build()
    seen: set[int] = set()
    errors: list[BaseException] = []
    stop, both = threading.Event(), threading.Event()
    with bench.running() as modules:
        cart = modules["cart"].Cart()  # type: ignore[attr-defined]

        def read() -> None:
            while not stop.is_set():
                try:
                    seen.add(cart.total())
                except NameError:
                    pass  # a call that began before an unload finds the inserted name gone: its code is the new one still
                except AttributeError:
                    pass
                except BaseException as error:
                    errors.append(error)
                if len(seen) == 2:
                    both.set()
                time.sleep(0)

        threads = [threading.Thread(target=read) for _ in range(READERS)]
        for thread in threads:
            thread.start()
        loads = 0
        while loads < 10 or not (both.is_set() or errors):
            bench.apply()
            bench.unload()
            loads += 1
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert seen == {0, 2}
