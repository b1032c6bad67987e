"""Importing hotbuild_runtime imports nothing else; each public name brings its file at its first use.

Held against a bare interpreter in a fresh process, so that neither pytest nor another test has imported anything before.
"""

import json
import subprocess
import sys

import hotbuild_runtime
import pytest


def run(code: str) -> object:
    """Run code in a fresh process and read back what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def modules_after(statement: str) -> set[str]:
    """Which modules a fresh process has after a statement."""
    found = run(f"{statement}\nimport sys\nfound = sorted(sys.modules)\nimport json\nprint(json.dumps(found))")
    assert isinstance(found, list)
    return set(found)


@pytest.fixture(scope="module")
def bare() -> set[str]:
    return modules_after("pass")


@pytest.fixture(scope="module")
def imported(bare: set[str]) -> set[str]:
    return modules_after("import hotbuild_runtime") - bare


@pytest.fixture(scope="module")
def used(bare: set[str]) -> set[str]:
    return modules_after("import hotbuild_runtime; hotbuild_runtime.load") - bare


def test_import_brings_only_itself(imported: set[str]) -> None:
    assert imported == {"hotbuild_runtime"}


@pytest.mark.parametrize("dear", ["zipfile", "json", "dataclasses", "threading", "logging", "gc"])
def test_dear_modules_wait_for_the_first_use(dear: str, imported: set[str], used: set[str]) -> None:
    assert (dear in imported, dear in used) == (False, True)


def test_nothing_is_left_running() -> None:
    """No audit hook can be taken off again, and no thread, finder or collector callback may appear by an import."""
    looked = run(
        "import gc, json, sys, threading\n"
        "def look(): return [len(gc.callbacks), len(sys.meta_path), len(sys.path_hooks), threading.active_count(),"
        " gc.get_threshold(), gc.isenabled(), sys.getswitchinterval(), sys.gettrace() is None, sys.getprofile() is None]\n"
        "before = look()\n"
        "import hotbuild_runtime\n"
        "imported = look()\n"
        "hotbuild_runtime.load\n"
        "print(json.dumps([before, imported, look()]))"
    )
    assert isinstance(looked, list)
    before, imported, used = looked
    assert before == imported == used


@pytest.mark.parametrize("name", hotbuild_runtime.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(hotbuild_runtime, name) is not None
    assert name in dir(hotbuild_runtime)


def test_the_first_use_of_a_function_completes_it() -> None:
    names = ["load", "check", "unload", "status"]
    assert (
        run(f"import hotbuild_runtime as h, json; print(json.dumps([callable(getattr(h, n)) for n in {names}]))")
        == [True] * 4
    )


def test_star_import_gives_the_public_names() -> None:
    names = run("from hotbuild_runtime import *\nimport json\nprint(json.dumps(sorted(globals())))")
    assert isinstance(names, list)
    assert set(hotbuild_runtime.__all__) <= set(names)


def test_a_name_is_fetched_once() -> None:
    assert vars(hotbuild_runtime).get("load", hotbuild_runtime.load) is hotbuild_runtime.load
    assert "load" in vars(hotbuild_runtime)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'reload'"):
        _ = hotbuild_runtime.reload  # type: ignore[attr-defined]
