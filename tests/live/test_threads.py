"""Calls go on in other threads while bundles come and go, and operations do not get in each other's way."""

import subprocess
import sys
import threading
import types
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import hotbuild_runtime
import pytest
from harness import Workbench, state_of
from hotbuild_runtime.errors import BusyError, HotbuildError

OLD = """
class Cart:
    def __init__(self):
        self.items = [1, 2, 3]
    def total(self):
        return sum(self.items)
    @property
    def size(self):
        return len(self.items)
    def each(self):
        for item in self.items:
            yield item
def price(n):
    if n == 0:
        return 0
    return price(n - 1) + 1
"""
NEW = (
    OLD.replace("sum(self.items)", "-sum(x for x in self.items)")
    .replace("return len(self.items)", "return -len(self.items)")
    .replace("yield item", "yield -item")
    .replace("return price(n - 1) + 1", "return price(n - 1) - 1")
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Workbench, types.ModuleType]]:
    bench = Workbench(tmp_path, {"shop.py": OLD}, {"shop.py": NEW})
    assert bench.build().bundle is not None
    with bench.running() as modules:
        yield bench, modules["shop"]
    assert hotbuild_runtime.status().bundles == ()


def together(count: int, work: Callable[[int], object]) -> list[object]:
    """Run something in threads that start at once; what each gave, or the error that it raised."""
    gate = threading.Barrier(count)
    results: list[object] = [None] * count

    def run(i: int) -> None:
        gate.wait()
        try:
            results[i] = work(i)
        except BaseException as error:
            results[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_eight_threads_call_while_one_loads_and_unloads(shop: tuple[Workbench, types.ModuleType]) -> None:
    bench, module = shop
    cart = module.Cart()
    allowed = {"total": {6, -6}, "size": {3, -3}, "each": {(1, 2, 3), (-1, -2, -3)}}
    seen: dict[str, set[object]] = {name: set() for name in allowed}
    odd: list[object] = []
    stop, enough = threading.Event(), threading.Event()

    def call() -> None:
        try:
            while not stop.is_set():
                for name, value in (("total", cart.total()), ("size", cart.size), ("each", tuple(cart.each()))):
                    seen[name].add(value)
                    if value not in allowed[name]:
                        odd.append((name, value))
                if abs(module.price(20)) > 20:
                    odd.append("price")
                if seen == allowed:
                    enough.set()
        except BaseException as error:
            odd.append(error)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    loads = 0
    while loads < 50 or not (enough.is_set() or odd):
        bench.apply()
        bench.unload()
        loads += 1
    stop.set()
    for thread in threads:
        thread.join()
    assert odd == []
    assert seen == allowed


def test_operations_at_the_same_time_are_refused(shop: tuple[Workbench, types.ModuleType]) -> None:
    """While a load is held up (by its own log handler), every other operation is HB701 and status answers."""
    import logging

    bench, module = shop
    inside, go_on = threading.Event(), threading.Event()

    class Hold(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "resolve" in record.getMessage() and threading.current_thread() is loading:
                inside.set()
                go_on.wait()

    log, handler = logging.getLogger("hotbuild_runtime"), Hold(logging.INFO)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    loading = threading.Thread(target=bench.apply)
    loading.start()
    try:
        inside.wait()
        for operation in (
            lambda: hotbuild_runtime.load(bench.bundle),
            lambda: hotbuild_runtime.check(bench.bundle),
            lambda: hotbuild_runtime.unload("f" * 64),
        ):
            with pytest.raises(BusyError) as caught:
                operation()
            assert caught.value.code == "HB701"
            assert caught.value.remedy
        assert hotbuild_runtime.status().bundles == ()
        assert module.Cart().total() == 6
    finally:
        go_on.set()
        loading.join()
        log.removeHandler(handler)
        log.setLevel(level)
    assert module.Cart().total() == -6
    bench.unload()


def test_fifty_loads_at_once(shop: tuple[Workbench, types.ModuleType]) -> None:
    """One wins; the others are told that it is busy, or loaded already. Nothing is loaded twice."""
    bench, module = shop
    before = state_of({"shop": module})
    for _ in range(5):
        results = together(50, lambda _: hotbuild_runtime.load(bench.bundle))
        codes = Counter(r.code if isinstance(r, HotbuildError) else type(r).__name__ for r in results)
        assert codes["Receipt"] == 1, codes
        assert set(codes) <= {"Receipt", "HB701", "HB703"}
        assert module.Cart().total() == -6
        (loaded,) = hotbuild_runtime.status().bundles
        results = together(50, lambda _, id=loaded.id: hotbuild_runtime.unload(id))
        codes = Counter(r.code if isinstance(r, HotbuildError) else type(r).__name__ for r in results)
        assert codes["Receipt"] == 1, codes
        assert set(codes) <= {"Receipt", "HB701", "HB704"}
        assert state_of({"shop": module}) == before


def test_loads_and_unloads_at_random_end_in_order(shop: tuple[Workbench, types.ModuleType]) -> None:
    bench, module = shop
    before = state_of({"shop": module})
    bundle_id = hotbuild_runtime.check(bench.bundle).id

    def work(i: int) -> None:
        for _ in range(40):
            try:
                if i % 2:
                    hotbuild_runtime.load(bench.bundle)
                else:
                    hotbuild_runtime.unload(bundle_id)
            except HotbuildError as error:
                assert error.code in ("HB701", "HB703", "HB704")

    assert together(8, work) == [None] * 8
    if hotbuild_runtime.status().bundles:
        hotbuild_runtime.unload(bundle_id)
    assert state_of({"shop": module}) == before


FORKING = """
import logging, os, sys
import hotbuild_runtime
import shop

class Fork(logging.Handler):
    def emit(self, record):
        if "resolve" in record.getMessage() and os.getpid() == parent:
            if os.fork() == 0:
                child()

def child():
    try:
        receipt = hotbuild_runtime.load(sys.argv[1])
        worked = shop.price(1) == -1
        hotbuild_runtime.unload(receipt.id)
        worked = worked and shop.price(1) == 1
    except BaseException as error:
        print(repr(error), flush=True)
        os._exit(1)
    os._exit(0 if worked else 2)

parent = os.getpid()
log = logging.getLogger("hotbuild_runtime")
log.addHandler(Fork())
log.setLevel(logging.INFO)
hotbuild_runtime.load(sys.argv[1])
print("child ended with", os.waitstatus_to_exitcode(os.wait()[1]), "parent has", shop.price(1))
"""


def test_a_child_forked_during_a_load_is_not_busy_for_ever(tmp_path: Path) -> None:
    """A pre-forking server forks whenever it likes; the operation under way stayed behind in the parent."""
    bench = Workbench(tmp_path, {"shop.py": OLD, "forking.py": FORKING}, {"shop.py": NEW, "forking.py": FORKING})
    assert bench.build().bundle is not None
    done = subprocess.run(
        [sys.executable, "forking.py", str(bench.bundle)], cwd=bench.old, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["child ended with 0 parent has -1"], done.stdout + done.stderr


def test_running_frames_finish_on_the_code_that_they_began_with(shop: tuple[Workbench, types.ModuleType]) -> None:
    bench, module = shop
    running = module.Cart().each()
    assert next(running) == 1
    bench.apply()
    assert list(running) == [2, 3]
    began_new = module.Cart().each()
    assert next(began_new) == -1
    bench.unload()
    assert list(began_new) == [-2, -3]
