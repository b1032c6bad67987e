"""Edits → code: what the bundle carries for one Python target.

Owns: `assemble`, which makes the manifest's lists and the payload from the edits of all modules.

Rules
1. The code of an updated function is taken from the compiled new module, by place. Nothing is compiled out of context:
   name mangling, `__class__`, annotations and `from __future__` come out right.
2. An insertion is compiled as a module that holds nothing but the statement, inside its classes, at its own lines, and
   the module's imports in a block that never runs: the compiler calls attributes of imported names in another way. The
   functions in it must have the fingerprints that they have in the compiled new module, or it is refused.
3. Everything is sorted by module and line, and no set's order reaches the output.

Tests: tests/build/test_assemble.py, tests/edits/.
"""

import __future__

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from types import CodeType

from hotbuild_runtime import behavior
from hotbuild_runtime.bundle import Payload
from hotbuild_runtime.fingerprint import fingerprint
from hotbuild_runtime.manifest import Addition, DocChange, Kept, ModuleRecord, Replacement

from . import source
from .codetree import CodeIndex, is_function, mentioned
from .model import Change, Definition, Edit, EditKind, ItemKind, Outline, Target
from .reshape import widen


class AssemblyError(Exception):
    """An insertion that cannot be taken out of its module: (edit, why)."""

    def __init__(self, edit: Edit, why: str) -> None:
        super().__init__(f"{edit.target}: {why}")
        self.edit = edit
        self.why = why


@dataclass(frozen=True, slots=True)
class Module:
    """A changed module with all that was found about it; `old_*` are None for a new module."""

    change: Change
    edits: tuple[Edit, ...]
    old_codes: CodeIndex | None
    new_codes: CodeIndex
    old_outline: Outline | None
    new_outline: Outline | None


@dataclass(frozen=True, slots=True)
class Parts:
    """The manifest's lists, and the code that goes with them."""

    modules: tuple[ModuleRecord, ...]
    replacements: tuple[Replacement, ...]
    docs: tuple[DocChange, ...]
    additions: tuple[Addition, ...]
    kept: tuple[Kept, ...]
    payload: Payload


def assemble(modules: Sequence[Module], optimize: int) -> Parts:
    """Make the code of a bundle for the running interpreter.

    Args:
        modules: those with edits to carry, sorted by name.
        optimize: the `-O` level.

    Raises:
        AssemblyError: an insertion cannot be carried.
    """
    tag = behavior.python_tag(optimize)
    replaced = [pair for m in modules for pair in (*_replacements(m, tag), *_nested(m, tag))]
    docs = [pair for m in modules for pair in _docs(m, optimize)]
    added = [pair for m in modules for pair in _additions(m, optimize)]
    fresh = tuple(m.new_codes.module for m in modules if m.old_codes is None)
    payload = Payload(tuple(code for _, code in replaced), tuple(c for _, c in added), tuple(d for _, d in docs), fresh)
    return Parts(
        tuple(_record(m, tag) for m in modules),
        tuple(r for r, _ in replaced),
        tuple(d for d, _ in docs),
        tuple(a for a, _ in added),
        tuple(k for m in modules for k in _kept(m)),
        payload,
    )


def _record(module: Module, tag: str) -> ModuleRecord:
    change = module.change
    bound: set[str] = set()
    definitions: dict[str, tuple[tuple[str, int, str], ...]] = {}
    if module.old_codes is not None and module.old_outline is not None:
        bound = {name for item in module.old_outline.items for name in item.names if name.isidentifier()}
        prints = module.old_codes.prints
        definitions[tag] = tuple(
            (code.co_qualname, place[0], prints[place].hex()) for place, code in module.old_codes.functions.items()
        )
    return ModuleRecord(
        change.module, change.path, change.package, change.old is None, _digest(change.old), _digest(change.new),
        tuple(sorted(bound)), definitions,
    )  # fmt: skip


def _digest(data: bytes | None) -> str:
    return sha256(data).hexdigest() if data is not None else ""


# -- replacements


def _replacements(module: Module, tag: str) -> Iterator[tuple[Replacement, tuple[CodeType, str | None, str | None]]]:
    updates = [e for e in module.edits if e.kind is EditKind.UPDATE and e.pair and not e.pair.either.is_class]
    if module.old_codes is None:
        return
    counts: dict[str, int] = {}
    for code in module.old_codes.functions.values():
        counts[code.co_qualname] = counts.get(code.co_qualname, 0) + 1
    guarded = _guarded(module.old_outline)
    for edit in sorted(updates, key=lambda e: e.line):
        assert edit.pair is not None
        was, now = edit.pair.old, edit.pair.new
        assert was is not None
        assert now is not None
        old = module.old_codes.functions[was.line, was.name]
        fresh = module.new_codes.functions[now.line, now.name]
        new = _fit(fresh, old, edit)
        optional = was.target in guarded or counts[was.target.qualname] > 1
        target = _ordinal(module.old_codes, was)
        expects, provides, compiled = ({tag: fingerprint(code).hex()} for code in (old, new, fresh))
        yield (
            Replacement(target, was.line, expects, provides, compiled, optional),
            (new, behavior.docstring(old), behavior.docstring(new)),
        )


def _fit(new: CodeType, old: CodeType, edit: Edit) -> CodeType:
    try:
        return widen(new, old.co_freevars)
    except ValueError as error:
        raise AssemblyError(edit, str(error)) from None


def _nested(module: Module, tag: str) -> Iterator[tuple[Replacement, tuple[CodeType, str | None, str | None]]]:
    """The code for live closures: what the new function around them makes, with the cells that the old one gave them."""
    for edit in module.edits:
        if edit.kind is EditKind.UPDATE and edit.inner is not None and edit.outer is not None:
            one = edit.inner
            code = _fit(one.new, one.old, edit)
            expects, provides, compiled = ({tag: fingerprint(c).hex()} for c in (one.old, code, one.new))
            yield (
                Replacement(
                    edit.target,
                    one.old.co_firstlineno,
                    expects,
                    provides,
                    compiled,
                    True,
                    _outer(module, edit),
                    one.old_path,
                    one.new_path,
                ),
                (code, behavior.docstring(one.old), behavior.docstring(one.new)),
            )


def _outer(module: Module, edit: Edit) -> Target | None:
    """Address the function around by its place in the compiled old module."""
    pairs = (e.pair for e in module.edits if e.pair and e.pair.old and e.pair.old.target == edit.outer)
    old = next((p.old for p in pairs if p.old and not p.old.is_class), None)
    return _ordinal(module.old_codes, old) if old and module.old_codes else None


def _guarded(outline: Outline | None) -> set[Target]:
    """Collect the definitions that may not exist in a process: under an `if` or `try`, or in a class that is."""
    found: set[Target] = set()

    def visit(items: Sequence[object], inside: bool) -> None:
        for item in items:
            definition: Definition | None = getattr(item, "definition", None)
            if definition is not None:
                if inside or definition.guarded:
                    found.add(definition.target)
                visit(definition.items, inside or definition.guarded)

    visit(outline.items if outline else (), False)
    return found


def _ordinal(codes: CodeIndex, definition: Definition) -> Target:
    same = [place for place, code in codes.functions.items() if code.co_qualname == definition.target.qualname]
    return Target(definition.target.module, definition.target.qualname, same.index((definition.line, definition.name)))


# -- docstrings of modules and classes


def _docs(module: Module, optimize: int) -> Iterator[tuple[DocChange, tuple[str | None, str | None]]]:
    for edit in module.edits:
        if edit.kind is not EditKind.UPDATE or (edit.pair and not edit.pair.either.is_class):
            continue
        if edit.pair is not None:
            was, now = edit.pair.old, edit.pair.new
        else:
            was, now = module.old_outline, module.new_outline  # type: ignore[assignment]
        texts = _shown(was.doc if was else None, optimize), _shown(now.doc if now else None, optimize)
        if texts[0] != texts[1]:
            yield DocChange(edit.target), texts


def _shown(doc: str | None, optimize: int) -> str | None:
    """Pass a docstring through the compiler, which may strip its indentation or drop it."""
    if doc is None:
        return None
    made = source.compiled(ast.parse(f"def f():\n {doc!r}"), "<doc>", optimize).co_consts[0]
    assert isinstance(made, CodeType)
    return behavior.docstring(made)


# -- additions


def _additions(module: Module, optimize: int) -> Iterator[tuple[Addition, CodeType]]:
    inserts = [e for e in module.edits if e.kind is EditKind.INSERT]
    if module.old_codes is None or module.change.new is None or not inserts:
        return
    tree = source.parsed(module.change.new, module.change.path)
    flags = _future_flags(tree)
    known = mentioned(module.old_codes.module)
    unrun = _unrun_imports(tree)
    for group in _grouped(inserts):
        first = group[0]
        owner = first.target.qualname.rpartition(".")[0] if not first.one else _owner_of_import(first)
        statements = [_statement(tree, e) for e in group]
        code = _wrapped(statements, owner, unrun, module, first, optimize, flags)
        bound = (_mangled(n, owner) for e in group for n in e.names)
        names = () if first.message == "submodule" else tuple(dict.fromkeys(bound))
        guarded = first.item is not None and first.item.kind is ItemKind.COMPOUND
        waits = guarded or not names or any(n in known or hasattr(builtins, n) for n in names)
        deferred = not owner and waits
        loads = (first.one.loads,) if first.one else ()
        yield Addition(module.change.module, owner, names, first.line, deferred, loads, guarded), code


def _mangled(name: str, owner: str) -> str:
    """Write a private name as the compiler does in the body of a class."""
    inside = owner.rpartition(".")[2].lstrip("_")
    private = name.startswith("__") and not name.endswith("__") and "." not in name
    return f"_{inside}{name}" if private and inside else name


def _grouped(inserts: list[Edit]) -> list[list[Edit]]:
    """Group accessors that make one property: definitions of one name in one scope."""
    groups: dict[object, list[Edit]] = {}
    for edit in sorted(inserts, key=lambda e: (e.line, e.names)):
        assert edit.item is not None
        one_name = edit.item.definition is not None
        groups.setdefault((edit.target.qualname, one_name) if one_name else id(edit), []).append(edit)
    return list(groups.values())


def _owner_of_import(edit: Edit) -> str:
    assert edit.one is not None
    return edit.target.qualname.removesuffix(edit.one.bound).removesuffix(".")


def _future_flags(tree: ast.Module) -> int:
    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__" and not node.level:
            for alias in node.names:
                flags |= getattr(__future__, alias.name).compiler_flag
    return flags


def _statement(tree: ast.Module, edit: Edit) -> ast.stmt:
    """Find an inserted statement in the syntax tree by its place."""
    item = edit.item
    assert item is not None
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt):
            continue
        if item.definition is not None:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                line = node.decorator_list[0].lineno if node.decorator_list else node.lineno
                if (line, node.name) == (item.definition.line, item.definition.name):
                    return node
        elif item.kind is ItemKind.COMPOUND:
            if node.lineno == item.span.line and isinstance(node, ast.If | ast.Try):
                return _Unannotated().visit(node)  # type: ignore[no-any-return]
        elif node.lineno == item.span.line and ast.unparse(node) == item.text:
            return _only(node, edit) if edit.one is not None else _Unannotated().visit(node)
    raise AssemblyError(edit, "the statement is not where the outline has it")


def _only(node: ast.stmt, edit: Edit) -> ast.stmt:
    """Reduce an import statement to the one name that is new."""
    one = edit.one
    assert one is not None
    assert isinstance(node, ast.Import | ast.ImportFrom)
    for alias in node.names:
        bound = alias.asname or (alias.name if one.name else alias.name.partition(".")[0])
        if bound == one.bound and (alias.name == one.name or (not one.name and alias.name == one.loads)):
            if isinstance(node, ast.Import):
                return ast.copy_location(ast.Import([alias]), node)
            return ast.copy_location(ast.ImportFrom(node.module, [alias], node.level), node)
    raise AssemblyError(edit, "the imported name is not in the statement")


class _Unannotated(ast.NodeTransformer):
    """Drops annotations of assignments: running them would write into the live `__annotations__`."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        made = ast.Pass() if node.value is None else ast.Assign([node.target], node.value)
        return ast.copy_location(made, node)

    def _leave(self, node: ast.AST) -> ast.AST:
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = _leave


def _unrun_imports(tree: ast.Module) -> list[ast.stmt]:
    """Collect the imports of a module's own scope in an `if False:`."""
    found: list[ast.stmt] = []

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                if getattr(child, "module", "") != "__future__" and child.names[0].name != "*":
                    found.append(child)
            elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
                visit(child)

    visit(tree)
    return [ast.If(ast.Constant(False), found, [])] if found else []


class _Sets(ast.NodeTransformer):
    """Give set displays the iteration order that they get from source.

    The compiler folds a display of three or more constants into a frozenset constant, and marshalling re-orders it. A
    tuple keeps its order. Nested displays then go the compiler's way: a set of the constants, one of that set's items
    (the compiler rebuilds the constant when it merges it with equal ones), and an update from it.
    """

    def visit_Set(self, node: ast.Set) -> ast.AST:
        if len(node.elts) < 3 or not all(isinstance(e, ast.Constant) for e in node.elts):
            return self.generic_visit(node)
        first = ast.Set([ast.Starred(ast.Tuple(node.elts, ast.Load()), ast.Load())])
        second = ast.Set([ast.Starred(ast.List([ast.Starred(first, ast.Load())], ast.Load()), ast.Load())])
        made = ast.Set([ast.Starred(second, ast.Load())])
        return ast.fix_missing_locations(ast.copy_location(made, node))

    def _leave(self, node: ast.AST) -> ast.AST:
        return node  # a function's code must stay what it is in its module

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _leave


def _wrapped(
    statements: list[ast.stmt],
    owner: str,
    unrun: list[ast.stmt],
    module: Module,
    edit: Edit,
    optimize: int,
    flags: int,
) -> CodeType:
    """Compile statements inside empty classes of the owner's names, and return the innermost body."""
    body = [_Sets().visit(s) for s in statements]
    parts = owner.split(".") if owner else []
    for name in reversed(parts):
        shell = ast.parse(f"class {name}: pass").body[0]
        assert isinstance(shell, ast.ClassDef)
        shell.body = body
        body = [ast.copy_location(shell, statements[0])]
    tree = ast.fix_missing_locations(ast.Module([*unrun, *body], []))
    index = CodeIndex.of(tree, module.change.path, optimize, flags)
    code = index.module
    for place, made in index.functions.items():
        if module.new_codes.prints.get(place) != fingerprint(made):
            raise AssemblyError(edit, f"{made.co_qualname} compiles to other code outside its module")
    for name in parts:
        code = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name and not is_function(c))
    if code.co_freevars:
        raise AssemblyError(edit, f"it uses {', '.join(code.co_freevars)} of the enclosing class statement")
    return code


# -- removals


def _kept(module: Module) -> Iterator[Kept]:
    for edit in module.edits:
        if edit.kind is EditKind.KEEP:
            for name in edit.names:
                owner = edit.target.qualname.rpartition(".")[0] if edit.one is None else _owner_of_import(edit)
                item = edit.old_item
                if item is not None and item.kind is not ItemKind.ANNOTATION:
                    yield Kept(module.change.module, owner, _mangled(name, owner))
