"""What a load would write where: everything found and compared, nothing executed or changed.

Owns: `Plan`. It brings the bundle's payload, the resolver's sites and the staging together, collects every problem, and
lists the changes for the commit.

Tests: tests/runtime/test_loader.py, tests/edits/.
"""

import time
from collections.abc import Iterator

from . import sources
from .born import list_born
from .bundle import Bundle, Payload
from .census import Census
from .errors import Problem
from .fingerprint import fingerprint
from .ledger import Born, Entry, Ledger, NewModule
from .manifest import PythonTarget
from .receipt import Receipt, SiteCount
from .resolve import Resolver, Site
from .shape import misfits
from .splice import MISSING, Change, Kind, Slot
from .stage import Staging
from .transition import State


class Plan:
    """A bundle that may be loaded: what to write where. Nothing has been executed or written."""

    def __init__(self, box: Bundle, python: PythonTarget, code: Payload, books: Ledger) -> None:
        self.box = box
        self.manifest = box.manifest
        self.python = python
        self.code = code
        self.books = books
        self.resolver = Resolver(box.manifest, python.tag, books)
        self.sites: list[Site] = []
        self.changes: list[Change] = []
        self.files = {m.name: sources.patched_name(box.id, m.path) for m in box.manifest.modules}
        fresh = (m for m in box.manifest.modules if m.new)
        self.modules = {
            m.name: NewModule(sources.relabel(body, self.files[m.name]), self.files[m.name], m.package)
            for m, body in zip(fresh, code.modules, strict=True)
        }
        self.problems: list[Problem] = []
        self.born: tuple[Born, ...] = ()

    def resolve(self) -> None:
        """Find the sites and compare them; collect every problem."""
        self.resolver.modules()
        self.sites = self.resolver.sites()
        self._check_code()
        self._check_kept()
        labelled = tuple(
            sources.relabel(body, self.files[a.module])
            for a, body in zip(self.manifest.additions, self.code.additions, strict=True)
        )
        self.staging = Staging(self.resolver, labelled, self.modules, self.books.provided())
        self.staging.plan()
        self._write_code()
        self._write_docs()
        self.problems += [*self.resolver.problems, *self.staging.problems]
        changes = self.sites or self.manifest.additions or self.manifest.docs or self.modules
        if not changes and not self.problems:
            first = str(self.manifest.replacements[0].target) if self.manifest.replacements else self.manifest.name
            self.problems.append(Problem("HB502", "none of the bundle's targets is live in this process", first))

    def _check_code(self) -> None:
        """Prove that the payload is what the manifest says, and fits the live functions."""
        by_target = {
            r.target: code for r, (code, _, _) in zip(self.manifest.replacements, self.code.replacements, strict=True)
        }
        for r in self.manifest.replacements:
            new = by_target[r.target]
            honest = fingerprint(new).hex() == r.provides[self.python.tag] and new.co_qualname == r.target.qualname
            if not honest:
                self.problems.append(Problem("HB609", "its code is not what the manifest says", str(r.target)))
        for site in self.sites:
            for code, message in misfits(site.function.__code__, by_target[site.target]):
                self.problems.append(Problem(code, message, str(site.target)))

    def _check_kept(self) -> None:
        """A removed method stays, and so would go on hiding the inherited one that the fix uncovers."""
        for k in self.manifest.kept:
            if not k.owner:
                continue
            for owner in self.resolver.owners(k.module, k.owner):
                if heir := next(_hidden(owner, k.name), None):
                    text = f"the fix removes {k.name}, which uncovers the one of {heir.__name__}"
                    self.problems.append(Problem("HB306", text, f"{k.module}:{k.owner}.{k.name}"))

    def _write_code(self) -> None:
        rows = dict(zip((r.target for r in self.manifest.replacements), self.code.replacements, strict=True))
        labelled = {t: sources.relabel(code, self.files[t.module]) for t, (code, _, _) in rows.items()}
        self.born = list_born(self.manifest.replacements, self.sites, labelled)
        for site in self.sites:
            _, was, now = rows[site.target]
            self.changes.append((Slot(Kind.CODE, site.function), labelled[site.target]))
            if was == now:
                continue
            for shown in (site.function, *site.carriers):
                if getattr(shown, "__doc__", None) == was:
                    self.changes.append((Slot(Kind.DOC, shown), now))

    def _write_docs(self) -> None:
        for change, (was, now) in zip(self.manifest.docs, self.code.docs, strict=True):
            target = change.target
            if target.qualname:
                slots = [Slot(Kind.DOC, owner) for owner in self.resolver.owners(target.module, target.qualname)]
            else:
                slots = [Slot(Kind.ITEM, c.module.__dict__, "__doc__") for c in self._live(target.module)]
            self.changes += [(slot, now) for slot in slots if slot.read() == was]

    def _live(self, module: str) -> list[Census]:
        return self.resolver.live.get(module, [])

    def counts(self) -> tuple[SiteCount, ...]:
        found: dict[str, int] = {str(r.target): 0 for r in self.manifest.replacements}
        for site in self.sites:
            found[str(site.target)] += 1
        return tuple(SiteCount(*item) for item in found.items())

    def added(self) -> tuple[str, ...]:
        names = [f"{a.module}:{a.owner + '.' if a.owner else ''}{n}" for a in self.manifest.additions for n in a.names]
        return (*names, *self.modules)

    def built_on(self) -> frozenset[str]:
        """Name the loaded bundles that this one counts on: whose code it replaces, or whose names its old tree has."""
        on = {site.built_on for site in self.sites if site.built_on} | set(self.manifest.base)
        spaces = {id(c.module.__dict__): m for m in self.manifest.modules for c in self._live(m.name)}
        for stack in self.books.stacks.values():
            module = spaces.get(id(stack.slot.owner))
            of_module = module is not None and stack.base is MISSING and stack.slot.name in module.bound
            if of_module or (stack.slot.kind is Kind.ATTRIBUTE and self._knows(stack.slot)):
                on.add(stack.layers[-1][0])
        return frozenset(on)

    def _knows(self, slot: Slot) -> bool:
        module = next((m for m in self.manifest.modules if m.name == slot.owner.__module__ and not m.new), None)
        name = f"{slot.owner.__qualname__}.{slot.name}"
        return module is not None and any(d[0] == name for d in module.definitions[self.python.tag])

    def entry(self, state: State) -> Entry:
        return Entry(
            self.box.id, self.manifest.name, time.time(), state, self.counts(), self.added(), self.manifest.base,
            self.built_on(), tuple(self.files.values()), self.modules, self.born, self.resolver.compiled(),
        )  # fmt: skip

    def receipt(self, operation: str, phases: dict[str, float]) -> Receipt:
        kept = tuple(f"{k.module}:{k.owner + '.' if k.owner else ''}{k.name}" for k in self.manifest.kept)
        return Receipt(
            self.box.id,
            self.manifest.name,
            operation,
            self.counts(),
            self.added(),
            kept,
            self.manifest.notes,
            phases,
        )


def _hidden(owner: type, name: str) -> Iterator[type]:
    """Yield the classes whose attribute of that name is hidden by the owner's, for the owner or a subclass of it."""
    pending, seen = [owner], set[type]()
    while pending:
        cls = pending.pop()
        if cls in seen:
            continue
        seen.add(cls)
        order = cls.__mro__
        yield from (base for base in order[order.index(owner) + 1 :] if name in vars(base))
        yield from (base for base in order[:-1] if "__getattr__" in vars(base))  # which would now be asked
        pending += type.__subclasses__(cls)
