"""A source → Outline: which statements a module has, what they bind, where its definitions stand.

Owns: the one use of the parser, libcst. Positions are libcst's; texts are made canonical through `ast`, so that two
snippets are equal when they mean the same.

Rules
1. Only scopes that run once are outlined: the module and its classes, with what stands in their `if`, `try`, `with`
   and loops. The inside of a function is one block; its code object is compared as a whole.
2. What is not recognised is an EFFECT: a statement that nothing can be said of.

Tests: tests/build/test_outline.py.
"""

import ast
import textwrap
from collections.abc import Iterator, Sequence

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from .model import Definition, Import, Item, ItemKind, Outline, Parameter, Span, Target
from .source import SourceError

_BLOCKS = (
    cst.If, cst.Try, cst.TryStar, cst.With, cst.For, cst.While, cst.Match,
    cst.BaseSuite, cst.Else, cst.Finally, cst.ExceptHandler, cst.ExceptStarHandler, cst.MatchCase,
)  # fmt: skip
"""Compound statements that run in the scope they stand in, and their parts."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


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
        wrapper = MetadataWrapper(cst.parse_module(data), unsafe_skip_copy=True)
    except cst.ParserSyntaxError as error:
        raise SourceError("HB801", path, error.raw_line, error.message) from None
    except (RecursionError, ValueError) as error:
        raise SourceError("HB801", path, 1, f"cannot be parsed: {error}") from None
    positions = wrapper.resolve(PositionProvider)
    reader = _Reader(wrapper.module, positions, module, package)
    items = reader.scope(wrapper.module.body, "")
    return Outline(module, path, items, _docstring(wrapper.module.body))


class _Reader:
    def __init__(self, tree: cst.Module, positions: object, module: str, package: bool) -> None:
        self.tree = tree
        self.positions = positions
        self.module = module
        self.package = module if package else module.rpartition(".")[0]
        self.ordinals: dict[tuple[bool, str], int] = {}

    # -- scopes

    def scope(self, body: Sequence[cst.CSTNode], owner: str) -> tuple[Item, ...]:
        return tuple(item for i, node in enumerate(body) for item in self.statement(node, owner, first=i == 0))

    def statement(self, node: cst.CSTNode, owner: str, first: bool) -> Iterator[Item]:
        if isinstance(node, cst.SimpleStatementLine):
            for i, small in enumerate(node.body):
                yield from self.small(small, first=first and i == 0)
        elif isinstance(node, cst.FunctionDef | cst.ClassDef):
            yield self.definition_item(node, owner, guarded=False)
        else:
            yield from self.compound(node, owner)

    def compound(self, node: cst.CSTNode, owner: str) -> Iterator[Item]:
        tree = ast.parse(self.code(node))
        names = tuple(sorted(_bound(tree)))
        yield Item(ItemKind.COMPOUND, names, _frame(tree), self.span(node), _reads(tree), _called(tree))
        for inner in _inner_definitions(node):
            yield self.definition_item(inner, owner, guarded=True)

    def small(self, node: cst.BaseSmallStatement, first: bool) -> Iterator[Item]:
        if isinstance(node, cst.Pass):
            return
        if isinstance(node, cst.Expr) and _is_constant(node.value):
            return  # a docstring, or a statement without effect
        tree = ast.parse(self.code(node))
        text = ast.unparse(tree)
        kind, names, imports = ItemKind.EFFECT, tuple(sorted(_bound(tree))), tuple[Import, ...]()
        statement = tree.body[0]
        match statement:
            case ast.Import() | ast.ImportFrom():
                kind, imports = ItemKind.IMPORT, tuple(self.imports(statement))
                names = tuple(i.bound for i in imports if i.bound)
            case ast.AnnAssign(target=ast.Name(id=name), value=None):
                kind, names = ItemKind.ANNOTATION, (name,)
            case ast.AnnAssign(target=ast.Name()) if not _has_walrus(tree):
                kind = ItemKind.ASSIGN
            case ast.Assign(targets=targets) if all(map(_plain, targets)) and not _has_walrus(tree):
                kind = ItemKind.ASSIGN
            case _ if type(statement).__name__ == "TypeAlias":
                kind = ItemKind.ASSIGN
        yield Item(kind, names, text, self.span(node), _reads(tree), _called(tree), imports=imports)

    def imports(self, node: ast.Import | ast.ImportFrom) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, "", alias.asname or alias.name.partition(".")[0], alias.name)
            return
        written = "." * node.level + (node.module or "")
        loads = self.absolute(node.level, node.module or "")
        for alias in node.names:
            yield Import(written, alias.name, "" if alias.name == "*" else alias.asname or alias.name, loads)

    def absolute(self, level: int, name: str) -> str:
        if not level:
            return name
        parts = self.package.split(".") if self.package else []
        parts = parts[: len(parts) - (level - 1)] if level > 1 else parts
        return ".".join([*parts, name] if name else parts)

    # -- definitions

    def definition_item(self, node: cst.FunctionDef | cst.ClassDef, owner: str, guarded: bool) -> Item:
        found = self.definition(node, owner, guarded)
        header = _header_tree(self.code(node))
        kind = ItemKind.CLASS if found.is_class else ItemKind.FUNCTION
        return Item(
            kind,
            (found.name,),
            ast.unparse(header),
            found.span,
            _reads(header),
            _called(header),
            found,
            guarded=guarded,
        )

    def definition(self, node: cst.FunctionDef | cst.ClassDef, owner: str, guarded: bool) -> Definition:
        qualname = f"{owner}.{node.name.value}" if owner else node.name.value
        is_class = isinstance(node, cst.ClassDef)
        ordinal = self.ordinals.get((is_class, qualname), 0)
        self.ordinals[is_class, qualname] = ordinal + 1
        own = self.span(node)
        line = self.span(node.decorators[0].decorator).line if node.decorators else own.line
        target = Target(self.module, qualname, ordinal)
        span = Span(line, own.end)
        decorators = tuple(self.text(d.decorator) for d in node.decorators)
        brackets = self.text_of_brackets(node.type_parameters)
        body = node.body.body
        if isinstance(node, cst.ClassDef):
            return Definition(
                target, True, line, span, decorators,
                bases=tuple(("*" if a.star else "") + self.text(a.value) for a in node.bases),
                keywords=tuple(f"{a.keyword.value}={self.text(a.value)}" if a.keyword else f"**{self.text(a.value)}"
                               for a in node.keywords),
                type_parameters=brackets, items=self.scope(body, qualname), doc=_docstring(body), guarded=guarded,
            )  # fmt: skip
        stores, calls, loads = _attributes(ast.parse(self.code(node)))
        return Definition(
            target, False, line, span, decorators, tuple(self.parameters(node.params)),
            self.text(node.returns.annotation) if node.returns else None, node.asynchronous is not None,
            type_parameters=brackets, doc=_docstring(body), guarded=guarded, stores=stores, calls=calls, loads=loads,
        )  # fmt: skip

    def parameters(self, params: cst.Parameters) -> Iterator[Parameter]:
        for p in params.posonly_params:
            yield self.parameter(p, "/")
        for p in params.params:
            yield self.parameter(p, "")
        if isinstance(params.star_arg, cst.Param):
            yield self.parameter(params.star_arg, "*")
        for p in params.kwonly_params:
            yield self.parameter(p, "=")
        if params.star_kwarg is not None:
            yield self.parameter(params.star_kwarg, "**")

    def parameter(self, node: cst.Param, kind: str) -> Parameter:
        default = self.text(node.default) if node.default is not None else None
        annotation = self.text(node.annotation.annotation) if node.annotation is not None else None
        return Parameter(node.name.value, kind, default, annotation)

    # -- texts and places

    def code(self, node: cst.CSTNode) -> str:
        return self.tree.code_for_node(node)

    def text(self, node: cst.CSTNode) -> str:
        return ast.unparse(ast.parse(f"({self.code(node)}\n)", mode="eval"))

    def text_of_brackets(self, node: cst.TypeParameters | None) -> str:
        return "" if node is None else "".join(self.code(node).split())

    def span(self, node: cst.CSTNode) -> Span:
        place: CodeRange = self.positions[node]  # type: ignore[index]
        return Span(place.start.line, place.end.line)


def _inner_definitions(node: cst.CSTNode) -> Iterator[cst.FunctionDef | cst.ClassDef]:
    for child in node.children:
        if isinstance(child, cst.FunctionDef | cst.ClassDef):
            yield child
        elif isinstance(child, _BLOCKS):
            yield from _inner_definitions(child)


def _docstring(body: Sequence[cst.CSTNode]) -> str | None:
    node: cst.CSTNode | None = body[0] if body else None
    if isinstance(node, cst.SimpleStatementLine):
        node = node.body[0]
    if not isinstance(node, cst.Expr) or not isinstance(node.value, cst.SimpleString | cst.ConcatenatedString):
        return None
    value = node.value.evaluated_value
    return value if isinstance(value, str) else None


def _is_constant(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.ConcatenatedString):
        return _is_constant(node.left) and _is_constant(node.right)
    return isinstance(node, cst.SimpleString | cst.Ellipsis | cst.BaseNumber)


# -- what a snippet binds, reads and calls when it runs


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that are evaluated when the snippet runs: not the bodies of functions that it defines."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, _FUNCTIONS):
            yield child
            for part in _evaluated_of(child):
                yield from _running(part)
        else:
            yield from _running(child)


def _evaluated_of(node: ast.AST) -> Iterator[ast.AST]:
    arguments: ast.arguments = node.args  # type: ignore[attr-defined]
    yield from arguments.defaults
    yield from (d for d in arguments.kw_defaults if d is not None)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from node.decorator_list
        everyone = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
        yield from (a.annotation for a in everyone if a is not None and a.annotation is not None)
        if node.returns is not None:
            yield node.returns


def _bound(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in _scope_nodes(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import):
            names |= {a.asname or a.name.partition(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {a.asname or a.name for a in node.names}
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
    return names


def _scope_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a snippet's own scope: not inside functions or classes; comprehension targets are theirs."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield child
        elif isinstance(child, ast.comprehension):
            yield from _scope_nodes(child.iter)
        else:
            yield from _scope_nodes(child)


def _reads(tree: ast.AST) -> frozenset[str]:
    return frozenset(n.id for n in _running(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def _called(tree: ast.AST) -> frozenset[str]:
    """List what is called: dotted names where they are names, `?` where it is an expression."""
    found = set()
    for node in _running(tree):
        if isinstance(node, ast.Call):
            found.add(_dotted(node.func) or "?")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found |= {_dotted(d.func if isinstance(d, ast.Call) else d) or "?" for d in node.decorator_list}
    return frozenset(found)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := _dotted(node.value)):
        return f"{head}.{node.attr}"
    return ""


def _plain(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return all(map(_plain, target.elts))
    return isinstance(target, ast.Name)


def _has_walrus(tree: ast.AST) -> bool:
    return any(isinstance(n, ast.NamedExpr) for n in _running(tree))


def _header_tree(code: str) -> ast.Module:
    tree = ast.parse(textwrap.dedent(code))
    node = tree.body[0]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        node.body = [ast.Pass()]
    return tree


def _frame(tree: ast.Module) -> str:
    """Write a compound statement with the bodies of its functions, and all of its classes' bodies, left out."""

    class Leave(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
            node.body = [ast.Pass()]
            return node

        def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
            node.body = [ast.Pass()]
            return node

        def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
            node.body = [ast.Pass()]
            return node

    return ast.unparse(Leave().visit(ast.parse(ast.unparse(tree))))


def _attributes(tree: ast.Module) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """List the attributes that a method stores and calls on its first parameter, and those that it reads on anything."""
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    arguments = [*function.args.posonlyargs, *function.args.args]
    me = arguments[0].arg if arguments else ""
    stores, calls, loads = set(), set(), set()
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute):
            mine = isinstance(node.value, ast.Name) and node.value.id == me
            if isinstance(node.ctx, ast.Load):
                loads.add(node.attr)
            elif mine and isinstance(node.ctx, ast.Store):
                stores.add(node.attr)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name | ast.Call)
        ):
            base = node.func.value
            if (isinstance(base, ast.Name) and base.id == me) or (
                isinstance(base, ast.Call) and _dotted(base.func) == "super"
            ):
                calls.add(node.func.attr)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Attribute):
            loads.add(node.target.attr)
    return frozenset(stores), frozenset(calls), frozenset(loads)
