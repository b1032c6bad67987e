"""Target → every live function that carries its code.

Owns: `Resolver`, which compares the live modules of a bundle with what the bundle expects, and finds the sites.

Rules
1. A live function answers to a target when it has the module's namespace as globals, the target's qualname, and code
   with the expected fingerprint. Names prove nothing: a name can be bound to anything.
2. The walk from the module comes first. It is complete for a target when the reference count of the target's code
   object is explained by the functions found; only where it is not, one pass over the heap looks for the rest.
3. Every function of a touched module is compared, the untouched ones too: the bundle was built for one release.
4. All problems are collected; nothing is changed here.

Tests: tests/runtime/test_resolve.py, tests/edits/sites.edit.
"""

import gc
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, FunctionType, GeneratorType, ModuleType
from typing import Any

from . import behavior
from .census import Census, live_modules
from .errors import Problem
from .fingerprint import fingerprint
from .ledger import Ledger
from .manifest import Manifest, ModuleRecord, Replacement, Target
from .nest import descend
from .splice import Kind, Slot

_class_dict: Any = type.__dict__["__dict__"].__get__


Wanted = tuple[Replacement, Census]


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A live function that carries a target's code.

    Args:
        target: the target.
        function: the function.
        carriers: objects that show the function's docstring as theirs.
        built_on: the bundle whose code it runs now, if any.
    """

    target: Target
    function: FunctionType
    carriers: tuple[object, ...]
    built_on: str | None


class Resolver:
    """Finds the sites of a bundle in this process.

    Args:
        manifest: of the bundle.
        tag: the Python target in use.
        ledger: the books as they are.

    Attributes:
        problems: what speaks against loading, after `modules` and `sites`.
    """

    def __init__(self, manifest: Manifest, tag: str, ledger: Ledger) -> None:
        self.manifest = manifest
        self.tag = tag
        self.ledger = ledger
        self.problems: list[Problem] = []
        self.live: dict[str, list[Census]] = {}
        self._definitions = Counter((m.name, d[0], d[2]) for m in manifest.modules for d in m.definitions.get(tag, ()))
        self._prints: dict[int, str] = {}
        self._compiled = {k: v for e in ledger.standing() for k, v in e.compiled.items()}
        self._kept: list[CodeType] = []

    def modules(self) -> None:
        """Find the live modules, and compare every function of theirs with the release."""
        for record in self.manifest.modules:
            if record.new:
                if record.name in sys.modules:
                    self._problem(
                        "HB403", f"the fix brings a new module {record.name}, which exists already", record.name
                    )
                continue
            found = live_modules(record.name, record.path)
            if not found:
                self._problem("HB502", f"module {record.name} is not imported in this process", record.name)
            self.live[record.name] = [Census(module) for module in found]
            targets = {r.target.qualname for r in self.manifest.replacements if r.target.module == record.name}
            for census in self.live[record.name]:
                self._compare(record, census, targets)

    def sites(self) -> list[Site]:
        """Find every live function of every target."""
        wanted = [(r, census) for r in self.manifest.replacements for census in self.live.get(r.target.module, ())]
        self._find_plain([(r, c) for r, c in wanted if r.outer is None])
        self._find_nested([(r, c) for r, c in wanted if r.outer is not None])
        sites: list[Site] = []
        for replacement, census in wanted:
            functions = self._choose(replacement, census)
            for f in functions:
                carriers = tuple(census.all_carriers(f))
                sites.append(Site(replacement.target, f, carriers, self.ledger.holder(Slot(Kind.CODE, f))))
        return sites

    def owners(self, module: str, qualname: str) -> list[type]:
        """Find the live classes that a qualname names, one per live module; reports HB502 where there is none."""
        found: list[type] = []
        for census in self.live.get(module, ()):
            value: Any = census.module
            for part in qualname.split("."):
                value = _space(value).get(part)
            if issubclass(type(value), type) and value.__qualname__ == qualname:
                found.append(value)
            else:
                self._problem("HB502", f"there is no class {qualname} in {module}", f"{module}:{qualname}")
        return found

    def compiled(self) -> dict[str, str]:
        """Map the fingerprints of this bundle's re-assembled code to those that the new tree has."""
        pairs = ((r.provides[self.tag], r.compiled[self.tag]) for r in self.manifest.replacements)
        return {provided: plain for provided, plain in pairs if provided != plain}

    # -- comparing

    def _print(self, code: CodeType) -> str:
        known = self._prints.get(id(code))
        if known is None:
            digest = fingerprint(code).hex()
            known = self._prints[id(code)] = self._compiled.get(digest, digest)
            self._kept.append(code)  # an id is only good while its object lives
        return known

    def _expected(self, record: ModuleRecord) -> dict[str, set[str]]:
        expected: dict[str, set[str]] = {}
        for qualname, _, digest in record.definitions[self.tag]:
            expected.setdefault(qualname, set()).add(digest)
        return expected

    def _compare(self, record: ModuleRecord, census: Census, targets: set[str]) -> None:
        for qualname, digests in self._expected(record).items():
            for function in census.functions.get(qualname, ()):
                if self._print(function.__code__) in digests:
                    continue
                where = f"{record.name}:{qualname}"
                if any(self._print(c) in digests for c in self.ledger.code_history(function)):
                    if qualname in targets:
                        holder = self.ledger.holder(Slot(Kind.CODE, function)) or ""
                        self._problem(
                            "HB706",
                            f"bundle {holder[:12]} holds it, and this bundle expects the code before that",
                            where,
                        )
                    continue
                self._problem("HB504", self._difference(function, qualname in targets), where)

    def _difference(self, function: FunctionType, target: bool) -> str:
        code = function.__code__
        place = f"{code.co_filename}:{code.co_firstlineno}"
        what = "its running code" if target else "the running code of this function, which the fix does not touch,"
        return f"{what} ({place}) is not that of the release"

    # -- finding

    def _matching(self, replacement: Replacement, census: Census) -> list[FunctionType]:
        expects = replacement.expects[self.tag]
        group = census.functions.get(replacement.target.qualname, ())
        return [f for f in group if self._print(f.__code__) == expects]

    def _find_plain(self, wanted: list[Wanted]) -> None:
        """Complete the census for targets that are not nested: sweep the heap where the walk is not proved complete."""
        censuses = {id(c): c for _, c in wanted}
        open_ones = [c for c in censuses.values() if not c.complete()]
        unproved = [(r, c) for r, c in wanted if not self._proved(self._matching(r, c))]
        codes = {id(f.__code__): f.__code__ for r, c in unproved for f in self._matching(r, c)}
        sought = [*(c.module.__dict__ for c in open_ones), *codes.values()]
        spaces = {id(c.module.__dict__): c for c in censuses.values()}
        for holder in gc.get_referrers(*sought) if sought else ():
            if type(holder) is not FunctionType:
                continue
            census = spaces.get(id(holder.__globals__))
            if census is not None:
                census.add(holder)
            elif id(holder.__code__) in codes:
                self._foreign(holder)

    def _find_nested(self, wanted: list[Wanted]) -> None:
        """Find the live closures of nested targets.

        They were made by the live function around them, so their code objects are among its constants; or a bundle
        loaded before gave them theirs, then the ledger knows them.
        """
        codes: dict[int, tuple[CodeType, Census]] = {}
        for replacement, census in wanted:
            self._from_ledger(replacement, census)
            codes.update((id(code), (code, census)) for code in self._made_codes(replacement, census))
        held = [code for code, _ in codes.values()]
        # A constant of the function around, and an entry of `codes`: no more references, so no closure lives.
        extra = [n - 2 - self._held(c) for c, n in zip(held, behavior.references(held), strict=True)]
        loose = [c for c, count in zip(held, extra, strict=True) if count]
        holders = gc.get_referrers(*loose) if loose else []
        for holder in holders:
            if type(holder) is FunctionType and id(holder.__code__) in codes:
                census = codes[id(holder.__code__)][1]
                if holder.__globals__ is census.module.__dict__:
                    census.add(holder)
                else:
                    self._foreign(holder)
        if gc.get_freeze_count() > behavior.FROZEN_AT_START:
            walked = [f for _, census in wanted for group in census.functions.values() for f in group]
            seen = list({id(h): h for h in [*holders, *walked]}.values())
            self._check_frozen({id(c): n for c, n in zip(held, extra, strict=True) if n}, loose, seen)

    def _check_frozen(self, extra: dict[int, int], codes: list[CodeType], holders: list[Any]) -> None:
        """The collector does not tell who in the frozen heap refers to a code object: every reference must be explained."""
        running = [code for top in sys._current_frames().values() for code in _codes_below(top)]
        for holder in [*holders, *running]:
            code = holder if isinstance(holder, CodeType) else _code_of(holder)
            if id(code) in extra:
                extra[id(code)] -= 1
        if hidden := sorted(c.co_qualname for c in codes if extra[id(c)] > 0):
            self._problem(
                "HB507", "the heap is frozen, and not all that refers to its code was found", ", ".join(hidden)
            )

    def _made_codes(self, replacement: Replacement, census: Census) -> Iterator[CodeType]:
        around = next(r for r in self.manifest.replacements if r.target == replacement.outer)
        for function in self._matching(around, census):
            code = descend(function.__code__, replacement.old_path)
            if code is None or self._print(code) != replacement.expects[self.tag]:
                self._problem("HB504", "the function around it does not make it", str(replacement.target))
            else:
                yield code

    def _from_ledger(self, replacement: Replacement, census: Census) -> None:
        target = replacement.target
        for stack in self.ledger.stacks.values():
            owner = stack.slot.owner
            if stack.slot.kind is not Kind.CODE or owner.__globals__ is not census.module.__dict__:
                continue
            if owner.__code__.co_qualname == target.qualname and owner.__code__.co_firstlineno:
                census.add(owner)
                if self._print(owner.__code__) != replacement.expects[self.tag]:
                    holder = self.ledger.holder(stack.slot) or ""
                    self._problem("HB706", f"bundle {holder[:12]} holds a live closure of it", str(target))

    def _foreign(self, function: FunctionType) -> None:
        where = function.__globals__.get("__name__", "an unnamed module")
        self._problem("HB503", f"a copy of it runs in the namespace of {where}", function.__code__.co_qualname)

    def _proved(self, functions: list[FunctionType]) -> bool:
        """Tell whether these are all the functions that carry their code: nothing else refers to the code object."""
        shared: dict[int, int] = {}
        held: list[CodeType] = []
        for f in functions:
            if id(f.__code__) not in shared:
                held.append(f.__code__)
            shared[id(f.__code__)] = shared.get(id(f.__code__), 0) + 1
        counts = behavior.references(held)
        return bool(held) and all(n == shared[id(c)] + self._held(c) for c, n in zip(held, counts, strict=True))

    def _held(self, code: CodeType) -> int:
        return id(code) in self._prints  # `_kept` has it once

    def _choose(self, replacement: Replacement, census: Census) -> list[FunctionType]:
        target = replacement.target
        found = self._matching(replacement, census)
        rivals = self._rivals(replacement, census)
        if found and rivals:
            # Equal definitions under one name: only the line tells them apart.
            exact = [f for f in found if f.__code__.co_firstlineno == replacement.line]
            if not exact:
                self._problem("HB503", "several definitions of this name have the same code", str(target))
            return exact
        if (
            not found
            and not replacement.optional
            and not any(p.where == f"{target.module}:{target.qualname}" for p in self.problems)
        ):
            self._problem(*self._absent(replacement, census.module), str(target))
        return found

    def _rivals(self, replacement: Replacement, census: Census) -> bool:
        """Tell whether another definition of the old module has the same qualname and the same code."""
        key = replacement.target.module, replacement.target.qualname, replacement.expects[self.tag]
        return self._definitions[key] > 1

    def _absent(self, replacement: Replacement, module: ModuleType) -> tuple[str, str]:
        value: Any = module
        for part in replacement.target.qualname.split("."):
            value = _space(value).get(part)
            if value is None:
                return "HB502", f"there is no such function in {module.__name__}"
        if type(value) is FunctionType:
            code = value.__code__
            return "HB504", f"the function of this name comes from {code.co_filename}:{code.co_firstlineno}"
        return "HB501", f"it is a {type(value).__name__}, and no Python function with its code was found"

    def _problem(self, code: str, message: str, where: str) -> None:
        problem = Problem(code, message, where)
        if problem not in self.problems:
            self.problems.append(problem)


def _space(value: Any) -> Any:
    """The namespace of a module or class; empty for anything else. Nothing of the program runs."""
    if issubclass(type(value), type):
        return _class_dict(value)
    return value.__dict__ if issubclass(type(value), ModuleType) else {}


def _codes_below(frame: FrameType | None) -> Iterator[CodeType]:
    while frame is not None:
        yield frame.f_code
        frame = frame.f_back


def _code_of(holder: Any) -> CodeType | None:
    for kind, attribute in _CODE_OF:
        if type(holder) is kind:
            code: CodeType = getattr(holder, attribute)
            return code
    return None


_CODE_OF: tuple[tuple[type, str], ...] = (
    (FunctionType, "__code__"),
    (GeneratorType, "gi_code"),
    (CoroutineType, "cr_code"),
    (AsyncGeneratorType, "ag_code"),
)
"""What else holds a code object: a suspended generator or coroutine, until it ends."""
