"""What a bundle carries: code by place out of the compiled new module, in a fixed order, the same bytes every time."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Workbench, run_cli, write_tree
from hotbuild_runtime import behavior, bundle
from hotbuild_runtime.fingerprint import fingerprint

from hotbuild.codetree import CodeIndex

Make = Callable[[dict[str, str], dict[str, str]], Workbench]

OLD = {
    "pkg/__init__.py": "",
    "pkg/a.py": "def one(): return 1\nclass C:\n    def m(self): return 1\n    @property\n    def p(self): return 1\n"
    "    @p.setter\n    def p(self, v): return 1\n",
    "pkg/b.py": "def two(): return 1\n",
}
NEW = {
    "pkg/__init__.py": '"""Doc."""\n',
    "pkg/a.py": "import os, sys\nX = {'b', 'a', 'c', 'd'}\ndef one(): return 2, X\nclass C:\n    Y = 1\n"
    "    def m(self): return 2\n"
    "    @property\n    def p(self): return 2\n    @p.setter\n    def p(self, v): return 2\n"
    "    def n(self): return super().__init__\n",
    "pkg/b.py": "def two(): return {'x', 'y', 'z'}\n",
    "pkg/new.py": "Z = {'p', 'q'}\n",
}


def test_code_is_that_of_the_compiled_new_module(bench: Make) -> None:
    trees = bench(OLD, NEW)
    result = trees.build()
    assert result.bundle is not None
    box = bundle.read(result.bundle)
    tag = behavior.python_tag(0)
    code = bundle.payload(box, tag)
    fresh = {m: CodeIndex.of(NEW[f"pkg/{m}.py"].encode(), "x", 0) for m in "ab"}
    for replacement, (carried, _, _) in zip(box.manifest.replacements, code.replacements, strict=True):
        index = fresh[replacement.target.module[-1]]
        assert fingerprint(carried) in index.prints.values()
        assert fingerprint(carried).hex() == replacement.provides[tag]
        assert replacement.expects[tag] != replacement.provides[tag]


def test_everything_is_listed_in_order(bench: Make) -> None:
    result = bench(OLD, NEW).build()
    assert result.bundle is not None
    manifest = bundle.read(result.bundle).manifest
    assert [str(r.target) for r in manifest.replacements] == [
        "pkg.a:one",
        "pkg.a:C.m",
        "pkg.a:C.p",
        "pkg.a:C.p#1",
        "pkg.b:two",
    ]
    assert [(a.owner, a.names) for a in manifest.additions] == [
        ("", ("os",)), ("", ("sys",)), ("", ("X",)), ("C", ("Y",)), ("C", ("n",))
    ]  # fmt: skip
    assert [(m.name, m.new) for m in manifest.modules] == [
        ("pkg", False), ("pkg.a", False), ("pkg.b", False), ("pkg.new", True)
    ]  # fmt: skip


def test_two_hash_seeds_and_two_folders_give_the_same_bytes(tmp_path: Path) -> None:
    made = set()
    for seed in ("0", "1", "4242"):
        root = tmp_path / f"folder{seed}"
        old, new, fix = write_tree(root / "old", OLD), write_tree(root / "new", NEW), root / "fix.hpb"
        command = [sys.executable, "-m", "hotbuild", "diff", str(old), str(new), "-o", str(fix)]
        done = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        made.add(fix.read_bytes())
    assert len(made) == 1


def test_the_name_of_the_file_is_the_name_of_the_bundle(tmp_path: Path) -> None:
    old, new = write_tree(tmp_path / "old", OLD), write_tree(tmp_path / "new", NEW)
    fix = tmp_path / "cve-2024.hpb"
    assert run_cli("diff", str(old), str(new), "-o", str(fix))[0] == 0
    assert bundle.read(fix.read_bytes()).manifest.name == "cve-2024"


@pytest.mark.parametrize("level", [0, 1, 2])
def test_optimize_levels(bench: Make, level: int) -> None:
    old = {"m.py": "def f():\n    'doc'\n    assert True\n    return 1\n"}
    new = {"m.py": "def f():\n    'new doc'\n    assert True\n    return 2\n"}
    result = bench(old, new).build(optimize=level)
    assert result.bundle is not None
    box = bundle.read(result.bundle)
    assert [p.tag for p in box.manifest.python] == [behavior.python_tag(level)]
    ((_, was, now),) = bundle.payload(box, behavior.python_tag(level)).replacements
    assert (was, now) == ((None, None) if level == 2 else ("doc", "new doc"))


def test_only_an_assert_changed_under_O(bench: Make) -> None:
    trees = bench({"m.py": "def f():\n    assert x > 0\n"}, {"m.py": "def f():\n    assert x > 1\n"})
    assert trees.build(optimize=0).bundle is not None
    assert trees.build(optimize=1).bundle is None


def test_a_long_module(bench: Make) -> None:
    def text(n: int) -> str:
        return "".join(
            f"class C{i}:\n    def m(self, a=({i}, 1)):\n        return [a for _ in range({n})]\n" for i in range(300)
        )

    trees = bench({"m.py": text(1)}, {"m.py": text(2)})
    result = trees.build()
    assert len([e for e in result.edits if e.kind == "update"]) == 300


def test_a_function_with_more_constants_than_one_byte_counts(bench: Make) -> None:
    def text(n: int) -> str:
        return "def f(x):\n" + "".join(f"    if x == {i}: return {i * n}\n" for i in range(700))

    trees = bench({"m.py": text(2)}, {"m.py": text(3)})
    trees.build()
    with trees.running() as modules:
        trees.apply()
        assert modules["m"].f(699) == 2097
