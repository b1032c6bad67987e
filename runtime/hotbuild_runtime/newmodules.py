"""Modules that come with a bundle.

Owns: the import hook that serves them, present in `sys.meta_path` only while some loaded bundle provides a module.

Rules
1. A new module is executed when something imports it, as after a restart: loading a bundle runs no module body by itself.
2. It is found before anything on disk: what runs is what the bundle holds.

Tests: tests/runtime/test_newmodules.py, tests/edits/insert.edit.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType

from .ledger import NewModule
from .splice import Kind, Slot


class Finder(Loader):
    """Serves the modules of loaded bundles; both a finder and a loader of the import system."""

    def __init__(self) -> None:
        self.provided: dict[str, NewModule] = {}

    def set(self, provided: Mapping[str, NewModule]) -> None:
        """Serve exactly these."""
        self.provided = dict(provided)
        if provided and self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        elif not provided and self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        module = self.provided.get(name)
        if module is not None:
            return ModuleSpec(name, self, origin=module.filename, is_package=module.package)
        if any(m.startswith(f"{name}.") for m in self.provided) and not self._elsewhere(name, path, target):
            return ModuleSpec(name, None, is_package=True)  # a namespace package that only the new modules have
        return None

    def _elsewhere(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> bool:
        others = [f for f in sys.meta_path if f is not self and hasattr(f, "find_spec")]
        return any(f.find_spec(name, path, target) is not None for f in others)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self.provided[module.__name__].filename
        exec(self.provided[module.__name__].code, module.__dict__)

    def live(self, names: Mapping[str, NewModule]) -> list[Slot]:
        """List the places where those of these modules that were imported can be reached: `sys.modules`, their package."""
        slots: list[Slot] = []
        parents = {name.rpartition(".")[0] for name in names} - {""} - set(names)
        for name in (*names, *parents):
            module = sys.modules.get(name)
            if module is None or not (getattr(module, "__loader__", None) is self or self._made(module)):
                continue
            slots.append(Slot(Kind.ITEM, sys.modules, name))
            parent, _, last = name.rpartition(".")
            package = sys.modules.get(parent)
            if package is not None and package.__dict__.get(last) is module:
                slots.append(Slot(Kind.ITEM, package.__dict__, last))
        return slots

    @staticmethod
    def _made(module: ModuleType) -> bool:
        """Tell whether it is a namespace package that `find_spec` made up: one without a folder."""
        locations = getattr(module.__spec__, "submodule_search_locations", None)
        return getattr(module, "__file__", None) is None and locations is not None and list(locations) == []


FINDER = Finder()
