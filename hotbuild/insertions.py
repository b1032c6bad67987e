"""Is it safe to run an inserted statement before the commit, and to take it back?

Owns: `unsafe_insertions`. An inserted statement runs while every function still has its old code, and while some of the
inserted names wait for the commit.

Rules
1. If it runs, even at some removes, a function that the same fix changes, its value would be the old code's: refused.
   The code that it may run is followed by name, from the names that it evaluates through every function, class and value
   of the changed modules. Names say too much rather than too little: a needless refusal, never a wrong value.
2. If an inner scope that runs with it (a class body, a comprehension, a function that it calls) names an inserted name
   that waits for the commit, it would find another thing of that name, or none: refused.
3. If it reads a value that the program changes as it runs, it would not get what a fresh import gets: refused.
4. If it calls a method of a value that lives (`QUEUE.pop()`), or a base class that registers its subclasses, unload
   could not take that back: refused.

Tests: tests/build/test_insertions.py, tests/edits/insert.edit.
"""

import builtins
import dis
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from types import CodeType

from .assemble import Module
from .codetree import mentioned
from .model import Definition, Edit, EditKind, Item, ItemKind

_PURE_METHODS = {
    "get", "copy", "keys", "values", "items", "format", "join", "split", "rsplit", "splitlines", "strip", "lstrip",
    "rstrip", "encode", "decode", "lower", "upper", "title", "replace", "startswith", "endswith", "union", "difference",
    "intersection", "symmetric_difference", "issubset", "issuperset", "compile", "match", "search", "fullmatch", "sub",
    "findall", "count", "index", "partition", "rpartition", "removeprefix", "removesuffix", "translate", "getLogger",
    "getChild", "most_common", "total_seconds", "isoformat", "as_integer_ratio", "bit_length", "hex",
}  # fmt: skip
"""Methods of built-in and standard types that change nothing."""


def unsafe_insertions(modules: Sequence[Module], tree: Collection[str]) -> dict[str, list[Edit]]:
    """Find insertions that must not be run.

    Args:
        modules: the changed modules, with their edits.
        tree: top-level names of the tree's modules; what is imported from elsewhere runs none of its code.

    Returns:
        A rude edit for each, by module.
    """
    updated = {_last(e.target.qualname) for m in modules for e in m.edits if _is_code(e)}
    graph = _Graph(modules, tree)
    found: dict[str, list[Edit]] = defaultdict(list)
    for module in modules:
        scope = _Scope(module, tree)
        for edit in module.edits:
            if edit.kind is not EditKind.INSERT or edit.one is not None:
                continue
            if edit.item is None:
                findings = _new_module(module, updated, scope, graph)
            else:
                findings = _findings(edit.item, updated, scope, graph)
            for code, message in findings:
                rude = Edit(
                    EditKind.RUDE, edit.target, edit.path, edit.old, edit.new, code, message, edit.item, edit.old_item
                )
                found[module.change.module].append(rude)
    return found


def ran_at_import(modules: Sequence[Module]) -> Iterator[str]:
    """Note what module bodies made, when they ran, by calling functions that the fix changes: it stays as it is."""
    updated = {_last(e.target.qualname) for m in modules for e in m.edits if _is_code(e)}
    for module in modules:
        if module.old_outline is None or module.new_outline is None:
            continue
        known = {i.text for i in module.old_outline.items}
        for item in module.new_outline.items:
            made = ", ".join(item.names) or str(item.kind)
            for name in sorted({_last(c) for c in item.called} & updated if item.text in known else ()):
                place = f"{module.change.path}:{item.span.line}"
                yield f"{place}: {made} was made by {name} when the module was imported, and stays as it is"


def _findings(item: Item, updated: set[str], scope: "_Scope", graph: "_Graph") -> Iterator[tuple[str, str]]:
    if item.definition is not None and item.definition.is_class and (why := graph.registers(item.definition)):
        yield "HB401", f"making {item.names[0]} runs {why}, whose effects cannot be undone"
    if not item.active:
        return
    reached = graph.reach(scope.roots(item))
    if hit := min(reached & updated, default=""):
        yield "HB402", f"its value comes from {hit}, which the same fix changes; it would be computed by the old code"
    elif waits := min((reached & scope.waiting) - item.direct - set(item.names), default=""):
        yield "HB402", f"its value comes from {waits}, which is new too, and only there from the commit on"
    elif later := min(item.reads & scope.unsteady, default=""):
        yield "HB402", f"its value comes from {later}, which the program changes as it runs"
    for name in sorted(item.called):
        root, _, method = name.partition(".")
        if root in scope.values and method and _last(method) not in _PURE_METHODS:
            yield "HB402", f"it calls {name}() on a value that lives, whose effects cannot be undone"


def _new_module(module: Module, updated: set[str], scope: "_Scope", graph: "_Graph") -> Iterator[tuple[str, str]]:
    """A new module may be imported by an insertion: its body would then run before the commit."""
    items = module.new_outline.items if module.new_outline else ()
    roots = {name for i in items if i.active for name in scope.roots(i)}
    if hit := min(graph.reach(roots) & updated, default=""):
        yield "HB402", f"the new module's body runs {hit}, which the same fix changes"


def _is_code(edit: Edit) -> bool:
    pair = edit.pair is not None and not edit.pair.either.is_class
    return edit.kind is EditKind.UPDATE and (pair or edit.inner is not None)


class _Scope:
    """What the names of a module stand for while it lives.

    Attributes:
        waiting: inserted names that are not bound before the commit.
        values: names of the old module's values.
        unsteady: names of values that change after they were bound: by another statement, or through `global`.
    """

    def __init__(self, module: Module, tree: Collection[str]) -> None:
        outline = module.new_outline
        imports = [one for i in (outline.items if outline else ()) for one in i.imports]
        self.foreign = {one.bound for one in imports if one.loads.partition(".")[0] not in tree}
        self.own = {name for i in (outline.items if outline else ()) for name in i.names}
        self.waiting: set[str] = set()
        self.values: set[str] = set()
        self.unsteady: set[str] = set()
        if module.old_codes is None or module.old_outline is None or module.new_outline is None:
            return
        known = mentioned(module.old_codes.module)
        top = (e for e in module.edits if e.kind is EditKind.INSERT and e.item and "." not in e.target.qualname)
        for edit in top:
            guarded = edit.item is not None and edit.item.kind is ItemKind.COMPOUND
            self.waiting |= {n for n in edit.names if guarded or n in known or hasattr(builtins, n)}
        self.values = {n for i in module.old_outline.items if i.kind is ItemKind.ASSIGN for n in i.names}
        effects = [i for i in module.new_outline.items if i.kind in (ItemKind.EFFECT, ItemKind.COMPOUND)]
        self.unsteady = {n for i in effects for n in i.reads | set(i.names)} & self.values
        self.unsteady |= {n for code in module.new_codes.functions.values() for n in _rebound(code)}

    def roots(self, item: Item) -> set[str]:
        """Collect the names that lead from a statement to code of the tree: not those of other packages and builtins."""
        found: set[str] = set()
        for name in item.evaluates:
            root, *attributes = name.split(".")
            if root in self.foreign or (root not in self.own and hasattr(builtins, root)):
                continue
            found |= {root, *attributes} - {"?"}
        return found


def _rebound(code: CodeType) -> Iterator[str]:
    """Yield the names that a function binds through `global`."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _rebound(constant)


class _Graph:
    """What a name of the changed modules leads to: a function to what it names, a class to its methods, a value to its parts."""

    def __init__(self, modules: Sequence[Module], tree: Collection[str]) -> None:
        self._refers: dict[str, set[str]] = defaultdict(set)
        self._classes: dict[str, Definition] = {}
        for module in modules:
            for code in module.new_codes.functions.values():
                self._refers[code.co_name] |= set(_names(code))
                if owner := code.co_qualname.rpartition(".")[0]:
                    self._refers[_last(owner)].add(code.co_name)
            if module.new_outline is not None:
                scope = _Scope(module, tree)
                for item in module.new_outline.items:
                    for name in item.names if item.kind in (ItemKind.ASSIGN, ItemKind.COMPOUND) else ():
                        self._refers[name] |= scope.roots(item)
                    for one in item.imports:
                        if one.bound not in scope.foreign:
                            self._refers[one.bound] |= {one.name or _last(one.loads)}
                for definition in module.new_outline.definitions():
                    if definition.is_class:
                        self._classes[definition.name] = definition
                        self._refers[definition.name] |= {_last(b) for b in definition.bases}
                        self._refers[definition.name] |= {_last(k.partition("=")[2]) for k in definition.keywords}

    def reach(self, names: Iterable[str]) -> set[str]:
        """Collect all names that the given ones lead to, themselves included."""
        pending, seen = list(names), set[str]()
        while pending:
            name = pending.pop()
            if name not in seen:
                seen.add(name)
                pending += self._refers.get(name, ())
        return seen

    def registers(self, definition: Definition) -> str:
        """Name what runs of the tree's own code when a subclass is made; empty when nothing does."""
        reached = self.reach(_last(b) for b in definition.bases)
        for name in sorted(reached & set(self._classes)):
            base = self._classes[name]
            if any("__init_subclass__" in i.names for i in base.items):
                return f"{base.name}.__init_subclass__"
            if any(k.startswith("metaclass=") and _last(k[10:]) in self._classes for k in base.keywords):
                return f"the metaclass of {base.name}"
        return ""


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _last(name: str) -> str:
    return name.rpartition(".")[2]
