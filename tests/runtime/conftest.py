"""What the loader's tests share: a process that runs an old tree, and proof that nothing is left behind."""

import contextlib
import linecache
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import hotbuild_runtime
import pytest
from harness import Workbench
from hotbuild_runtime.newmodules import FINDER
from leftovers import leftovers

Process = tuple[Workbench, dict[str, types.ModuleType]]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Unload what a test left loaded, youngest first; that, too, must leave nothing."""
    yield
    for bundle in reversed(hotbuild_runtime.status().bundles):
        hotbuild_runtime.unload(bundle.id)
    left = leftovers()
    FINDER.set({})
    for name in [n for n in linecache.cache if n.startswith("<hotbuild")]:
        del linecache.cache[name]
    assert left == []


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Make a tree, build the bundle to another tree, and import the first; forgotten at the end."""
    with contextlib.ExitStack() as stack:
        count = 0

        def make(old: str | dict[str, str], new: str | dict[str, str], **options: object) -> Process:
            nonlocal count
            count += 1
            trees = [{"shop.py": t} if isinstance(t, str) else t for t in (old, new)]
            bench = Workbench(tmp_path / str(count), *trees)  # type: ignore[arg-type]
            bench.build(**options)
            return bench, stack.enter_context(bench.running())

        yield make
