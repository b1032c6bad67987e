"""Identity on the standard library: a module against itself leaves nothing to patch, and no rule, audit or correlation
finds a difference in it.

A fixed sample of its modules is judged in the suite; `HOTBUILD_WHOLE_STDLIB=1` judges all that parse.
"""

import os
import sys
import sysconfig
from hashlib import sha256
from pathlib import Path

import pytest

import hotbuild.pipeline
from hotbuild import source
from hotbuild.audit import audit
from hotbuild.classify import Classifier, Side
from hotbuild.codetree import CodeIndex
from hotbuild.correlate import correlate
from hotbuild.outline import outline
from hotbuild.pipeline import Options, diff
from hotbuild.scan import Rules, scan

STDLIB = Path(sysconfig.get_path("stdlib"))
WHOLE = bool(os.environ.get("HOTBUILD_WHOLE_STDLIB"))
SAMPLE = 150
LARGEST = 20_000  # bytes, of a module of the sample
LEFT_OUT = ("site-packages", "test", "tests", "idle_test", "lib2to3", "__pycache__")


def modules() -> list[Path]:
    found = sorted(p for p in STDLIB.rglob("*.py") if not set(p.relative_to(STDLIB).parts) & set(LEFT_OUT))
    return found if WHOLE else [p for p in found if p.stat().st_size < LARGEST]


def sample() -> list[Path]:
    """Take those whose names have the smallest digests: the same on every run, spread over the whole."""
    found = modules()
    if not WHOLE:
        found = sorted(found, key=lambda p: sha256(p.relative_to(STDLIB).as_posix().encode()).digest())[:SAMPLE]
    return sorted(found)


def test_there_is_a_standard_library_to_look_at() -> None:
    assert len(modules()) > 300
    assert len(sample()) >= SAMPLE


def test_a_tree_against_itself_parses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files with equal bytes never leave `scan`: the parser is not there to be called."""
    for name in ("outline", "_Draft", "audit"):
        monkeypatch.delattr(hotbuild.pipeline, name)
    result = diff(STDLIB, STDLIB, Options())
    assert (result.edits, result.bundle, result.notes) == ((), None, ())
    assert result.scanned.changes == ()
    assert result.scanned.files > 1_000


def test_a_copy_with_one_change_shows_that_one(tmp_path: Path) -> None:
    for side in ("old", "new"):
        for name in ("abc.py", "bisect.py", "colorsys.py", "json/__init__.py", "json/decoder.py"):
            target = tmp_path / side / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((STDLIB / name).read_bytes())
    with (tmp_path / "new" / "bisect.py").open("a") as stream:
        stream.write("# a remark\n")
    assert [c.module for c in scan(tmp_path / "old", tmp_path / "new", None, Rules()).changes] == ["bisect"]
    assert {e.kind for e in diff(tmp_path / "old", tmp_path / "new", Options()).edits} <= {"same"}


def judge(data: bytes, path: str) -> list[str]:
    """Run every stage on one source as both sides; list all that is not `same`."""
    module = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    package = path.endswith("__init__.py")
    old, new = (Side(outline(data, module, path, package), CodeIndex.of(data, path, 0)) for _ in "ab")
    pairs = correlate(old.outline, new.outline)
    edits = Classifier(old, new, pairs, lambda owner, name: True).run()
    edits += audit(data, data, path, module, edits, (old.codes, new.codes))
    return [f"{e.kind} {e.target} {e.code} {e.message}" for e in edits if e.kind != "same"]


def lines_moved(data: bytes, path: str) -> list[str]:
    """The same, with a remark that moves every line of one side."""
    text = source.text(data, path)
    if "coding" in "".join(text.splitlines()[:2]):
        return []
    moved = b"# moved\n" + text.encode("utf-8", "surrogatepass")
    module = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    package = path.endswith("__init__.py")
    old, new = (Side(outline(d, module, path, package), CodeIndex.of(d, path, 0)) for d in (data, moved))
    edits = Classifier(old, new, correlate(old.outline, new.outline), lambda owner, name: True).run()
    edits += audit(data, moved, path, module, edits, (old.codes, new.codes))
    return [f"{e.kind} {e.target} {e.code} {e.message}" for e in edits if e.kind not in ("same", "moved")]


@pytest.mark.parametrize("path", sample(), ids=lambda p: p.relative_to(STDLIB).as_posix())
def test_a_module_against_itself(path: Path) -> None:
    data, name = path.read_bytes(), path.relative_to(STDLIB).as_posix()
    try:
        source.parsed(data, name)
    except source.SourceError:
        pytest.fail(f"{name} does not parse on {sys.version}")
    assert judge(data, name) == []


@pytest.mark.parametrize("path", sample()[::3], ids=lambda p: p.relative_to(STDLIB).as_posix())
def test_a_module_whose_lines_moved(path: Path) -> None:
    assert lines_moved(path.read_bytes(), path.relative_to(STDLIB).as_posix()) == []
