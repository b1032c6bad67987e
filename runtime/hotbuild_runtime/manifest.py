"""What a bundle says of itself: the types of `manifest.json`, and their canonical text.

Owns: `Target`, `PythonTarget`, `ModuleRecord`, `Replacement`, `DocChange`, `Addition`, `Kept`, `Manifest`.
Reading a manifest back, with every check, is `decode.py`.

Rules
1. Canonical text: keys sorted, no spaces, ASCII. The bundle's id is the SHA-256 of these bytes.
2. Fingerprints are per Python target (`cpython-311-O0`), because code objects are.

Pure: no threads, no clock, no files. Tests: tests/runtime/test_manifest.py.
"""

import json
from dataclasses import asdict, dataclass, field

from .nest import Path

FORMAT = 1


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """A function or class by name: `shop.cart:Cart.total`.

    Args:
        module: dotted module name.
        qualname: dotted path in the module, as `co_qualname`; empty for the module itself.
        ordinal: which definition, in source order, where several share the qualname (property accessors, overloads).
    """

    module: str
    qualname: str
    ordinal: int = 0

    def __str__(self) -> str:
        return f"{self.module}:{self.qualname}" + (f"#{self.ordinal}" if self.ordinal else "")


@dataclass(frozen=True, slots=True)
class PythonTarget:
    """One interpreter that the bundle holds code for.

    Args:
        tag: `cpython-311-O0`; the member `code/<tag>.marshal` holds its code.
        version: `3.11.7`, for people.
        magic: the interpreter's bytecode magic number, hexadecimal.
        optimize: 0, 1 (`-O`) or 2 (`-OO`).
    """

    tag: str
    version: str
    magic: str
    optimize: int

    @property
    def member(self) -> str:
        return f"code/{self.tag}.marshal"


@dataclass(frozen=True, slots=True)
class ModuleRecord:
    """A module that the bundle touches.

    Args:
        name: dotted name.
        path: path below the source root, with slashes; the new text is the member `source/<path>`.
        package: whether it is a package's `__init__`.
        new: whether the module comes with the bundle; its code object is in the payload.
        old_sha256, new_sha256: of the source text; the first is empty for a new module.
        bound: names that the old module binds at its top level.
        definitions: per Python target, (qualname, line, fingerprint) of every function of the old module that is not
            nested in a function: the loader compares the untouched ones too.
    """

    name: str
    path: str
    package: bool
    new: bool
    old_sha256: str
    new_sha256: str
    bound: tuple[str, ...] = ()
    definitions: dict[str, tuple[tuple[str, int, str], ...]] = field(default_factory=dict)

    @property
    def member(self) -> str:
        return f"source/{self.path}"


@dataclass(frozen=True, slots=True)
class Replacement:
    """A function whose code is replaced.

    Args:
        target: the function.
        line: `co_firstlineno` in the old source; tells equal definitions under one name apart.
        expects, provides: per Python target, fingerprint of the old and of the new code.
        compiled: per Python target, fingerprint of the new code as a fresh import of the new tree has it: another than
            `provides` where the code was re-assembled for a live closure with more cells.
        optional: the definition may be absent from a process, because it stands under an `if` or `try`, or because a
            later definition of the same name replaced it, or because it is nested and no closure of it may live.
        outer: of a function nested in another, the other: its target in this bundle.
        old_path, new_path: where in the old and in the new code of `outer` the function's code is made (see `nest`).
    """

    target: Target
    line: int
    expects: dict[str, str]
    provides: dict[str, str]
    compiled: dict[str, str]
    optional: bool = False
    outer: Target | None = None
    old_path: Path = ()
    new_path: Path = ()


@dataclass(frozen=True, slots=True)
class DocChange:
    """A module (empty qualname) or class whose docstring changed."""

    target: Target


@dataclass(frozen=True, slots=True)
class Addition:
    """A statement that binds new names in a live module or class.

    Args:
        module: the module.
        owner: qualname of the class; empty for the module's own namespace.
        names: what the statement binds.
        line: in the new source.
        deferred: the names appear in the commit itself and not before, because code that runs already looks for them.
        imports: absolute names of the modules that it imports, when it is an import statement.
        guarded: a compound statement, which binds some of the names or none, as the process decides.
    """

    module: str
    owner: str
    names: tuple[str, ...]
    line: int
    deferred: bool = False
    imports: tuple[str, ...] = ()
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A definition that the fix removed and that stays in place."""

    module: str
    owner: str
    name: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a bundle but its code and its sources.

    Args:
        name: for people; the output file's stem unless told otherwise.
        tool: version of hotbuild that wrote it.
        members: SHA-256 of every other member, by name.
        base: ids of the bundles that this one was built on.
        notes: what the operator should know.
    """

    name: str
    tool: str
    python: tuple[PythonTarget, ...]
    modules: tuple[ModuleRecord, ...]
    replacements: tuple[Replacement, ...] = ()
    docs: tuple[DocChange, ...] = ()
    additions: tuple[Addition, ...] = ()
    kept: tuple[Kept, ...] = ()
    base: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    members: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def module(self, name: str) -> ModuleRecord:
        return next(m for m in self.modules if m.name == name)

    def encode(self) -> bytes:
        """Write the canonical text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode("ascii")
