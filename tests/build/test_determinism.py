"""The same two trees give the same bytes: on every hash seed, in every folder, in every process."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from harness import write_tree

OLD = {
    "shop/__init__.py": "from .cart import Cart\n",
    "shop/cart.py": """
import functools

class Cart:
    "was"
    def total(self, rates=frozenset({"a", "b", "c", "d"})):
        return 1
    def local(self):
        class Local:
            def __init__(self):
                self.one = self.two = self.three = self.four = 1
        return Local

def price(code):
    return code in {"x", "y", "z", "w", "v"}
""",
}
NEW = {
    "shop/__init__.py": "from .cart import Cart\nfrom . import tax\n",
    "shop/cart.py": """
import functools
import json, string

class Cart:
    "is"
    def total(self, rates=frozenset({"a", "b", "c", "d"})):
        return {"k", "l", "m", "n"} | rates
    def local(self):
        class Local:
            def __init__(self):
                self.one = self.two = self.three = self.four = 1
        return Local
    @property
    def added(self):
        return self.total()
    @added.setter
    def added(self, value):
        self.value = value

class Added:
    names = {"p", "q", "r", "s"}
    def __init__(self):
        self.alpha = self.beta = self.gamma = self.delta = None
    def more(self):
        self.epsilon = self.zeta = self.eta = 1
        return super().__init__

def price(code):
    return code in {"x", "y", "z", "w", "v", "u"}

def fresh():
    return [n for n in ("one", "two") if n in {"one", "three", "five"}]
""",
    "shop/tax.py": "class Tax:\n    def __init__(self):\n        self.a = self.b = self.c = self.d = {'e', 'f', 'g'}\n",
}


def build(folder: Path, seed: str, *options: str) -> tuple[bytes, str]:
    """Run `hotbuild diff` in a process and folder of its own; the bundle and what was printed."""
    old, new = write_tree(folder / "old", dict(OLD)), write_tree(folder / "new", dict(NEW))
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "hotbuild", "diff", str(old), str(new), "-o", "fix.hpb", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "fix.hpb").read_bytes(), done.stdout


def test_the_bytes_depend_on_the_two_trees_alone(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "a" / "much" / "deeper" / "one with a space"]
    bundles = [build(folder, seed)[0] for folder, seed in zip(folders, ("1", "4711"), strict=True)]
    assert sha256(bundles[0]).hexdigest() == sha256(bundles[1]).hexdigest()


@pytest.mark.parametrize("seed", ["2", "3"])
def test_more_hash_seeds(seed: str, tmp_path: Path) -> None:
    assert build(tmp_path / "x", seed)[0] == build(tmp_path / "y", "0")[0]


def test_what_a_machine_reads_is_the_same_too(tmp_path: Path) -> None:
    import json

    shown = [json.loads(build(tmp_path / seed, seed, "--json")[1]) for seed in ("5", "6")]
    for one in shown:
        one.pop("seconds")
        one.pop("bundle", None)
    assert shown[0] == shown[1]


def test_building_in_one_process_twice_and_after_other_work(tmp_path: Path) -> None:
    """What the process did before (interned strings, cached constants) leaves no trace in the bytes."""
    from hotbuild.pipeline import Options, diff

    old, new = write_tree(tmp_path / "old", dict(OLD)), write_tree(tmp_path / "new", dict(NEW))
    first = diff(old, new, Options()).bundle
    kept = [sys.intern(f"name{i}") for i in range(100)] + [compile(text, "x", "exec") for text in NEW.values()]
    assert diff(old, new, Options()).bundle == first
    assert build(tmp_path / "apart", "7")[0] == first
    assert kept
