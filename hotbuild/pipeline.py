"""The contents page of the build stage.

    scan → outline → correlate → classify → audit → select → assemble → emit

Owns: the order of the stages, and their times. `diff` runs them all; what each does is in the file of its name.

Rules
1. Any rude edit among the chosen ones: all of them are reported, and nothing is written.
2. A stage that needs a file's text gets only files that differ; equal ones never leave `scan`.
3. The outcome depends on the two trees and the options alone: not on the clock, the folder or the hash seed.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from hotbuild_runtime.behavior import OPTIMIZE_LEVELS, why_unsupported

from . import emit, source
from .assemble import AssemblyError, Module, assemble
from .audit import audit
from .classify import Classifier, Side
from .codetree import CodeIndex
from .correlate import correlate
from .insertions import ran_at_import, unsafe_insertions
from .model import Change, Definition, Edit, EditKind, Span, Target
from .outline import outline
from .rules.struct import MAKERS
from .scan import Rules, Scan, scan
from .selection import select
from .stars import star_imports

_EFFECTIVE = (EditKind.UPDATE, EditKind.INSERT)


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller may ask for.

    Args:
        root: folder below both trees that is the source root.
        rules: which paths are taken.
        only, exclude: patterns for targets.
        optimize: the `-O` level of the process that the bundle is for.
        name: the bundle's name.
        base: ids of the bundles that are in the old tree.
        strict: refuse when files that are not Python differ.
        forbid_keep: refuse when the fix removes a definition.
    """

    root: str | None = None
    rules: Rules = field(default_factory=Rules)
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    optimize: int = 0
    name: str = "fix"
    base: tuple[str, ...] = ()
    strict: bool = False
    forbid_keep: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What came out.

    Attributes:
        edits: the verdicts on everything that was chosen, sorted by file and line.
        bundle: the file's bytes; None when there is nothing to patch, or something is refused.
        id: the bundle's id; empty without one.
        notes: what the operator should know.
        seconds: per stage.
        scanned: what differs between the trees.
        modules: everything that was found, per module.
    """

    edits: tuple[Edit, ...]
    bundle: bytes | None
    id: str
    notes: tuple[str, ...]
    seconds: dict[str, float]
    scanned: Scan
    modules: tuple[Module, ...]

    @property
    def rude(self) -> tuple[Edit, ...]:
        return tuple(e for e in self.edits if e.kind is EditKind.RUDE)


Progress = Callable[[str, int, int], None]


class UnsupportedPython(Exception):
    """The build runs on an interpreter that bundles cannot be made for."""


def diff(old: Path, new: Path, options: Options = Options(), progress: Progress | None = None) -> Result:
    """Turn the difference between two trees into a bundle.

    Args:
        old: the tree that the process runs.
        new: the tree with the fix.
        options: what to take, and for which process.
        progress: called with (stage, done, of how many).

    Raises:
        ScanError: the trees cannot be read as trees.
        UnsupportedPython: this interpreter is not one that bundles can be made for.
    """
    if why := why_unsupported():
        raise UnsupportedPython(why)
    assert options.optimize in OPTIMIZE_LEVELS
    watch = _Watch(progress)
    scanned = scan(old, new, options.root, options.rules)
    watch.lap("scan")
    modules = _judge(scanned, options.optimize, watch)
    starred = list(star_imports(modules, scanned.sources))
    watch.lap("classify")
    chosen, notes = select(modules, options.only, options.exclude)
    edits = _sorted([*_outside(scanned, options), *starred, *(e for group in chosen.values() for e in group)])
    if options.forbid_keep:
        edits = [_forbidden(e) if e.kind is EditKind.KEEP else e for e in edits]
    notes = [*_notes(scanned, edits), *ran_at_import(modules), *notes]
    watch.lap("select")
    data: bytes | None = None
    if not any(e.kind is EditKind.RUDE for e in edits) and any(e.kind in _EFFECTIVE for e in edits):
        try:
            data = _bundle(modules, edits, options, notes, watch)
        except AssemblyError as error:
            edits = _sorted([*edits, _rude(error.edit, "HB401", error.why)])
    identity = sha256(_manifest_of(data)).hexdigest() if data is not None else ""
    return Result(tuple(edits), data, identity, tuple(notes), watch.seconds, scanned, tuple(modules))


class _Watch:
    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self.progress = progress or (lambda stage, done, total: None)
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now


# -- judging


def _judge(scanned: Scan, optimize: int, watch: _Watch) -> list[Module]:
    changes = scanned.changes
    parts: list[_Draft] = []
    for i, change in enumerate(changes):
        watch.progress("reading changed modules", i, len(changes))
        parts.append(_Draft(change))
        parts[-1].read(optimize, watch)
    definitions = [d for p in parts if p.new for d in p.new.outline.definitions()]
    reads = _Reads(definitions)
    for i, draft in enumerate(parts):
        watch.progress("comparing modules", i, len(parts))
        draft.judge(reads, watch)
    modules = [m for p in parts if (m := p.module()) is not None]
    tops = {path.removesuffix(".py").partition("/")[0] for path in scanned.sources}
    extra = unsafe_insertions(modules, tops)
    watch.lap("classify")
    return [_with(m, extra.get(m.change.module, [])) for m in modules]


class _Draft:
    """One change on its way through the stages."""

    def __init__(self, change: Change) -> None:
        self.change = change
        self.old: Side | None = None
        self.new: Side | None = None
        self.edits: list[Edit] = []

    def read(self, optimize: int, watch: _Watch) -> None:
        c = self.change
        if c.replaced or c.new is None:
            what = "became a package, or the reverse" if c.replaced else "was removed"
            self._whole(EditKind.RUDE, "HB406", f"module {c.module} {what}")
            return
        try:
            self.new = self._side(c.new, optimize, watch)
            self.old = self._side(c.old, optimize, watch) if c.old is not None else None
        except source.SourceError as error:
            self.old = self.new = None
            self._whole(EditKind.RUDE, error.code, error.message, error.line)

    def _side(self, data: bytes, optimize: int, watch: _Watch) -> Side:
        c = self.change
        source.text(data, c.path)
        codes = CodeIndex.of(data, c.path, optimize)
        watch.lap("compile")
        outlined = outline(data, c.module, c.path, c.package)
        watch.lap("outline")
        return Side(outlined, codes)

    def judge(self, reads: "_Reads", watch: _Watch) -> None:
        c = self.change
        if self.new is None:
            return
        if self.old is None:
            self._whole(EditKind.INSERT)
            return
        assert c.old is not None
        assert c.new is not None
        pairs = correlate(self.old.outline, self.new.outline)
        watch.lap("correlate")
        self.edits = Classifier(self.old, self.new, pairs, reads).run()
        watch.lap("classify")
        self.edits += audit(c.old, c.new, c.path, c.module, self.edits, (self.old.codes, self.new.codes))
        watch.lap("audit")

    def _whole(self, kind: EditKind, code: str = "", message: str = "", line: int = 1) -> None:
        place = Span(line, line)
        self.edits = [Edit(kind, Target(self.change.module, ""), self.change.path, None, place, code, message)]

    def module(self) -> Module | None:
        codes = self.new.codes if self.new else None
        if codes is None:
            codes = CodeIndex.of(b"", self.change.path, 0)
        return Module(
            self.change, tuple(self.edits), self.old.codes if self.old else None, codes,
            self.old.outline if self.old else None, self.new.outline if self.new else None,
        )  # fmt: skip


class _Reads:
    """Which attributes the new tree's changed modules read, and where."""

    def __init__(self, definitions: Sequence[Definition]) -> None:
        self._by_name: dict[str, list[Definition]] = {}
        for definition in definitions:
            for name in definition.loads:
                self._by_name.setdefault(name, []).append(definition)

    def __call__(self, owner: Definition, name: str) -> bool:
        makers = {f"{owner.target.qualname}.{maker}" for maker in MAKERS}
        here = owner.target.module
        return any(d.target.module != here or d.target.qualname not in makers for d in self._by_name.get(name, ()))


def _with(module: Module, extra: list[Edit]) -> Module:
    """Replace insertions that turned out unsafe by their refusals."""
    items = {id(e.item) for e in extra}
    edits = tuple(e for e in module.edits if e.kind is not EditKind.INSERT or id(e.item) not in items)
    return Module(
        module.change, (*edits, *extra), module.old_codes, module.new_codes, module.old_outline, module.new_outline
    )


def _outside(scanned: Scan, options: Options) -> Iterator[Edit]:
    """Files that are not Python source."""
    for path in scanned.extensions:
        yield Edit(EditKind.RUDE, Target(path, ""), path, code="HB803", message=f"{path} differs")
    if options.strict:
        for path in scanned.other:
            yield Edit(EditKind.RUDE, Target(path, ""), path, code="HB804", message=f"{path} differs")


def _rude(edit: Edit, code: str, message: str) -> Edit:
    return Edit(
        EditKind.RUDE, edit.target, edit.path, edit.old, edit.new, code, message, edit.item, edit.old_item, edit.pair
    )


def _forbidden(edit: Edit) -> Edit:
    return _rude(edit, "HB401", f"{', '.join(edit.names) or edit.target} was removed, and --forbid-keep is given")


def _sorted(edits: Sequence[Edit]) -> list[Edit]:
    return sorted(edits, key=lambda e: (e.path, e.line, e.target, e.code, e.message))


# -- notes and the bundle


def _notes(scanned: Scan, edits: Sequence[Edit]) -> Iterator[str]:
    for path in scanned.other:
        yield f"HB804 data-changed: {path} differs; deploy it beside the process if it is read at run time"
    for path in scanned.left_out:
        yield f"{path} differs and is left out by the default rules (--include takes it)"
    for edit in edits:
        if edit.kind is EditKind.KEEP:
            yield f"{edit.path}: {', '.join(edit.names)} was removed by the fix and stays in the process"
        elif edit.message and edit.kind is not EditKind.RUDE and edit.message not in ("docstring", "submodule"):
            yield f"{edit.path}:{edit.line}: {edit.target}: {edit.message}"


def _bundle(
    modules: Sequence[Module], edits: Sequence[Edit], options: Options, notes: Sequence[str], watch: _Watch
) -> bytes:
    chosen: dict[str, list[Edit]] = {}
    for edit in edits:
        chosen.setdefault(edit.target.module, []).append(edit)
    taken = [
        Module(m.change, tuple(chosen[m.change.module]), m.old_codes, m.new_codes, m.old_outline, m.new_outline)
        for m in modules
        if any(e.kind in _EFFECTIVE for e in chosen.get(m.change.module, ()))
    ]
    parts = assemble(taken, options.optimize)
    watch.lap("assemble")
    texts = {m.change.path: source.text(m.change.new or b"", m.change.path) for m in taken}
    data = emit.encode(parts, texts, options.name, options.optimize, options.base, notes)
    watch.lap("emit")
    return data


def _manifest_of(data: bytes) -> bytes:
    from hotbuild_runtime.bundle import read

    return read(data).manifest.encode()


__all__ = ["Options", "Result", "UnsupportedPython", "diff"]
