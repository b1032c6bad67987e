"""Inserted definitions: executed before the point of no return, published in the commit.

Owns: `Staging`, which runs the statements that a fix adds to live modules and classes, and can take them back.

Rules
1. A new name is inert until some code names it. So a module-level statement runs in the live module's own namespace,
   where the classes, comprehensions and functions that it calls find each other; if anything fails the names go again.
2. A name that running code already looks for (a builtin's name, or one that the old module mentions) is *deferred*: its
   statement binds into a namespace apart, and the name appears in the commit and not before. A guarded statement
   (`try: import …`) is deferred as a whole, and only its new names are taken from it.
3. A class's new attributes are made by running a class body that holds only them, with the live class's namespace
   behind it; the `__class__` cell of its functions is bound to the live class. They are written in the commit.
4. Statements refer to each other in any order, across modules: they are tried until none is left, or none succeeds.

Tests: tests/runtime/test_stage.py, tests/edits/insert.edit.
"""

import sys
from importlib.util import find_spec
from types import CodeType
from typing import Any

from .behavior import CLASS_BOOKKEEPING
from .errors import Problem, refusal
from .ledger import NewModule
from .manifest import Addition
from .newmodules import FINDER
from .resolve import Resolver
from .splice import MISSING, Change, Kind, Slot, restore

_class_dict: Any = type.__dict__["__dict__"].__get__


class _ClassSpace(dict[str, Any]):
    """The namespace of a class body that adds to a live class: what it lacks, it reads from the class."""

    def __init__(self, owner: type, apart: dict[str, Any]) -> None:
        super().__init__()
        self._owner = owner
        self._apart = apart

    def __missing__(self, key: str) -> Any:
        if key in CLASS_BOOKKEEPING:
            raise KeyError(key)
        return self._apart[key] if key in self._apart else _class_dict(self._owner)[key]


class _ModuleSpace(dict[str, Any]):
    """The namespace of a module-level statement: it binds in the module, and also sees the names that wait for the commit."""

    def __init__(self, space: dict[str, Any], apart: dict[str, Any]) -> None:
        super().__init__()
        self._space = space
        self._apart = apart
        self.bound: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        return self._apart[key] if key in self._apart else self._space[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if key not in self._space:
            self.bound.add(key)
        elif key not in self.bound:
            raise NameError(f"{key} is not listed as a name that this binds, and exists")
        self._space[key] = value

    def __delitem__(self, key: str) -> None:
        del self._space[key]


class _Item:
    """One statement for one live module or class."""

    def __init__(
        self, addition: Addition, code: CodeType, space: dict[str, Any], owner: type | None, apart: dict[str, Any]
    ) -> None:
        self.addition = addition
        self.apart = apart
        self.code = code
        self.space = space
        self.owner = owner
        self.where = f"{addition.module}:{addition.owner or ', '.join(addition.names or addition.imports)}"

    def slots(self) -> list[Slot]:
        if self.owner is None:
            return [Slot(Kind.ITEM, self.space, name) for name in self.addition.names]
        return [Slot(Kind.ATTRIBUTE, self.owner, name) for name in self.addition.names]

    def run(self) -> dict[str, Any]:
        """Execute the statement and return what it bound."""
        names = self.addition.names
        if self.owner is not None:
            made = _ClassSpace(self.owner, self.apart)
            exec(self.code, self.space, made)
            if "__classcell__" in made:
                made["__classcell__"].cell_contents = self.owner
            self.apart.update((name, dict.__getitem__(made, name)) for name in names)
            return {name: self.apart[name] for name in names}
        if self.addition.deferred:
            aside = self.apart.copy()
            exec(self.code, self.space, aside)
            bound = {name: aside[name] for name in names if not self.addition.guarded or name in aside}
            self.apart.update(bound)
            return bound
        local = _ModuleSpace(self.space, self.apart)
        try:
            exec(self.code, self.space, local)
            if extra := local.bound - set(names):
                raise NameError(f"it binds {', '.join(sorted(extra))}, which is not listed")
            return {name: self.space[name] for name in names}
        except BaseException:
            for name in local.bound:
                self.space.pop(name, None)
            raise

    def withdraw(self) -> None:
        if self.owner is None and not self.addition.deferred:
            for name in self.addition.names:
                self.space.pop(name, None)


class Staging:
    """The additions of one bundle.

    Args:
        resolver: has found the live modules.
        codes: a code object per addition of the manifest.
        modules: the new modules that the bundle brings.
        provided: the modules that bundles loaded before provide.

    Attributes:
        problems: collisions found by `plan`.
        changes: slots and values to write in the commit, after `run`.
        staged: those slots that hold their value already.
    """

    def __init__(
        self,
        resolver: Resolver,
        codes: tuple[CodeType, ...],
        modules: dict[str, NewModule],
        provided: dict[str, NewModule],
    ) -> None:
        self.problems: list[Problem] = []
        self.changes: list[Change] = []
        self.staged: list[Slot] = []
        self.modules = modules
        self.provided = provided
        self._apart: dict[int, dict[str, Any]] = {}
        self._items = [
            item
            for addition, code in zip(resolver.manifest.additions, codes, strict=True)
            for item in self._items_of(resolver, addition, code)
        ]

    def plan(self) -> None:
        """Find what stands in the way, without running anything."""
        for item in self._items:
            for slot in item.slots():
                self._check_name(item, slot)
            for name in item.addition.imports:
                if not self._importable(name):
                    self.problems.append(
                        Problem("HB404", f"it imports {name}, which this process cannot find", item.where)
                    )

    def run(self) -> None:
        """Execute everything.

        Raises:
            MismatchError: HB404 or HB307 with every statement that cannot be executed; all was taken back.
        """
        FINDER.set({**self.provided, **self.modules})
        pending, errors = self._items, dict[int, BaseException]()
        while pending:
            left: list[_Item] = []
            for item in pending:
                try:
                    self._finish(item, item.run())
                except (Exception, SystemExit) as error:
                    errors[id(item)] = error
                    left.append(item)
            if len(left) == len(pending):
                raise refusal([self._failure(item, errors[id(item)]) for item in left])
            pending = left

    def rollback(self) -> None:
        """Take back everything that `run` did in this process, but for modules that it imported from elsewhere."""
        for item in self._items:
            item.withdraw()
        restore([(slot, MISSING) for slot in FINDER.live(self.modules)])
        FINDER.set(self.provided)

    def _items_of(self, resolver: Resolver, addition: Addition, code: CodeType) -> list[_Item]:
        spaces = [census.module.__dict__ for census in resolver.live.get(addition.module, ())]
        if not addition.owner:
            return [_Item(addition, code, space, None, self._waiting(space)) for space in spaces]
        owners = resolver.owners(addition.module, addition.owner)
        pairs = zip(spaces, owners, strict=False)
        return [_Item(addition, code, space, owner, self._waiting(owner)) for space, owner in pairs]

    def _waiting(self, owner: object) -> dict[str, Any]:
        """The names of one module or class that wait for the commit."""
        return self._apart.setdefault(id(owner), {})

    def _check_name(self, item: _Item, slot: Slot) -> None:
        if slot.read() is not MISSING:
            kind = type(slot.read()).__name__
            self.problems.append(Problem("HB403", f"{slot.name} exists already in the process (a {kind})", item.where))
        if item.owner is not None and slot.name in vars(item.owner).get("__abstractmethods__", ()):
            self.problems.append(
                Problem("HB307", f"{slot.name} is abstract in the live class, and stays so", item.where)
            )
        if item.owner is not None and slot.name.startswith("__") and slot.name.endswith("__"):
            code = "HB303" if slot.name == "__slots__" else "HB307"
            self.problems.append(Problem(code, f"{slot.name} would be added to the live class", item.where))

    def _importable(self, name: str) -> bool:
        top = name.partition(".")[0]
        brought = {m.partition(".")[0] for m in (*self.modules, *self.provided)}
        if name in sys.modules or name in self.modules or top in brought:
            return True
        try:
            return top in sys.modules or find_spec(top) is not None
        except (ImportError, ValueError):
            return False

    def _finish(self, item: _Item, made: dict[str, Any]) -> None:
        for slot in item.slots():
            if slot.name not in made:
                continue  # a guard decided against it
            value = made[slot.name]
            if item.owner is not None:
                self._set_name(item, slot.name, value)
            elif not item.addition.deferred:
                self.staged.append(slot)
            self.changes.append((slot, value))

    def _set_name(self, item: _Item, name: str, value: Any) -> None:
        hook = getattr(type(value), "__set_name__", None)
        if hook is None:
            return
        if type(value).__module__ not in ("builtins", "functools"):
            raise refusal([Problem("HB307", f"{name} is a descriptor that wants to know its class", item.where)])
        hook(value, item.owner, name)

    @staticmethod
    def _failure(item: _Item, error: BaseException) -> Problem:
        problems: tuple[Problem, ...] = getattr(error, "problems", ())
        if problems:
            return problems[0]
        names = ", ".join(item.addition.names)
        return Problem("HB404", f"defining {names} fails: {type(error).__name__}: {error}", item.where)
