"""`verify`: does a bundle fit a release tree? Without a process, without importing anything of the tree."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Workbench, run_cli, write_tree

from hotbuild.verify import verify

Make = Callable[[dict[str, str], dict[str, str]], Workbench]

OLD = {
    "pkg/__init__.py": "int('verify imported the release')\n",
    "pkg/a.py": "int('x')\ndef one(): return 1\ndef other(): return 1\n",
}
NEW = {**OLD, "pkg/a.py": "int('x')\ndef one(): return 2\ndef other(): return 1\n", "pkg/new.py": "X = 1\n"}


@pytest.fixture
def fix(bench: Make) -> Workbench:
    trees = bench(OLD, NEW)
    assert trees.build().bundle is not None
    return trees


def codes(trees: Workbench, release: Path) -> list[str]:
    return [problem.code for problem in verify(trees.bundle, release)]


def release(folder: Path, **changes: str) -> Path:
    return write_tree(
        folder / "release", {**OLD, **{name.replace("__", "/") + ".py": text for name, text in changes.items()}}
    )


def test_the_release_that_it_was_built_against(fix: Workbench) -> None:
    assert codes(fix, fix.old) == []


def test_moved_lines_and_comments_do_not_matter(fix: Workbench, tmp_path: Path) -> None:
    tree = release(tmp_path, pkg__a="# moved\n\nint('x')\ndef one(): return 1\ndef other(): return 1\n")
    assert codes(fix, tree) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int('x')\ndef one(): return 5\ndef other(): return 1\n", ["HB504"]),
        ("int('x')\ndef one(): return 1\ndef other(): return 5\n", ["HB504"]),
        ("int('x')\ndef other(): return 1\n", ["HB502"]),
        ("int('x')\n", ["HB502", "HB502"]),
        ("def one(:\n", ["HB504"]),
    ],
)
def test_another_release(fix: Workbench, tmp_path: Path, text: str, expected: list[str]) -> None:
    assert codes(fix, release(tmp_path, pkg__a=text)) == expected


def test_the_fixed_tree_itself_does_not_fit(fix: Workbench) -> None:
    assert set(codes(fix, fix.new)) == {"HB403", "HB504"}


def test_a_module_that_is_not_there(fix: Workbench, tmp_path: Path) -> None:
    assert codes(fix, write_tree(tmp_path / "empty", {"x.py": ""})) == ["HB502"]


def test_a_package_folder_is_a_release_too(fix: Workbench) -> None:
    assert codes(fix, fix.old / "pkg") == []


def test_root(fix: Workbench, tmp_path: Path) -> None:
    write_tree(tmp_path / "repo" / "lib", OLD)
    assert verify(fix.bundle, tmp_path / "repo", "lib") == []


@pytest.mark.parametrize("cut", [0, 1, 30, -1])
def test_a_damaged_bundle(fix: Workbench, cut: int) -> None:
    fix.bundle.write_bytes(fix.bundle.read_bytes()[:cut])
    assert codes(fix, fix.old) == ["HB609"]


def test_a_flipped_bit(fix: Workbench) -> None:
    data = bytearray(fix.bundle.read_bytes())
    data[len(data) // 2] ^= 1
    fix.bundle.write_bytes(data)
    assert codes(fix, fix.old) == ["HB609"]


def test_another_optimize_level(bench: Make) -> None:
    """The tree is compiled as the bundle was: verify says nothing of the processes that will load it."""
    trees = bench(
        {"m.py": "def f():\n    assert 1\n    return 1\n"}, {"m.py": "def f():\n    assert 1\n    return 2\n"}
    )
    assert trees.build(optimize=2).bundle is not None
    assert codes(trees, trees.old) == []


def test_the_command_says_it_fits(fix: Workbench) -> None:
    code, output = run_cli("verify", str(fix.bundle), "--release", str(fix.old))
    assert code == 0
    assert "fits" in output


def test_the_command_names_codes_places_and_remedies(fix: Workbench, tmp_path: Path) -> None:
    tree = release(tmp_path, pkg__a="int('x')\ndef other(): return 1\n")
    code, output = run_cli("verify", str(fix.bundle), "--release", str(tree))
    assert code == 1
    assert "pkg.a:one: HB502 target-missing" in output


def test_the_command_as_json(fix: Workbench, tmp_path: Path) -> None:
    assert json.loads(run_cli("verify", str(fix.bundle), "--release", str(fix.old), "--json")[1]) == {
        "result": "fits",
        "problems": [],
    }
    tree = release(tmp_path, pkg__a="int('x')\ndef other(): return 1\n")
    code, output = run_cli("verify", str(fix.bundle), "--release", str(tree), "--json")
    report = json.loads(output)
    assert (code, report["result"]) == (1, "refused")
    assert report["problems"][0].keys() == {"code", "slug", "where", "message", "remedy"}
