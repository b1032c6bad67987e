"""The web application sample: a server in its own process, asked over loopback, patched through its own route.

What `make demo` prints is held by test_readme.py. Here: that the demo notices when something is wrong and leaves no
process behind, that a refused bundle changes nothing, that requests go on while bundles come and go, and that the
application is ordinary code.
"""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from harness import run_cli

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "webapp"
BUGGY = re.compile(r"visit \d+ at 14:03:09")
FIXED = re.compile(r"visit \d+ at 14:07:09")
AT = "/?at=2024-03-05T14:07:09"


def _demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("webapp_demo", SAMPLE / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


demo = _demo()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Where the server looks for its bundle; nothing is there yet."""
    return tmp_path / "fix.hpb"


@pytest.fixture
def server(bundle: Path) -> Iterator[object]:
    with demo.Server(sys.executable, SAMPLE / "old", bundle) as server:
        yield server


def build(bundle: Path) -> None:
    code, output = run_cli("diff", str(SAMPLE / "old"), str(SAMPLE / "new"), "-o", str(bundle))
    assert code == 0, output


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# -- the server


def test_a_missing_bundle_is_refused_and_the_server_goes_on(server) -> None:
    status, text = server.ask("POST", "/hotfix")
    assert status == 409
    assert "HB609" in text
    assert server.ask("GET", AT) == (200, "visit 1 at 14:03:09")


def test_a_damaged_bundle_is_refused_and_the_server_goes_on(server, bundle: Path) -> None:
    build(bundle)
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[: len(whole) // 2])
    status, text = server.ask("POST", "/hotfix")
    assert status == 409
    assert "HB609" in text
    assert server.ask("GET", AT) == (200, "visit 1 at 14:03:09")
    bundle.write_bytes(whole)
    assert server.ask("POST", "/hotfix")[0] == 200
    assert server.ask("GET", AT) == (200, "visit 2 at 14:07:09")


def test_unload_without_a_bundle_is_refused(server) -> None:
    assert server.ask("POST", "/unload") == (409, "no bundle is loaded")


def test_a_bundle_can_come_back(server, bundle: Path) -> None:
    build(bundle)
    for round in (0, 1):
        assert server.ask("POST", "/hotfix")[0] == 200
        assert server.ask("GET", AT) == (200, f"visit {2 * round + 1} at 14:07:09")
        assert server.ask("POST", "/unload")[0] == 200
        assert server.ask("GET", AT) == (200, f"visit {2 * round + 2} at 14:03:09")


def test_the_operators_routes_want_post(server) -> None:
    assert server.ask("GET", "/hotfix")[0] == 404
    assert server.ask("GET", "/unload")[0] == 404


def test_requests_go_on_while_bundles_come_and_go(server, bundle: Path) -> None:
    """Every answer is whole, the old one or the new one, and every visit is counted once."""
    build(bundle)
    answers: list[tuple[int, str]] = []
    done = threading.Event()

    def visitor() -> None:
        while not done.is_set():
            answers.append(server.ask("GET", AT))

    visitors = [threading.Thread(target=visitor) for _ in range(3)]
    for thread in visitors:
        thread.start()
    operations = []
    try:
        for _ in range(10):
            operations += [server.ask("POST", "/hotfix")[0], server.ask("POST", "/unload")[0]]
    finally:
        done.set()
        for thread in visitors:
            thread.join()
    assert operations == [200] * 20
    assert [
        text for status, text in answers if status != 200 or not (BUGGY.fullmatch(text) or FIXED.fullmatch(text))
    ] == []
    numbers = sorted(int(text.split()[1]) for _, text in answers)
    assert numbers == list(range(1, len(answers) + 1))
    assert server.ask("GET", "/total") == (200, f"{len(answers)} visits")


# -- the demo


def run_demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(folder / "demo.py"), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def broken_copy(folder: Path, file: str, was: str, now: str) -> Path:
    """Copy the sample with one text changed, and a note of the server's process id beside it."""
    copy = shutil.copytree(SAMPLE, folder / "webapp", ignore=shutil.ignore_patterns("__pycache__"))
    for tree in ("old", "new"):
        script = copy / tree / "server.py"
        text = script.read_text()
        note = f"    open({str(folder / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        noted = text.replace("    application =", note + "    application =")
        assert noted != text
        script.write_text(noted)
    path = copy / file
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, now))
    return copy


@pytest.mark.parametrize(
    "file, was, now, complaint",
    [
        ("new/board.py", "%H:%M:%S", "%H:%S:%S", "visit 3 at 14:09:09"),
        ("new/board.py", "def visit(self, moment", "def visit(self, when, moment", "exit code 4"),
        ("new/board.py", "def clock", "def clock(:", "exit code 4"),
        ("old/board.py", "{moment:%H:%m:%S}", "{moment:%H:%M:%S}", "visit 1 at 14:07:09"),
        (
            "old/server.py",
            "receipt = hotbuild_runtime.unload(loaded[-1].id)",
            "receipt = loaded[-1]",
            "visit 4 at 14:07:09",
        ),
    ],
    ids=["wrong fix", "fix that is refused", "fix that does not parse", "no bug", "unload does nothing"],
)
def test_the_demo_fails_when_something_is_not_as_promised(
    tmp_path: Path, file: str, was: str, now: str, complaint: str
) -> None:
    copy = broken_copy(tmp_path, file, was, now)
    if file == "old/server.py":
        shutil.copy(copy / "old" / "server.py", copy / "new" / "server.py")
    done = run_demo(copy)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("not as expected: ")
    assert complaint in done.stderr
    assert not alive(int((tmp_path / "pid").read_text()))


def test_the_demo_fails_when_the_server_does_not_start(tmp_path: Path) -> None:
    copy = broken_copy(tmp_path, "old/board.py", "import threading", "import no_such_module")
    done = run_demo(copy)
    assert done.returncode == 1
    assert "the server did not start" in done.stderr


def test_a_demo_that_is_ended_ends_its_server(tmp_path: Path) -> None:
    """SIGTERM while the build runs: the build is made to wait on a pipe that the test holds."""
    copy = broken_copy(tmp_path, "demo.py", 'print("$ hotbuild diff old new -o fix.hpb")', 'print("building"); input()')
    with subprocess.Popen(
        [sys.executable, str(copy / "demo.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert any(line == "building\n" for line in process.stdout)
            process.terminate()
            assert process.wait(timeout=60) == 1
        finally:
            process.kill()
    assert not alive(int((tmp_path / "pid").read_text()))


# -- the application


def test_the_application_is_ordinary_code() -> None:
    """hotbuild_runtime is imported inside the two routes for operators, and nowhere else."""
    places = []
    for path in sorted(SAMPLE.glob("*/*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            for node in ast.iter_child_nodes(function):
                if isinstance(node, ast.Import | ast.ImportFrom) and "hotbuild" in ast.unparse(node):
                    places.append(f"{path.parent.name}/{path.name}:{getattr(function, 'name', 'module')}")
    assert places == ["new/server.py:hotfix", "new/server.py:unload", "old/server.py:hotfix", "old/server.py:unload"]


def test_only_the_bug_differs() -> None:
    old, new = ({p.name: p.read_text() for p in (SAMPLE / tree).glob("*.py")} for tree in ("old", "new"))
    assert [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)] == ["board.py"]


def test_the_demo_imports_only_the_standard_library() -> None:
    tops = {
        alias.name.partition(".")[0] if isinstance(node, ast.Import) else (node.module or "").partition(".")[0]
        for node in ast.walk(ast.parse((SAMPLE / "demo.py").read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert tops <= set(sys.stdlib_module_names)
