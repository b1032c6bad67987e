"""The command line: exit codes, JSON, files that appear whole or not at all, and one clear line for every bad input."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import run_cli, write_tree
from hotbuild_runtime import bundle

from hotbuild import __version__

OLD = {"shop.py": "def total(): return 1\ndef other(a): return a\n"}
NEW = {"shop.py": "import math\ndef total(): return 2\ndef other(a): return a\n"}
RUDE = {"shop.py": "def total(): return 2\ndef other(a, b): return a\nX()\n"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name, files in (("old", OLD), ("new", NEW), ("rude", RUDE)):
        write_tree(tmp_path / name, files)
    return tmp_path


def hotbuild(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in its own process."""
    return subprocess.run([sys.executable, "-m", "hotbuild", *arguments], cwd=place, capture_output=True, text=True)


def build(place: Path, *arguments: str, new: str = "new") -> tuple[int, str]:
    return run_cli("diff", str(place / "old"), str(place / new), "-o", str(place / "fix.hpb"), *arguments)


def files(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()}


# -- exit codes


def test_written(place: Path) -> None:
    code, output = build(place)
    assert code == 0
    assert "fix.hpb: 1 update, 1 insert" in output
    assert files(place) == {"old", "new", "rude", "fix.hpb"}


def test_nothing_to_patch(place: Path) -> None:
    code, output = build(place, new="old")
    assert (code, "fix.hpb" in files(place)) == (3, False)
    assert "Nothing to patch" in output


def test_refused_lists_everything_with_place_and_remedy(place: Path) -> None:
    code, output = build(place, new="rude")
    assert (code, "fix.hpb" in files(place)) == (4, False)
    assert "shop.py:2: HB101 parameter-added" in output
    assert "shop.py:3: HB401 toplevel-changed" in output
    assert "write a new function under a new name" in output
    assert "2 rude edits; nothing was written." in output


def test_a_refused_build_leaves_an_older_bundle_alone(place: Path) -> None:
    build(place)
    before = (place / "fix.hpb").read_bytes()
    assert build(place, new="rude")[0] == 4
    assert (place / "fix.hpb").read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["no-such-command"], ["diff"], ["diff", "old"], ["diff", "old", "new"], ["diff", "old", "nowhere", "-o",
        "x.hpb"],
        ["diff", "old", "new", "-o", "x.hpb", "--optimize", "3"], ["diff", "old", "new", "-o", "x.hpb", "--nonsense"],
        ["show", "nowhere.hpb"], ["verify", "nowhere.hpb", "--release", "old"], ["explain"], ["explain", "HB000"],
    ],
)  # fmt: skip
def test_usage(place: Path, arguments: list[str]) -> None:
    done = hotbuild(place, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["diff", "old", "old/shop.py", "-o", "x.hpb"], "not of one kind"),
        (["diff", "old", "new", "-o", "nowhere/x.hpb"], "No such file or directory"),
        (["diff", "old", "new", "-o", "x.hpb", "--root", "lib"], "--root lib"),
        (["diff", "note.txt", "note.txt", "-o", "x.hpb"], "neither a folder nor a .py file"),
        (["diff", "old", "new", "-o", "x.hpb", "--base", "note.txt"], "HB609"),
        (["diff", "old", "new", "-o", "x.hpb", "--keep", "note.txt"], "note.txt"),
        (["show", "note.txt"], "HB609"),
        (["verify", "note.txt", "--release", "old"], "HB609"),
    ],
)  # fmt: skip
def test_failures_are_one_clear_line(place: Path, arguments: list[str], words: str) -> None:
    (place / "note.txt").write_text("no bundle\n")
    done = hotbuild(place, *arguments)
    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (place / "x.hpb").exists()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"def total(:\n", "HB801"), (b"\x00\x01\x02binary", "HB801"), (b"\x7fELF\xff\xfe", "HB802"),
        (b"\xff\xfeu\x00t\x00f\x00", "HB802"),
        (b"# coding: none-such\n", "HB802"), (b"return 1\n", "HB801"), (b"(" * 5000 + b")" * 5000, "HB801"),
        (b"x = " + b"-" * 100_000 + b"1\n", "HB801"), (b"def f():\n\treturn 1\n        return 2\n", "HB801"),
        (b"def f(a, a): pass\n", "HB801"), (b"x = '\\N{no such}'\n", "HB801"), (b"nonlocal x\n", "HB801"),
        (b"x = " + b"9" * 5000 + b"\n", "HB801"),
    ],
)  # fmt: skip
def test_sources_that_cannot_be_used(place: Path, data: bytes, code: str) -> None:
    (place / "new" / "shop.py").write_bytes(data)
    done = hotbuild(place, "diff", "old", "new", "-o", "x.hpb")
    assert done.returncode == 4, done.stderr
    assert f"{code} " in done.stderr
    assert "shop.py:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "if 0:\n    def never(): return 1\n", "if 1:\n    x = 1\nelse:\n    def never(): return 1\n",
        "while 0:\n    class Never:\n        def m(self): return 1\n", "if not __debug__:\n    def never(): return 1\n",
        "def ﬁ(): return 1\n", "class Ａ:\n    def ﬂ(self): return 1\n", "def f(): return 1\ndef f(): return 2\n",
        "class A: a = 1; b = 2\n", "try:\n    pass\nexcept* E:\n    def f(): return 1\n",
        "class A:\n    class A:\n        def A(self): return 1\n",
        "lambda: 1\n", "x = yield_ = 1\n", "@(lambda f: f)\ndef f(): return 1\n", "def f(x=(y := 1)): return 1\n",
        "async def f():\n    return [x async for x in 1]\n",
        "def f(): return 1; x = 2\n", "def f():\n    def f():\n        def f(): return 1\n",
        "if 1: import os; x = 1\n", "for x in (): pass\nelse:\n    def f(): return 1\n",
    ],
)  # fmt: skip
def test_no_source_brings_it_down(place: Path, text: str) -> None:
    """Whatever the two sides hold: a verdict, not a crash."""
    for side, n in (("old", "1"), ("new", "3")):
        (place / side / "shop.py").write_text(text.replace("1", n) + "def total(): return " + n)
        (place / side / "plain.py").write_text("def total(): return " + n)
    assert build(place)[0] in (0, 4)


# -- output


def test_json_of_a_written_bundle(place: Path) -> None:
    code, output = build(place, "--json")
    report = json.loads(output)
    box = bundle.read((place / "fix.hpb").read_bytes())
    assert code == 0
    assert report.keys() == {"result", "bundle", "id", "edits", "notes", "seconds"}
    assert (report["result"], report["bundle"], report["id"]) == ("written", str(place / "fix.hpb"), box.id)
    assert [(e["verdict"], e["target"]) for e in report["edits"] if e["verdict"] not in ("same", "moved")] == [
        ("insert", "shop:math"), ("update", "shop:total")
    ]  # fmt: skip
    assert all(seconds >= 0 for seconds in report["seconds"].values())


def test_json_of_a_refusal(place: Path) -> None:
    code, output = build(place, "--json", new="rude")
    report = json.loads(output)
    assert (code, report["result"], report["bundle"], report["id"]) == (4, "refused", None, None)
    edit = next(e for e in report["edits"] if e["code"] == "HB101")
    assert edit.keys() == {"target", "verdict", "code", "slug", "path", "line", "message", "remedy"}
    assert (edit["target"], edit["verdict"], edit["slug"], edit["path"], edit["line"]) == (
        "shop:other", "rude", "parameter-added", "shop.py", 2
    )  # fmt: skip


def test_json_of_nothing(place: Path) -> None:
    code, output = build(place, "--json", new="old")
    report = json.loads(output)
    assert (code, report["result"], report["edits"]) == (3, "empty", [])


def test_json_is_all_of_standard_output(place: Path) -> None:
    (place / "new" / "page.html").write_text("new")
    done = hotbuild(place, "diff", "old", "new", "-o", "x.hpb", "--json", "-v")
    assert any("page.html" in note for note in json.loads(done.stdout)["notes"])


def test_verbose_tells_the_seconds_per_stage(place: Path) -> None:
    output = build(place, "-v")[1]
    for stage in ("scan", "compile", "outline", "correlate", "classify", "audit", "select", "assemble", "emit"):
        assert any(line.split()[:1] == [stage] and line.endswith(" s") for line in output.splitlines()), stage


def test_no_progress_bar_without_a_terminal(place: Path) -> None:
    assert "\x1b" not in hotbuild(place, "diff", "old", "new", "-o", "x.hpb").stderr


def test_dry_run(place: Path) -> None:
    code, output = build(place, "--dry-run")
    assert (code, "fix.hpb" in files(place)) == (0, False)
    assert "dry run" in output


def test_dry_run_says_the_id_that_the_bundle_gets(place: Path) -> None:
    dry = json.loads(build(place, "--dry-run", "--json")[1])
    wet = json.loads(build(place, "--json")[1])
    assert (dry["id"], dry["bundle"]) == (wet["id"], None)


def test_keep(place: Path) -> None:
    build(place, "--keep", str(place / "kept"))
    kept = {path.relative_to(place / "kept").as_posix() for path in (place / "kept").rglob("*") if path.is_file()}
    assert {"scan.json", "edits.json", "report.json", "outline/shop.old.json", "outline/shop.new.json",
            "bundle/manifest.json", "bundle/source/shop.py"} <= kept  # fmt: skip
    for name in kept:
        if name.endswith(".json"):
            json.loads((place / "kept" / name).read_text())


def test_keep_of_a_refusal(place: Path) -> None:
    build(place, "--keep", str(place / "kept"), new="rude")
    assert json.loads((place / "kept" / "report.json").read_text())["result"] == "refused"


def test_check_writes_nothing(place: Path) -> None:
    before = files(place)
    assert run_cli("check", str(place / "old"), str(place / "new"))[0] == 0
    assert run_cli("check", str(place / "old"), str(place / "rude"))[0] == 4
    assert run_cli("check", str(place / "old"), str(place / "old"))[0] == 3
    assert files(place) == before


def test_check_as_json(place: Path) -> None:
    code, output = run_cli("check", str(place / "old"), str(place / "rude"), "--json")
    assert (code, json.loads(output)["result"]) == (4, "refused")


def test_show(place: Path) -> None:
    build(place)
    code, output = run_cli("show", str(place / "fix.hpb"), "--old", str(place / "old"))
    assert code == 0
    for words in ("update   shop:total", "insert   shop:math", "-def total(): return 1", "+def total(): return 2"):
        assert words in output


def test_show_as_json(place: Path) -> None:
    build(place)
    code, output = run_cli("show", str(place / "fix.hpb"), "--json")
    report = json.loads(output)
    assert (code, report["id"]) == (0, bundle.read((place / "fix.hpb").read_bytes()).id)
    assert report["replacements"][0]["target"] == {"module": "shop", "qualname": "total", "ordinal": 0}


def test_version(place: Path) -> None:
    assert __version__ in run_cli("--version")[1]


@pytest.mark.parametrize("command", ["diff", "check", "show", "verify", "explain", "rules"])
def test_help(command: str) -> None:
    code, output = run_cli(command, "--help")
    assert code == 0
    assert "Usage:" in output


# -- the file on disk


def test_the_bundle_has_the_usual_permissions(place: Path) -> None:
    build(place)
    (place / "plain").write_bytes(b"")
    assert (place / "fix.hpb").stat().st_mode == (place / "plain").stat().st_mode


def test_a_bundle_that_is_read_meanwhile_stays_whole(place: Path) -> None:
    """It appears by rename: who has the old file open reads the old file."""
    build(place)
    with (place / "fix.hpb").open("rb") as held:
        first = (place / "fix.hpb").stat().st_ino
        write_tree(place / "new", {"shop.py": NEW["shop.py"].replace("2", "3")})
        build(place)
        assert (place / "fix.hpb").stat().st_ino != first
        assert bundle.read(held.read()).id != bundle.read((place / "fix.hpb").read_bytes()).id


@pytest.mark.parametrize("event", ["tempfile.mkstemp", "os.chmod", "os.rename"])
def test_an_interrupt_while_writing_leaves_no_file(place: Path, event: str) -> None:
    """A real interrupt at a real step of the write: an audit hook raises it there."""
    code = (
        "import sys\n"
        "def hook(name, arguments):\n"
        f"    if name == {event!r} and '.fix.hpb.' in str(arguments) or name == {event!r} == 'tempfile.mkstemp':\n"
        "        raise KeyboardInterrupt\n"
        "import hotbuild.cli\n"
        "sys.addaudithook(hook)\n"
        "sys.argv[1:] = ['diff', 'old', 'new', '-o', 'fix.hpb']\n"
        "hotbuild.cli.main()\n"
    )
    before = files(place)
    done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, text=True)
    assert done.returncode not in (0, 3, 4)
    assert "Traceback" not in done.stderr
    assert files(place) == before


def test_ctrl_c_leaves_no_file_and_no_traceback(place: Path) -> None:
    """The signal comes while the command waits for a base bundle that is a pipe: it is then in the middle of its work."""
    os.mkfifo(place / "slow.hpb")
    before = files(place)
    child = subprocess.Popen(
        [sys.executable, "-m", "hotbuild", "diff", "old", "new", "-o", "fix.hpb", "--base", "slow.hpb"],
        cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with (place / "slow.hpb").open("wb"):  # returns when the command has opened its end
        child.send_signal(signal.SIGINT)
        output, errors = child.communicate(timeout=60)
    assert child.returncode not in (0, 3, 4)
    assert "Traceback" not in output + errors
    assert files(place) == before


def test_a_pipe_in_a_tree_is_no_source_file(place: Path) -> None:
    """Reading it would wait for ever."""
    os.mkfifo(place / "new" / "pipe.py")
    done = hotbuild(place, "check", "old", "new")
    assert done.returncode == 0
    assert "pipe" not in done.stdout + done.stderr


def test_the_output_never_replaces_what_is_not_a_file(place: Path) -> None:
    os.mkfifo(place / "pipe.hpb")
    done = hotbuild(place, "diff", "old", "new", "-o", "pipe.hpb")
    assert done.returncode == 1
    assert "not a file" in done.stderr
    assert (place / "pipe.hpb").is_fifo()


def test_a_file_that_may_not_be_read(place: Path) -> None:
    """A dangling link stands for it: root may read everything."""
    (place / "new" / "gone.py").symlink_to(place / "nowhere.py")
    done = hotbuild(place, "diff", "old", "new", "-o", "x.hpb")
    assert done.returncode in (0, 1)
    assert "Traceback" not in done.stderr
