"""A source → Outline: which statements a module has, what they bind, where its definitions stand.

Owns: the one use of the parser, libcst. Its statements are walked side by side with those of the interpreter's own
syntax tree, which gives places, normalised names and canonical texts; where the two disagree about the structure of a
file, the file is refused. (Positions from libcst itself cost ten times the parsing.)

Rules
1. Only scopes that run once are outlined: the module and its classes, with what stands in their `if`, `try`, `with`
   and loops. The inside of a function is one block; its code object is compared as a whole.
2. What is not recognised is an EFFECT: a statement that nothing can be said of.

Tests: tests/build/test_outline.py.
"""

import ast
from collections.abc import Iterator, Sequence

import libcst as cst

from . import reading, source
from .model import Definition, Import, Item, ItemKind, Outline, Parameter, Span, Target
from .source import SourceError

_KINDS: dict[type[cst.CSTNode], tuple[str, ...]] = {
    cst.FunctionDef: ("FunctionDef", "AsyncFunctionDef"),
    cst.ClassDef: ("ClassDef",),
    cst.If: ("If",),
    cst.Try: ("Try",),
    cst.TryStar: ("TryStar",),
    cst.With: ("With", "AsyncWith"),
    cst.For: ("For", "AsyncFor"),
    cst.While: ("While",),
    cst.Match: ("Match",),
    cst.Import: ("Import",),
    cst.ImportFrom: ("ImportFrom",),
    cst.Assign: ("Assign",),
    cst.AnnAssign: ("AnnAssign",),
    cst.AugAssign: ("AugAssign",),
    cst.Expr: ("Expr",),
}


def outline(data: bytes, module: str, path: str, package: bool) -> Outline:
    """Parse a module.

    Args:
        data: its bytes; the encoding is read from them.
        module: dotted name.
        path: below the source root, for messages.
        package: whether it is an `__init__.py`; relative imports resolve by it.

    Raises:
        SourceError: HB801.
    """
    try:
        tree = cst.parse_module(data)
    except cst.ParserSyntaxError as error:
        raise SourceError("HB801", path, error.raw_line, error.message) from None
    except (RecursionError, ValueError, MemoryError) as error:
        raise SourceError("HB801", path, 1, f"cannot be parsed: {error}") from None
    return _Reader(module, path, package).module(tree, source.parsed(data, path))


class _Reader:
    def __init__(self, module: str, path: str, package: bool) -> None:
        self.name = module
        self.path = path
        self.package = module if package else module.rpartition(".")[0]
        self.ordinals: dict[tuple[bool, str], int] = {}

    def module(self, tree: cst.Module, twin: ast.Module) -> Outline:
        items = self.scope(tree.body, twin.body, "")
        return Outline(self.name, self.path, items, ast.get_docstring(twin, clean=False))

    # -- scopes

    def scope(self, body: Sequence[cst.CSTNode], twins: Sequence[ast.stmt], owner: str) -> tuple[Item, ...]:
        nodes = [small for node in body for small in _small(node)]
        if len(nodes) != len(twins):
            raise self.disagreement(twins[0] if twins else None)
        return tuple(
            item for node, twin in zip(nodes, twins, strict=True) for item in self.statement(node, twin, owner)
        )

    def statement(self, node: cst.CSTNode, twin: ast.stmt, owner: str) -> Iterator[Item]:
        if type(twin).__name__ not in _KINDS.get(type(node), (type(twin).__name__,)):
            raise self.disagreement(twin)
        if isinstance(twin, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = node.body.body if isinstance(node, cst.ClassDef) else ()
            yield self.definition_item(inner, twin, owner, guarded=False)
        elif isinstance(node, cst.BaseCompoundStatement):
            yield from self.compound(twin, owner)
        elif not isinstance(twin, ast.Pass) and not _is_constant(twin):
            yield self.simple(twin)

    def disagreement(self, twin: ast.stmt | None) -> SourceError:
        line = twin.lineno if twin else 1
        return SourceError("HB801", self.path, line, "the parser and the interpreter read the file differently")

    def compound(self, node: ast.stmt, owner: str) -> Iterator[Item]:
        names = tuple(sorted(reading.bound(node)))
        yield Item(
            ItemKind.COMPOUND, names, reading.frame(node), _span(node), reading.reads(node), reading.called(node),
            active=reading.active(node), evaluates=reading.evaluates(node), direct=reading.direct(node),
        )  # fmt: skip
        for inner in _inner_definitions(node):
            yield self.definition_item(None, inner, owner, guarded=True)

    def simple(self, node: ast.stmt) -> Item:
        kind, names, imports, value = ItemKind.EFFECT, tuple(sorted(reading.bound(node))), tuple[Import, ...](), ""
        walrus = any(isinstance(n, ast.NamedExpr) for n in ast.walk(node))
        match node:
            case ast.Import() | ast.ImportFrom():
                kind, imports = ItemKind.IMPORT, tuple(self.imports(node))
                names = tuple(i.bound for i in imports if i.bound)
            case ast.AnnAssign(target=ast.Name(id=name), value=None):
                kind, names = ItemKind.ANNOTATION, (name,)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as right) if not walrus:
                kind, value = ItemKind.ASSIGN, f"{name} = {ast.unparse(right)}"
            case ast.Assign(targets=targets) if all(map(_plain, targets)) and not walrus:
                kind, value = ItemKind.ASSIGN, ast.unparse(node)
            case _ if type(node).__name__ == "TypeAlias":
                kind, value = ItemKind.ASSIGN, ast.unparse(node)
        return Item(
            kind, names, ast.unparse(node), _span(node), reading.reads(node), reading.called(node), imports=imports,
            value=value, active=reading.active(node), evaluates=reading.evaluates(node), direct=reading.direct(node),
        )  # fmt: skip

    def imports(self, node: ast.Import | ast.ImportFrom) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, "", alias.asname or alias.name.partition(".")[0], bool(alias.asname))
            return
        loads = source.absolute(self.package, node.level, node.module or "")
        for alias in node.names:
            yield Import(loads, alias.name, "" if alias.name == "*" else alias.asname or alias.name, bool(alias.asname))

    # -- definitions

    def definition_item(
        self,
        body: Sequence[cst.CSTNode] | None,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
        owner: str,
        guarded: bool,
    ) -> Item:
        found = self.definition(body, node, owner, guarded)
        kind = ItemKind.CLASS if found.is_class else ItemKind.FUNCTION
        return Item(
            kind, (found.name,), reading.header(node), found.span, reading.reads(node), reading.called(node), found,
            guarded=guarded, active=reading.active(node), evaluates=reading.evaluates(node), direct=reading.direct(node),
        )  # fmt: skip

    def definition(
        self,
        body: Sequence[cst.CSTNode] | None,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
        owner: str,
        guarded: bool,
    ) -> Definition:
        qualname = f"{owner}.{node.name}" if owner else node.name
        is_class = isinstance(node, ast.ClassDef)
        ordinal = self.ordinals.get((is_class, qualname), 0)
        self.ordinals[is_class, qualname] = ordinal + 1
        line = node.decorator_list[0].lineno if node.decorator_list else node.lineno
        target, span = Target(self.name, qualname, ordinal), Span(line, node.end_lineno or line)
        decorators = tuple(ast.unparse(d) for d in node.decorator_list)
        brackets = ", ".join(ast.unparse(p) for p in getattr(node, "type_params", ()))
        doc = ast.get_docstring(node, clean=False)
        if isinstance(node, ast.ClassDef):
            items = (
                self.scope(body, node.body, qualname) if body is not None else self.guarded_scope(node.body, qualname)
            )
            return Definition(
                target, True, line, span, decorators, bases=tuple(map(ast.unparse, node.bases)),
                keywords=tuple(map(ast.unparse, node.keywords)), type_parameters=brackets, items=items, doc=doc,
                guarded=guarded,
            )  # fmt: skip
        self_use = reading.self_use(node)
        return Definition(
            target, False, line, span, decorators, tuple(_parameters(node.args)),
            ast.unparse(node.returns) if node.returns else None, isinstance(node, ast.AsyncFunctionDef),
            type_parameters=brackets, doc=doc, guarded=guarded, stores=self_use.stores, calls=self_use.calls,
            loads=self_use.loads, gives=self_use.gives, nested=tuple(reading.nested_headers(node)),
        )  # fmt: skip

    def guarded_scope(self, body: Sequence[ast.stmt], owner: str) -> tuple[Item, ...]:
        """Outline the body of a class that stands in a compound statement; libcst's tree is not followed there."""
        items: list[Item] = []
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                items.append(self.definition_item(None, node, owner, guarded=False))
            elif hasattr(node, "body"):
                items += self.compound(node, owner)
            elif not isinstance(node, ast.Pass) and not _is_constant(node):
                items.append(self.simple(node))
        return tuple(items)


def _small(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
    return node.body if isinstance(node, cst.SimpleStatementLine) else (node,)


def _span(node: ast.stmt) -> Span:
    return Span(node.lineno, node.end_lineno or node.lineno)


def _is_constant(node: ast.stmt) -> bool:
    """Tell whether a statement is a docstring or another constant without effect."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _plain(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return all(map(_plain, target.elts))
    return isinstance(target, ast.Name)


def _inner_definitions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child
        elif isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _inner_definitions(child)


def _parameters(a: ast.arguments) -> Iterator[Parameter]:
    plain = [*((p, "/") for p in a.posonlyargs), *((p, "") for p in a.args)]
    defaults = [None] * (len(plain) - len(a.defaults)) + list(a.defaults)
    for (p, kind), default in zip(plain, defaults, strict=True):
        yield _parameter(p, kind, default)
    if a.vararg:
        yield _parameter(a.vararg, "*", None)
    for p, default in zip(a.kwonlyargs, a.kw_defaults, strict=True):
        yield _parameter(p, "=", default)
    if a.kwarg:
        yield _parameter(a.kwarg, "**", None)


def _parameter(node: ast.arg, kind: str, default: ast.expr | None) -> Parameter:
    text = ast.unparse(default) if default is not None else None
    return Parameter(node.arg, kind, text, ast.unparse(node.annotation) if node.annotation else None)
