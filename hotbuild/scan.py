"""Two trees → the modules that differ.

Owns: how a tree becomes modules: what the source root is, what a file's module is called, what is left out.

Rules
1. A file whose bytes are equal in both trees stops here: it is never decoded, parsed or compiled.
2. Nothing that differs is dropped in silence: what the default rules leave out is listed when it differs.
3. Module names follow packages (`__init__.py`) and namespace packages (folders without one).

Tests: tests/build/test_scan.py.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from .model import Change

_NEVER = {"__pycache__", "node_modules", "site-packages"}
_TOP_FOLDERS = {"tests", "test", "testing", "docs", "doc", "examples", "example", "benchmarks", "benchmark", "scripts",
                "tools", "ci", "build", "dist", "venv", "env", "requirements"}  # fmt: skip
_TOP_FILES = {"setup.py", "conftest.py", "noxfile.py", "fabfile.py", "dodo.py"}
_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", ".git")
_EXTENSIONS = (".so", ".pyd", ".pyx", ".pxd", ".dll", ".dylib")


class ScanError(Exception):
    """The trees cannot be compared; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What differs.

    Args:
        changes: modules, sorted by name.
        other: files that are not Python and differ (HB804), relative paths.
        extensions: compiled or Cython files that differ (HB803).
        left_out: Python files that differ and that the rules leave out.
        files: how many files were compared.
        sources: the new tree's Python files that the rules take, by path.
    """

    changes: tuple[Change, ...]
    other: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    files: int = 0
    sources: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """Which paths are taken.

    Args:
        include: patterns taken although the default rules leave them out.
        exclude: patterns left out.
        Patterns are for paths below the source root: `pkg/tests/*`, `legacy`, `*.py`; one that names a folder takes all in it.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def takes(self, path: str) -> bool:
        if any(_matches(path, p) for p in self.include):
            return True
        return not self._default(path) and not any(_matches(path, p) for p in self.exclude)

    @staticmethod
    def _default(path: str) -> bool:
        *folders, file = path.split("/")
        if any(f in _NEVER or f.startswith(".") or f.endswith((".egg-info", ".dist-info")) for f in folders):
            return True
        if (folders and folders[0] in _TOP_FOLDERS) or "tests" in folders:
            return True
        return not folders and file in _TOP_FILES


def _matches(path: str, pattern: str) -> bool:
    pattern = pattern.rstrip("/")
    return fnmatchcase(path, pattern) or fnmatchcase(path, f"{pattern}/*")


@dataclass(slots=True)
class Tree:
    """One side.

    Args:
        files: path below the source root → file on disk.
        prefix: package that the root itself lies in, when the input was a file or folder of a package.
    """

    root: Path
    files: dict[str, Path] = field(default_factory=dict)
    prefix: str = ""


def scan(old: Path, new: Path, root: str | None = None, rules: Rules = Rules()) -> Scan:
    """Compare two trees.

    Args:
        old, new: a `.py` file, a package folder, a source root, a repository with `src/` layout, or an unpacked wheel.
        root: folder below both that is the source root, where that cannot be seen.
        rules: what to take.

    Raises:
        ScanError: a path does not exist, or the two are of different kinds.
    """
    before, after = open_tree(old, root), open_tree(new, root)
    if old.is_file() != new.is_file():
        raise ScanError(f"{old} and {new} are not of one kind: give two files or two folders")
    if len(before.files) == len(after.files) == 1 and set(before.files) != set(after.files) and old.is_file():
        after.files = dict(zip(before.files, after.files.values(), strict=True))
    if before.prefix and after.prefix and before.prefix != after.prefix:
        cut = len(after.prefix)  # the package is called what the running process calls it
        after.files = {before.prefix + path[cut:]: file for path, file in after.files.items()}
    paths = sorted({*before.files, *after.files})
    changes: dict[str, Change] = {}
    other, extensions, left_out = [], [], []
    for path in paths:
        was, now = _bytes(before.files.get(path)), _bytes(after.files.get(path))
        if was == now:
            continue
        if path.endswith(_EXTENSIONS):
            extensions.append(_printable(path))
        elif not path.endswith(".py"):
            other.append(_printable(path))
        elif not rules.takes(path) or _hidden(path, before, after) or not _is_text(path):
            left_out.append(_printable(path))
        else:
            name, package = module_name(path)
            changes[name] = _merged(changes.get(name), Change(name, path, package, was, now))
    kept = rules.takes
    return Scan(
        tuple(changes[name] for name in sorted(changes)),
        tuple(p for p in other if kept(p)),
        tuple(p for p in extensions if kept(p)),
        tuple(left_out),
        len(paths),
        {p: f for p, f in after.files.items() if p.endswith(".py") and kept(p)},
    )


def _printable(path: str) -> str:
    """A file name may hold bytes that are no text."""
    return path.encode("utf-8", "backslashreplace").decode()


def _is_text(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _hidden(path: str, before: Tree, after: Tree) -> bool:
    """Tell whether `a.py` stands beside `a/__init__.py` on both sides: it is never imported."""
    package = path.removesuffix(".py") + "/__init__.py"
    return package in before.files and package in after.files


def _merged(one: Change | None, two: Change) -> Change:
    """Two files of one module name: `a.py` and `a/__init__.py`. The package is what gets imported."""
    if one is None:
        return two
    package, plain = (one, two) if one.package else (two, one)
    replaced = (package.old is None) != (package.new is None) and (plain.old is None) != (plain.new is None)
    return replace(package, replaced=replaced)


def module_name(path: str) -> tuple[str, bool]:
    """Name the module of a path below the source root, and tell whether it is a package."""
    parts = path.removesuffix(".py").split("/")
    if parts[-1] == "__init__":
        return ".".join(parts[:-1]) or "__init__", True
    return ".".join(parts), False


def open_tree(place: Path, root: str | None = None) -> Tree:
    """Find a tree's source root and list its files.

    Raises:
        ScanError: it does not exist.
    """
    if not place.exists():
        raise ScanError(f"{place} does not exist")
    if place.is_file():
        if place.suffix != ".py":
            raise ScanError(f"{place} is neither a folder nor a .py file")
        top = _package_top(place)
        return Tree(top, {place.resolve().relative_to(top).as_posix(): place})
    if root is not None:
        inner = place / root
        if not inner.is_dir():
            raise ScanError(f"--root {root}: there is no such folder in {place}")
        return Tree(inner, dict(_walk(inner, "")))
    if (place / "__init__.py").is_file():
        top = _package_top(place / "__init__.py")
        prefix = place.resolve().relative_to(top).as_posix()
        return Tree(top, dict(_walk(place, prefix + "/")), prefix)
    tree = Tree(_source_root(place))
    tree.files = dict(_walk(tree.root, ""))
    for data in sorted(place.glob("*.data")):
        for lib in ("purelib", "platlib"):
            if (data / lib).is_dir():
                tree.files.update(_walk(data / lib, ""))
    tree.files = {p: f for p, f in tree.files.items() if ".data/" not in p.partition("/")[0] + "/"}
    return tree


def _source_root(place: Path) -> Path:
    src = place / "src"
    if src.is_dir() and not (src / "__init__.py").exists() and any((place / f).exists() for f in _PROJECT_FILES):
        return src
    inside = [p for p in place.iterdir() if p.name != "src" and (p.suffix == ".py" or (p / "__init__.py").exists())]
    if src.is_dir() and not (src / "__init__.py").exists() and not inside:
        return src
    return place


def _package_top(file: Path) -> Path:
    folder = file.resolve().parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _walk(root: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(f for f in folders if f not in _NEVER and not _is_environment(here / f))
        below = prefix + here.relative_to(root).as_posix() + "/" if here != root else prefix
        for file in sorted(files):
            if not file.endswith((".pyc", ".pyo", ".orig", ".rej", "~")) and (here / file).is_file():
                yield below + file, here / file


def _is_environment(folder: Path) -> bool:
    return folder.name in (".git", ".hg", ".tox", ".nox") or (folder / "pyvenv.cfg").exists()


def _bytes(file: Path | None) -> bytes | None:
    return None if file is None else file.read_bytes()
