"""What README.md, samples/webapp/README.md, runtime/README.md and docs/architecture.md say is so.

The transcript is what `make demo` prints, to the letter; commands, options, codes and names exist; the rooms of
architecture.md are the files that there are.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import hotbuild_runtime
import pytest
from harness import run_cli

from hotbuild.cli import cli
from hotbuild.reasons import REASONS

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SAMPLE = ROOT / "samples" / "webapp"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
PAGES = [README, SAMPLE / "README.md", ROOT / "runtime" / "README.md", ARCHITECTURE]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def demo() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SAMPLE / "demo.py")], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )


def test_the_demo_succeeds_and_complains_of_nothing(demo: subprocess.CompletedProcess[str]) -> None:
    assert (demo.returncode, demo.stderr) == (0, "")


@pytest.mark.parametrize("page", [README, SAMPLE / "README.md"], ids=["README", "samples/webapp/README"])
def test_the_transcript_is_what_the_demo_prints(page: Path, demo: subprocess.CompletedProcess[str]) -> None:
    assert blocks(page, "console") == [demo.stdout]


def test_make_demo_runs_this_demo() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    recipe = lines[next(i for i, line in enumerate(lines) if line.startswith("demo:")) + 1]
    assert recipe.split()[-1] == "samples/webapp/demo.py"


def commands() -> list[str]:
    """The indented `hotbuild …` lines of the README, without their comments."""
    found = re.findall(r"^    (hotbuild .*)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    return [line.partition("#")[0].strip() for line in found]


def test_the_readme_has_every_command() -> None:
    mentioned = set(re.findall(r"hotbuild ([a-z]+)\b", README.read_text(encoding="utf-8")))
    assert set(cli.commands) <= mentioned


def test_the_commands_of_the_readme_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in their order, on the sample: each one ends with 0."""
    places = {"OLD": str(SAMPLE / "old"), "NEW": str(SAMPLE / "new"), "TREE": str(SAMPLE / "old")}
    monkeypatch.chdir(tmp_path)
    listed = commands()
    assert [line.split()[1] for line in listed] == ["check", "diff", "show", "verify", "explain"]
    listed.sort(key=lambda line: "fix.hpb" in line and " diff " not in line)
    for line in listed:
        code, output = run_cli(*(places.get(word, word) for word in shlex.split(line)[1:]))
        assert code == 0, f"{line}: {output}"


def test_the_options_of_the_readme_exist() -> None:
    known = {name for command in cli.commands.values() for option in command.params for name in option.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_of_the_runtime_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    names = {n for n in re.findall(r"hotbuild_runtime\.([A-Za-z_]+)", text) if n not in ("__init__",)}
    assert [name for name in sorted(names) if not hasattr(hotbuild_runtime, name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_codes_exist(page: Path) -> None:
    codes = set(re.findall(r"HB\d{3}", page.read_text(encoding="utf-8")))
    assert sorted(codes - set(REASONS)) == []


def test_every_code_is_in_a_row_of_the_readme() -> None:
    """A family's row says its first and its last code: those that the table of reasons has."""
    rows = re.findall(r"^\| HB(\d{3})–HB(\d{3}) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    families: dict[str, list[str]] = {}
    for code in sorted(REASONS):
        families.setdefault(code[2], []).append(code[2:])
    assert rows == [(codes[0], codes[-1]) for codes in families.values()]


@pytest.mark.parametrize("package", ["hotbuild", "runtime/hotbuild_runtime"])
def test_the_rooms_of_the_architecture_are_the_files(package: str) -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    section = next(s for s in text.split("\n### ") if s.partition("\n")[0].endswith(f"`{package}/`"))
    listed = re.findall(r"^\| `([\w/]+\.py)` \|", section.partition("\n## ")[0], re.MULTILINE)
    files = [path.relative_to(ROOT / package).as_posix() for path in (ROOT / package).rglob("*.py")]
    assert sorted(listed) == sorted(files)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_python_example_runs(tmp_path: Path) -> None:
    """The README's own lines, in a process that runs the sample's old tree."""
    assert run_cli("diff", str(SAMPLE / "old"), str(SAMPLE / "new"), "-o", str(tmp_path / "fix.hpb"))[0] == 0
    for example in (*blocks(README, "python"), *blocks(ROOT / "runtime" / "README.md", "python")):
        assert "hotbuild_runtime.load(" in example
        done = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(SAMPLE / 'old')!r}); import board\n{example}"],
            cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
