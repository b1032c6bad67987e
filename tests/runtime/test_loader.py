"""load, check, unload and status, end to end in this process."""

import gc
import logging
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hotbuild_runtime
import pytest
from forge import digest, forge, reforge, replace
from harness import Workbench, state_of
from hotbuild_runtime import loader
from hotbuild_runtime.errors import HotbuildError

Process = Callable[..., tuple[Workbench, dict[str, Any]]]

OLD = 'class Cart:\n    "was"\n    def total(self):\n        "was"\n        return 1\ndef other():\n    return 1\n'
NEW = OLD.replace("was", "is").replace("return 1", "return 2", 1) + "def added():\n    return 3\n"


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(HotbuildError) as caught:
        call()
    return caught.value.code


def test_a_receipt_says_what_was_done(process: Process) -> None:
    bench, _ = process(OLD, NEW.replace("def other():\n    return 1\n", ""))
    receipt = bench.apply()
    assert (receipt.operation, receipt.name, len(receipt.id)) == ("load", "fix", 64)
    assert [(t.target, t.sites) for t in receipt.targets] == [("shop:Cart.total", 1)]
    assert (receipt.added, receipt.kept) == (("shop:added",), ("shop:other",))
    assert any("other" in note for note in receipt.notes)
    assert list(receipt.phases) == ["read", "select", "resolve", "stage", "splice"]
    assert all(seconds >= 0 for seconds in receipt.phases.values())
    assert receipt.seconds == sum(receipt.phases.values())
    undone = bench.unload()
    assert (undone.id, undone.operation, undone.added) == (receipt.id, "unload", ("shop:added",))
    assert list(undone.phases) == ["resolve", "splice"]


def test_check_says_the_same_and_changes_nothing(process: Process) -> None:
    bench, modules = process(OLD, NEW)
    before = state_of(modules)
    told = hotbuild_runtime.check(bench.bundle)
    assert state_of(modules) == before
    assert hotbuild_runtime.status().bundles == ()
    assert told.operation == "check"
    done = bench.apply()
    assert (told.id, told.targets, told.added, told.kept) == (done.id, done.targets, done.added, done.kept)


def test_each_phase_is_logged_with_its_seconds(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    bench, _ = process(OLD, NEW)
    with caplog.at_level(logging.INFO, "hotbuild_runtime"):
        bench.apply()
        bench.unload()
    lines = [r.getMessage() for r in caplog.records if r.name == "hotbuild_runtime"]
    words = [line.split(" took ")[0] for line in lines]
    assert words == [
        *(f"load: {p}" for p in ("read", "select", "resolve", "stage", "splice")),
        "unload: resolve",
        "unload: splice",
    ]
    assert all(line.endswith(" s") for line in lines)


def test_a_refusal_is_logged(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    bench, _ = process(OLD, NEW)
    bench.bundle.write_bytes(b"damaged")
    with caplog.at_level(logging.WARNING, "hotbuild_runtime"):
        assert bench.refusal() == ["HB609"]
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert "nothing was changed" in caplog.text


def test_status(process: Process, tmp_path: Path) -> None:
    bench, _ = process(OLD, NEW)
    over = Workbench(tmp_path / "over", {"shop.py": NEW}, {"shop.py": NEW.replace("return 2", "return 4")})
    over.build(name="second")
    assert hotbuild_runtime.status() == hotbuild_runtime.Status((), {})
    first, second = bench.apply(), over.apply()
    status = hotbuild_runtime.status()
    assert [(b.id, b.name, b.state) for b in status.bundles] == [
        (first.id, "fix", "enabled"),
        (second.id, "second", "enabled"),
    ]
    assert status.targets == {"shop:Cart.total": (first.id, second.id)}
    over.unload()
    assert hotbuild_runtime.status().targets == {"shop:Cart.total": (first.id,)}


def test_receipts_and_status_keep_no_code_alive(process: Process) -> None:
    bench, modules = process(OLD, NEW)
    kept: list[object] = [bench.apply(), hotbuild_runtime.status(), hotbuild_runtime.check(forge_other(bench))]
    watches = [weakref.ref(f.__code__) for f in (modules["shop"].Cart.total, modules["shop"].added)]
    kept.append(bench.unload())
    gc.collect()
    assert [w() for w in watches] == [None, None]


def forge_other(bench: Workbench) -> Path:
    path = bench.bundle.with_name("other.hpb")
    path.write_bytes(forge(OLD, OLD.replace("def other():\n    return 1", "def other():\n    return 5"), ["other"]))
    return path


# -- which bundle may be loaded


def test_twice_the_same(process: Process) -> None:
    bench, _ = process(OLD, NEW)
    bench.apply()
    assert code_of(bench.apply) == "HB703"
    bench.unload()
    bench.apply()


@pytest.mark.parametrize("id", ["", "f" * 64, "0", "no such id", "ab" * 5])
def test_an_id_that_is_not_loaded(process: Process, id: str) -> None:
    assert code_of(lambda: hotbuild_runtime.unload(id)) == "HB704"
    bench, _ = process(OLD, NEW)
    bench.apply()
    assert code_of(lambda: hotbuild_runtime.unload(id)) == "HB704"


def test_a_short_id_is_enough(process: Process) -> None:
    bench, modules = process(OLD, NEW)
    receipt = bench.apply()
    assert code_of(lambda: hotbuild_runtime.unload(receipt.id[:11])) == "HB704"
    assert hotbuild_runtime.unload(receipt.id[:12]).id == receipt.id
    bench.receipts.clear()
    assert modules["shop"].Cart().total() == 1


def test_a_base_that_is_not_loaded(process: Process, tmp_path: Path) -> None:
    first, modules = process(OLD, NEW)
    base = first.build().id
    over = Workbench(tmp_path / "over", {"shop.py": NEW}, {"shop.py": NEW.replace("return 2", "return 4")})
    over.build(base=(base,))
    assert code_of(over.apply) == "HB705"
    first.apply()
    assert over.apply().operation == "load"
    assert modules["shop"].Cart().total() == 4
    assert hotbuild_runtime.status().bundles[1].base == (base,)


def test_a_rival_bundle_is_a_conflict(process: Process, tmp_path: Path) -> None:
    first, modules = process(OLD, NEW)
    rival = Workbench(tmp_path / "rival", {"shop.py": OLD}, {"shop.py": OLD.replace("return 1", "return 9", 1)})
    rival.build()
    first.apply()
    before = state_of(modules)
    with pytest.raises(HotbuildError, match="HB706") as caught:
        rival.apply()
    assert [p.where for p in caught.value.problems] == ["shop:Cart.total"]
    assert state_of(modules) == before
    first.unload()
    rival.apply()
    assert modules["shop"].Cart().total() == 9


def test_a_bundle_for_other_functions_of_the_module_is_none(process: Process) -> None:
    first, modules = process(OLD, NEW)
    first.apply()
    other = hotbuild_runtime.load(forge_other(first))
    assert (modules["shop"].Cart().total(), modules["shop"].other()) == (2, 5)
    first.unload()
    assert (modules["shop"].Cart().total(), modules["shop"].other()) == (1, 5)
    hotbuild_runtime.unload(other.id)
    assert modules["shop"].other() == 1


# -- one over the other


@pytest.fixture
def stacked(process: Process, tmp_path: Path) -> tuple[Workbench, Workbench, dict[str, Any]]:
    """A fixes, and inserts a helper; B fixes the helper and inserts another."""
    middle = "def total():\n    return helper() + 1\ndef helper():\n    return 10\n"
    newest = "def total():\n    return helper() + more()\ndef helper():\n    return 20\ndef more():\n    return 5\n"
    a, modules = process("def total():\n    return 1\n", middle)
    b = Workbench(tmp_path / "b", {"shop.py": middle}, {"shop.py": newest})
    b.build()
    return a, b, modules


def test_the_younger_first(stacked: tuple[Workbench, Workbench, dict[str, Any]]) -> None:
    a, b, modules = stacked
    before = state_of(modules)
    a.apply()
    halfway = state_of(modules)
    b.apply()
    assert modules["shop"].total() == 25
    b.unload()
    assert state_of(modules) == halfway
    a.unload()
    assert state_of(modules) == before


def test_the_older_first(stacked: tuple[Workbench, Workbench, dict[str, Any]]) -> None:
    """B still calls what A inserted: that stays until B goes, and A's code never comes back."""
    a, b, modules = stacked
    before = state_of(modules)
    a.apply()
    b.apply()
    helper = weakref.ref(modules["shop"].helper)
    a.unload()
    assert modules["shop"].total() == 25
    b.unload()
    assert state_of(modules) == before
    gc.collect()
    assert helper() is None


def test_b_before_a_is_refused(stacked: tuple[Workbench, Workbench, dict[str, Any]]) -> None:
    a, b, modules = stacked
    assert set(b.refusal()) <= {"HB504", "HB502"}
    a.apply()
    b.apply()
    assert modules["shop"].total() == 25


def test_a_second_fix_over_one_that_captures_less(process: Process, tmp_path: Path) -> None:
    """The spliced code was re-assembled to the live closure: the next bundle, built on the tree, must still know it."""
    base = "class A:\n    def f(self):\n        return 1\n"
    old = base + "class B(A):\n    def f(self):\n        return super().f()\n    def g(self):\n        return 1\n"
    middle = old.replace("return super().f()", "return 2")
    a, modules = process(old, middle)
    a.apply()
    b = Workbench(
        tmp_path / "b",
        {"shop.py": middle},
        {"shop.py": middle.replace("def g(self):\n        return 1", "def g(self):\n        return 7")},
    )
    b.build()
    b.apply()
    assert (modules["shop"].B().f(), modules["shop"].B().g()) == (2, 7)
    c = Workbench(
        tmp_path / "c",
        {"shop.py": b.new.joinpath("shop.py").read_text()},
        {"shop.py": b.new.joinpath("shop.py").read_text().replace("return 2", "return 3")},
    )
    c.build()
    assert c.refusal() == ["HB201"]  # it was not built for the wider closure; nothing is guessed
    assert modules["shop"].B().f() == 2
    for bundle in reversed(hotbuild_runtime.status().bundles):
        hotbuild_runtime.unload(bundle.id)
    a.receipts.clear()
    assert modules["shop"].B().f() == 1


# -- unload


def test_unload_refuses_to_write_over_foreign_code(process: Process) -> None:
    bench, modules = process(OLD, NEW)
    bench.apply()
    patched = modules["shop"].Cart.total.__code__
    modules["shop"].Cart.total.__code__ = (lambda self: "monkey").__code__
    before = state_of(modules)
    assert code_of(lambda: hotbuild_runtime.unload(bench.receipts[-1].id)) == "HB504"
    assert state_of(modules) == before
    modules["shop"].Cart.total.__code__ = patched


def test_docstrings_follow_only_where_nobody_changed_them(process: Process) -> None:
    bench, modules = process(OLD, NEW)
    modules["shop"].Cart.total.__doc__ = "set by the program"
    bench.apply()
    assert (modules["shop"].Cart.__doc__, modules["shop"].Cart.total.__doc__) == ("is", "set by the program")
    bench.unload()
    assert (modules["shop"].Cart.__doc__, modules["shop"].Cart.total.__doc__) == ("was", "set by the program")


def test_a_property_whose_accessors_are_one_function(process: Process) -> None:
    source = "class C:\n    def g(self, v=None):\n        'was'\n        return 1\n    x = property(g, g)\n"
    bench, modules = process(source, source.replace("was", "is"))
    for _ in range(2):
        bench.apply()
        assert modules["shop"].C.x.__doc__ == "is"
        bench.unload()
        assert modules["shop"].C.x.__doc__ == "was"
    assert not [slot for slot in held_slots() if slot[1] == id(modules["shop"].C.__dict__["x"])]


def held_slots() -> set[Any]:
    return set(loader._books["now"].stacks)


def test_after_unload_the_books_hold_nothing_of_it(process: Process) -> None:
    before = held_slots()
    bench, _ = process(OLD, NEW)
    bench.apply()
    assert held_slots() > before
    bench.unload()
    assert held_slots() == before


def test_a_function_that_wraps_itself(process: Process) -> None:
    source = "def f():\n    'was'\n    return 1\nf.__wrapped__ = f\n"
    bench, modules = process(source, source.replace("was", "is"))
    bench.apply()
    assert modules["shop"].f.__doc__ == "is"


def test_lazy_objects_in_the_module_are_not_woken(process: Process) -> None:
    source = (
        "woken = []\nclass Lazy:\n    @property\n    def __class__(self):\n        woken.append(1)\n"
        "        raise RuntimeError('no application context')\nrequest = Lazy()\ndef f():\n    return 1\n"
    )
    bench, modules = process(source, source.replace("return 1", "return 2"))
    bench.apply()
    assert (modules["shop"].f(), modules["shop"].woken) == (2, [])


def test_an_import_of_a_second_submodule(process: Process) -> None:
    bench, modules = process(
        "import xml.dom\ndef f():\n    return 1\n", "import xml.dom\nimport xml.sax\ndef f():\n    return xml.sax\n"
    )
    bench.apply()
    assert modules["shop"].f() is sys.modules["xml.sax"]


def test_a_bundle_without_code_for_the_live_functions_of_a_renamed_copy(process: Process) -> None:
    bench, _ = process(OLD, NEW)
    other = reforge(bench.bundle.read_bytes(), lambda m: replace(m, name="renamed"))
    bench.bundle.write_bytes(other)
    assert bench.apply().name == "renamed"
    assert digest(b"") != bench.receipts[-1].id


def test_what_runs_when_a_bundle_is_loaded_from_inside_a_load(process: Process) -> None:
    """A logging handler that loads is told that the loader is busy, and the outer load goes on."""
    bench, modules = process(OLD, NEW)
    codes: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            codes.append(code_of(lambda: hotbuild_runtime.load(bench.bundle)))

    log, handler = logging.getLogger("hotbuild_runtime"), Handler(logging.INFO)
    log.addHandler(handler)
    level = log.level
    log.setLevel(logging.INFO)
    try:
        bench.apply()
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    assert set(codes) == {"HB701"}
    assert modules["shop"].Cart().total() == 2
