"""The walk: every Python function that can be reached from a module.

Owns: `live_modules` (which live modules are the target's) and `Census` (the functions found, by qualname, and the
objects that carry a copy of a function's docstring).

Rules
1. The walk goes outward from the module's namespace and its classes, through whatever holds a function: properties,
   static and class methods, cached properties, `__wrapped__`, closure cells, partials, `lru_cache`, singledispatch
   registries, containers, instances. It asks the garbage collector what an object refers to, so no code of the program
   runs: no `__getattr__`, no descriptor.
2. It stays near the module: other modules' classes and namespaces are not entered, large containers and deep
   structures neither. It need not find everything: `resolve` proves for each target whether it did.

Tests: tests/runtime/test_census.py, tests/edits/sites.edit.
"""

import functools
import gc
import sys
from collections.abc import Iterator
from types import CodeType, FrameType, FunctionType, GeneratorType, MappingProxyType, ModuleType, TracebackType
from typing import Any

from . import behavior

_MAX_DEPTH = 6
_MAX_CONTAINER = 2_000
_MAX_OBJECTS = 20_000

_ATOMS = (str, bytes, int, float, complex, type(None), CodeType, ModuleType, FrameType, GeneratorType, TracebackType)
_CONTAINERS = (dict, list, tuple, set, frozenset, MappingProxyType)
_DOC_CARRIERS = (property, staticmethod, classmethod, functools.cached_property, type(functools.lru_cache(print)))

_class_dict: Any = type.__dict__["__dict__"].__get__


def live_modules(name: str, path: str) -> list[ModuleType]:
    """Find the live modules made from the source of module `name`.

    A file can be live under several names: as `__main__` beside its own name, or through two entries of `sys.path`.
    All of them run the target's code, and all are patched.

    Args:
        name: dotted name of the module.
        path: its path below the source root, with slashes.

    Returns:
        The module of that name first; empty when none is imported.
    """
    found: list[ModuleType] = []
    named = sys.modules.get(name)
    if named is not None and issubclass(type(named), ModuleType) and not _being_imported(named):
        found.append(named)
    file = _file(found[0]) if found else None
    for other in list(sys.modules.values()):
        if not issubclass(type(other), ModuleType) or any(other is m for m in found):
            continue
        if file is not None:
            same = _file(other) == file
        else:
            same = other.__dict__.get("__name__") == "__main__" and _runs(other, name, path)
        if same:
            found.append(other)
    return found


def _file(module: ModuleType) -> str | None:
    value = module.__dict__.get("__file__")
    return value if isinstance(value, str) else None


def _being_imported(module: ModuleType) -> bool:
    return bool(getattr(module.__dict__.get("__spec__"), "_initializing", False))


def _runs(main: ModuleType, name: str, path: str) -> bool:
    """Tell whether `__main__` was started from the target's source: `python -m name`, or `python …/path`."""
    spec = main.__dict__.get("__spec__")
    if spec is not None:
        return bool(spec.name == name)
    file = _file(main)
    return file is not None and ("/" + file.replace("\\", "/")).endswith("/" + path)


class Census:
    """The functions of one live module.

    Attributes:
        module: the module.
        functions: by `co_qualname`, each function once.
        carriers: by id of a function, the objects that show its docstring as theirs (wrappers, properties).
    """

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.functions: dict[str, list[FunctionType]] = {}
        self.carriers: dict[int, list[object]] = {}
        self._seen: set[int] = {id(module.__dict__)}
        self._keep: list[object] = []
        self._walk()

    def add(self, function: FunctionType) -> bool:
        """Count a function that was found otherwise; False when it was known."""
        group = self.functions.setdefault(function.__code__.co_qualname, [])
        if any(f is function for f in group):
            return False
        group.append(function)
        return True

    def complete(self) -> bool:
        """Tell whether these are all the functions that run in the module's namespace.

        Each function refers to the namespace, and so does the module: no more references, no more functions.
        """
        found = sum(map(len, self.functions.values()))
        return behavior.references([self.module.__dict__])[0] <= found + 1

    def all_carriers(self, function: object) -> Iterator[object]:
        """Yield what wraps a function, and what wraps that, outward; each once."""
        pending, seen = [function], {id(function)}
        while pending:
            for carrier in self.carriers.get(id(pending.pop()), ()):
                if id(carrier) not in seen:
                    seen.add(id(carrier))
                    pending.append(carrier)
                    yield carrier

    def _walk(self) -> None:
        budget = _MAX_OBJECTS
        pending: list[tuple[object, int]] = [(value, 0) for value in list(self.module.__dict__.values())]
        while pending and budget:
            value, depth = pending.pop()
            if issubclass(type(value), _ATOMS) or id(value) in self._seen:
                continue
            self._seen.add(id(value))
            self._keep.append(value)  # an id is only good while its object lives
            budget -= 1
            pending += [(child, depth + 1) for child in self._children(value, depth)]

    def _children(self, value: Any, depth: int) -> list[Any]:
        kind = type(value)  # not isinstance: that asks the object for its __class__, and a proxy runs code to answer
        if kind is FunctionType:
            return self._function(value)
        if issubclass(kind, type):
            return self._class(value)
        if depth > _MAX_DEPTH:
            return []
        if kind in _CONTAINERS and len(value) > _MAX_CONTAINER:
            return []
        children = gc.get_referents(value)
        if issubclass(kind, _DOC_CARRIERS):
            for child in children:
                if type(child) is FunctionType:
                    self.carriers.setdefault(id(child), []).append(value)
        return children

    def _function(self, function: FunctionType) -> list[Any]:
        if function.__globals__ is self.module.__dict__:
            self.add(function)
        wrapped = function.__dict__.get("__wrapped__")
        if wrapped is not None:
            self.carriers.setdefault(id(wrapped), []).append(function)
        # Not its globals and builtins: they are whole modules.
        cells = function.__closure__ or ()
        return [*cells, *function.__dict__.values(), *(function.__defaults__ or ())]

    def _class(self, value: type) -> list[Any]:
        namespace = _class_dict(value)
        if namespace.get("__module__") != self.module.__dict__.get("__name__"):
            return []
        return list(namespace.values())
