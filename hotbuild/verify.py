"""A bundle against a release tree, without a process.

Owns: `verify`: the file's integrity, its Python target, and that the release holds every function of the touched modules
with the fingerprint that the bundle expects. The release is compiled by the running interpreter, never imported.

Tests: tests/build/test_verify.py.
"""

from collections.abc import Iterator
from importlib.util import MAGIC_NUMBER
from pathlib import Path

from hotbuild_runtime import HotbuildError, Problem, behavior, bundle
from hotbuild_runtime.manifest import ModuleRecord, PythonTarget

from .codetree import CodeIndex
from .scan import Tree, open_tree
from .source import SourceError


def verify(file: Path, release: Path, root: str | None = None) -> list[Problem]:
    """Check a bundle against a release.

    Args:
        file: the bundle.
        release: tree, source root, package or file.
        root: folder below `release` that is the source root.

    Returns:
        What speaks against it; empty when it fits.
    """
    try:
        box = bundle.read(file.read_bytes())
        python = _python(box.manifest.python)
        bundle.payload(box, python.tag)
    except HotbuildError as error:
        return list(error.problems)
    tree = open_tree(release, root)
    problems: list[Problem] = []
    for record in box.manifest.modules:
        problems += _module(record, python, tree)
    return problems


def _python(targets: tuple[PythonTarget, ...]) -> PythonTarget:
    magic = MAGIC_NUMBER.hex()
    for target in targets:
        if target.magic == magic and target.tag == behavior.python_tag(target.optimize):
            return target
    has = ", ".join(p.version for p in targets)
    raise HotbuildError([Problem("HB601", f"it holds code for Python {has}; run verify with that Python", "bundle")])


def _module(record: ModuleRecord, python: PythonTarget, tree: Tree) -> Iterator[Problem]:
    file = tree.files.get(record.path)
    if record.new:
        if file is not None:
            yield Problem("HB403", "the fix brings this module, and the release has it already", record.path)
        return
    if file is None:
        yield Problem("HB502", f"the release has no module {record.name}", record.path)
        return
    try:
        codes = CodeIndex.of(file.read_bytes(), record.path, python.optimize)
    except SourceError as error:
        yield Problem("HB504", f"the release's file does not compile: {error.message}", f"{record.path}:{error.line}")
        return
    have = [(code.co_qualname, codes.prints[place].hex()) for place, code in codes.functions.items()]
    want = [(qualname, digest) for qualname, _, digest in record.definitions[python.tag]]
    for qualname, digest in want:
        if (qualname, digest) not in have:
            known = any(q == qualname for q, _ in have)
            code, text = ("HB504", "its code is not what the bundle expects") if known else ("HB502", "it is not there")
            yield Problem(code, text, f"{record.name}:{qualname}")
