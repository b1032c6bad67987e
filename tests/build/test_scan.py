"""What `scan` holds: how two trees become modules, what is left out, and that nothing that differs is dropped in silence."""

import zipfile
from pathlib import Path

import pytest
from harness import run_cli, write_tree

from hotbuild.scan import Rules, Scan, ScanError, module_name, open_tree, scan

OLD, NEW = "x = 1\n", "x = 2\n"


def trees(folder: Path, *paths: str, old: str = OLD, new: str = NEW) -> tuple[Path, Path]:
    """Make two trees in which each of `paths` differs."""
    return write_tree(folder / "old", dict.fromkeys(paths, old)), write_tree(folder / "new", dict.fromkeys(paths, new))


def modules(found: Scan) -> list[str]:
    return [change.module for change in found.changes]


def test_a_file(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "shop.py")
    assert modules(scan(old / "shop.py", new / "shop.py")) == ["shop"]


def test_two_files_of_different_names_are_one_module(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"shop.py": OLD, "shop_fixed.py": NEW})
    (change,) = scan(root / "shop.py", root / "shop_fixed.py").changes
    assert (change.module, change.old, change.new) == ("shop", OLD.encode(), NEW.encode())


def test_a_file_inside_a_package_has_the_package_in_its_name(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/mod.py")
    assert modules(scan(old / "pkg/sub/mod.py", new / "pkg/sub/mod.py")) == ["pkg.sub.mod"]


def test_a_package_folder(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "pkg/__init__.py", "pkg/mod.py")
    assert modules(scan(old / "pkg", new / "pkg")) == ["pkg", "pkg.mod"]


def test_an_inner_package_folder(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/mod.py")
    assert modules(scan(old / "pkg/sub", new / "pkg/sub")) == ["pkg.sub", "pkg.sub.mod"]


def test_a_package_is_called_what_the_old_tree_calls_it(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"pkg/__init__.py": OLD, "pkg_fixed/__init__.py": NEW})
    assert modules(scan(root / "pkg", root / "pkg_fixed")) == ["pkg"]


def test_a_source_root(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "top.py", "pkg/__init__.py", "pkg/mod.py", "spaced/mod.py")
    assert modules(scan(old, new)) == ["pkg", "pkg.mod", "spaced.mod", "top"]


def test_a_src_layout(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "src/pkg/__init__.py", "setup.py", "tests/test_it.py", "src/top.py")
    found = scan(old, new)
    assert modules(found) == ["pkg", "top"]


def test_src_that_is_a_package_itself(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "src/__init__.py", "src/mod.py")
    assert modules(scan(old, new)) == ["src", "src.mod"]


def test_an_unpacked_wheel(tmp_path: Path) -> None:
    paths = (
        "pkg/__init__.py",
        "pkg-1.0.data/purelib/extra.py",
        "pkg-1.0.data/scripts/run.py",
        "pkg-1.0.dist-info/METADATA",
    )
    old, new = trees(tmp_path, *paths)
    found = scan(old, new)
    assert modules(found) == ["extra", "pkg"]
    assert found.other == ()


def test_a_packed_wheel_is_refused_with_a_word(tmp_path: Path) -> None:
    wheel = tmp_path / "pkg-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pkg/__init__.py", OLD)
    with pytest.raises(ScanError, match=r"neither a folder nor a \.py file"):
        open_tree(wheel)


def test_root_is_told(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "lib/python/pkg/__init__.py", "other.py")
    assert modules(scan(old, new, root="lib/python")) == ["pkg"]


def test_root_that_is_not_there(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "pkg/__init__.py")
    with pytest.raises(ScanError, match="--root lib"):
        scan(old, new, root="lib")


def test_a_file_against_a_folder(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "shop.py")
    with pytest.raises(ScanError, match="not of one kind"):
        scan(old / "shop.py", new)


@pytest.mark.parametrize(
    "path",
    ["tests/test_it.py", "pkg/tests/test_it.py", "docs/conf.py", "build/lib/pkg/mod.py", "setup.py", "conftest.py",
     "examples/run.py", ".github/run.py", "pkg.egg-info/run.py"],
)  # fmt: skip
def test_left_out_by_default_and_said_so(tmp_path: Path, path: str) -> None:
    old, new = trees(tmp_path, path, "pkg/__init__.py")
    found = scan(old, new)
    assert (modules(found), found.left_out) == (["pkg"], (path,))
    assert modules(scan(old, new, rules=Rules(include=(path,)))) == sorted(["pkg", module_name(path)[0]])


@pytest.mark.parametrize("folder", ["node_modules", "__pycache__", ".git", ".tox", "pkg/site-packages"])
def test_never_looked_into(tmp_path: Path, folder: str) -> None:
    old, new = trees(tmp_path, f"{folder}/mod.py", "pkg/__init__.py")
    assert scan(old, new).left_out == ()


def test_a_virtual_environment_is_known_by_its_marker(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "anything/lib/mod.py", "pkg/__init__.py")
    for tree in (old, new):
        write_tree(tree, {"anything/pyvenv.cfg": "home = x"})
    assert modules(scan(old, new)) == ["pkg"]


def test_a_module_called_like_a_left_out_folder_is_taken(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "pkg/docs/mod.py", "pkg/build.py", "pkg/setup.py")
    assert modules(scan(old, new)) == ["pkg.build", "pkg.docs.mod", "pkg.setup"]


@pytest.mark.parametrize(
    ("pattern", "left"),
    [("pkg/a.py", ["pkg.b", "pkg.sub.c"]), ("pkg/sub", ["pkg.a", "pkg.b"]), ("pkg/sub/", ["pkg.a", "pkg.b"]),
     ("pkg/*.py", []), ("*/a.py", ["pkg.b", "pkg.sub.c"]), ("pk", ["pkg.a", "pkg.b", "pkg.sub.c"])],
)  # fmt: skip
def test_exclude(tmp_path: Path, pattern: str, left: list[str]) -> None:
    old, new = trees(tmp_path, "pkg/a.py", "pkg/b.py", "pkg/sub/c.py")
    assert modules(scan(old, new, rules=Rules(exclude=(pattern,)))) == left


def test_include_wins_over_exclude(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "pkg/a.py", "pkg/b.py")
    assert modules(scan(old, new, rules=Rules(include=("pkg/a.py",), exclude=("pkg",)))) == ["pkg.a"]


def test_a_module_that_becomes_a_package(tmp_path: Path) -> None:
    old = write_tree(tmp_path / "old", {"shop.py": OLD})
    new = write_tree(tmp_path / "new", {"shop/__init__.py": OLD, "shop/more.py": OLD})
    shop, more = scan(old, new).changes
    assert (shop.module, shop.replaced, more.module, more.old) == ("shop", True, "shop.more", None)


def test_a_package_that_becomes_a_module(tmp_path: Path) -> None:
    old = write_tree(tmp_path / "old", {"shop/__init__.py": OLD})
    new = write_tree(tmp_path / "new", {"shop.py": OLD})
    (shop,) = scan(old, new).changes
    assert shop.replaced


def test_a_module_hidden_by_a_package_of_its_name(tmp_path: Path) -> None:
    """Python imports the package: the change of the hidden file must not be taken for the package's."""
    old = write_tree(tmp_path / "old", {"shop.py": "hidden = 1\n", "shop/__init__.py": OLD})
    new = write_tree(tmp_path / "new", {"shop.py": "hidden = 2\n", "shop/__init__.py": OLD})
    assert [c.path for c in scan(old, new).changes] in ([], ["shop/__init__.py"])


def test_equal_files_stop_here(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "a.py", old="this is (not Python\n", new="this is (not Python\n")
    found = scan(old, new)
    assert (found.changes, found.files) == ((), 1)


def test_files_that_are_not_python(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "pkg/__init__.py", "pkg/page.html", "pkg/fast.pyx", "pkg/fast.so", "docs/index.md")
    found = scan(old, new)
    assert found.extensions == ("pkg/fast.pyx", "pkg/fast.so")
    assert found.other == ("pkg/page.html",)


def test_left_out_files_are_noted_by_the_command(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "shop.py", "tests/test_shop.py", old="def f(): return 1\n", new="def f(): return 2\n")
    code, output = run_cli("check", str(old), str(new))
    assert code == 0
    assert "tests/test_shop.py differs and is left out" in output


def test_a_symlinked_tree_has_the_same_modules(tmp_path: Path) -> None:
    old, new = trees(tmp_path, "pkg/__init__.py", "pkg/mod.py")
    (tmp_path / "link").symlink_to(new)
    assert modules(scan(old, tmp_path / "link")) == ["pkg", "pkg.mod"]
