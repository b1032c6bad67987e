"""What a statement binds, reads and calls when it runs.

Owns: small questions about a node of the syntax tree, for `outline`.

Rules
1. The bodies of functions that a statement defines do not run with it; their defaults, decorators and annotations do.
   The bodies of classes and comprehensions do.
2. Names say too much rather than too little.
"""

import ast
from collections.abc import Iterator
from typing import NamedTuple

from .names import ACCESSORS, INERT_DECORATORS

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
HOLDERS = {
    "partial", "functools.partial", "partialmethod", "functools.partialmethod", "staticmethod", "classmethod", "property",
}  # fmt: skip
"""Calls that keep a function for later and do not call it."""


def running(tree: ast.AST, annotations: bool = True) -> Iterator[ast.AST]:
    """Yield the nodes that are evaluated when a statement runs."""
    yield tree
    if isinstance(tree, _FUNCTIONS):
        children = _evaluated_of(tree, annotations)
    elif isinstance(tree, ast.AnnAssign) and not annotations:
        children = iter([tree.value] if tree.value else [])
    else:
        children = ast.iter_child_nodes(tree)
    for child in children:
        yield from running(child, annotations)


def _evaluated_of(node: ast.AST, annotations: bool) -> Iterator[ast.AST]:
    a: ast.arguments = node.args  # type: ignore[attr-defined]
    yield from a.defaults
    yield from (d for d in a.kw_defaults if d is not None)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from node.decorator_list
        if annotations:
            everyone = (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg)
            yield from (p.annotation for p in everyone if p is not None and p.annotation is not None)
            if node.returns is not None:
                yield node.returns


def bound(tree: ast.AST) -> set[str]:
    """Collect the names that a statement binds in its own scope."""
    names: set[str] = set()
    for node in _scope_nodes(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import(names=aliases):
                names |= {a.asname or a.name.partition(".")[0] for a in aliases}
            case ast.ImportFrom(names=aliases):
                names |= {a.asname or a.name for a in aliases if a.name != "*"}
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                names.add(name)
            case ast.MatchMapping(rest=str(name)):
                names.add(name)
    return names


def _scope_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a statement's own scope: not inside functions or classes; comprehension targets are theirs."""
    yield tree
    if isinstance(tree, (*_DEFINITIONS, ast.Lambda)):
        return
    for child in ast.iter_child_nodes(tree):
        yield from _scope_nodes(child.iter if isinstance(child, ast.comprehension) else child)


def reads(tree: ast.AST) -> frozenset[str]:
    """Collect the names that it evaluates."""
    return frozenset(n.id for n in running(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def called(tree: ast.AST) -> frozenset[str]:
    """Collect what it calls: dotted names where they are names, `?` where it is an expression."""
    found = set()
    for node in running(tree):
        if isinstance(node, ast.Call):
            found.add(dotted(node.func) or "?")
        elif isinstance(node, _DEFINITIONS):
            found |= {dotted(d.func if isinstance(d, ast.Call) else d) or "?" for d in node.decorator_list}
    return frozenset(found)


def active(tree: ast.AST) -> bool:
    """Tell whether a statement may run code of the program: calls, operators, subscripts, attributes, iteration."""
    if isinstance(tree, ast.ClassDef):
        return (
            _decorated(tree)
            or any(active(part) for part in tree.body)
            or any(map(active, (*tree.bases, *tree.keywords)))
        )
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef):
        defaults = (d for d in (*tree.args.defaults, *tree.args.kw_defaults) if d is not None)
        return _decorated(tree) or any(map(active, defaults))
    quiet = (ast.Constant, ast.Name, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Lambda)
    held = {
        id(n.func) for n in running(tree, annotations=False) if isinstance(n, ast.Call) and dotted(n.func) in HOLDERS
    }
    for node in running(tree, annotations=False):
        if id(node) in held:
            continue
        if isinstance(node, ast.comprehension) or (isinstance(node, ast.Call) and dotted(node.func) not in HOLDERS):
            return True
        if node is not tree and isinstance(node, _DEFINITIONS) and active(node):
            return True
        if isinstance(node, ast.expr) and not isinstance(node, (*quiet, ast.Call)):
            literal = isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)
            chain = isinstance(node, ast.Attribute) and bool(dotted(node)) and tree is not node
            if not literal and not (chain and isinstance(tree, ast.ClassDef)):
                return True
    return False


_ASKING = {"hasattr", "isinstance", "issubclass", "callable", "len", "bool", "any", "all", "tuple", "getattr", "int", "str",
           "platform.system", "platform.python_implementation", "os.environ.get", "os.getenv", "sys.getwindowsversion",
           "find_spec", "importlib.util.find_spec"}  # fmt: skip


def calls_of_the_program(test: ast.expr) -> bool:
    """Tell whether a condition does more than look: it calls what is not known to only answer, or binds, or waits."""
    for node in ast.walk(test):
        if isinstance(node, ast.Call) and dotted(node.func) not in _ASKING and not _of_literal(node.func):
            return True
        if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom):
            return True
    return False


def _of_literal(function: ast.expr) -> bool:
    """Tell whether it is a method of a text or of a name's attribute that asks, like `sys.platform.startswith`."""
    return isinstance(function, ast.Attribute) and function.attr in (
        "startswith",
        "endswith",
        "lower",
        "upper",
        "split",
    )


def _decorated(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Tell whether a decorator may do more than wrap or mark."""
    for decorator in node.decorator_list:
        name = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
        accessor = name.partition(".")[0] == node.name and name.rpartition(".")[2] in ACCESSORS
        if name not in INERT_DECORATORS and not accessor:
            return True
    return False


def evaluates(tree: ast.AST) -> frozenset[str]:
    """Collect the names and attributes that decide which code runs with a statement; a class's bases only name it.

    Returns:
        Dotted names; `?.attribute` for an attribute of what is computed.
    """
    roots: tuple[ast.AST, ...] = (tree,)
    if isinstance(tree, ast.ClassDef):
        roots = (*tree.decorator_list, *tree.body, *(b for b in tree.bases if active(b)))
    found = set()
    for root in roots:
        for node in running(root, annotations=False):
            # A lambda that is passed on may be called at once.
            inside = ast.walk(node.body) if isinstance(node, ast.Lambda) else (node,)
            for n in inside:
                if isinstance(n, ast.Name | ast.Attribute) and isinstance(n.ctx, ast.Load):
                    found.add(dotted(n) or f"?.{getattr(n, 'attr', '')}")
    return frozenset(found)


def direct(tree: ast.AST) -> frozenset[str]:
    """Collect the names that a statement looks up in its own scope, not in a class body, comprehension or function."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            found.add(node.id)
        inner = (*_FUNCTIONS, ast.ClassDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
        if isinstance(node, inner):
            parts: list[ast.AST] = [*getattr(node, "decorator_list", ()), *getattr(node, "bases", ())]
            parts += [node.generators[0].iter] if hasattr(node, "generators") else []
            parts += list(_evaluated_of(node, True)) if isinstance(node, _FUNCTIONS) else []
        else:
            parts = list(ast.iter_child_nodes(node))
        for part in parts:
            visit(part)

    visit(tree)
    inside = set()
    if isinstance(tree, ast.ClassDef):
        inside = {n.id for part in tree.body for n in running(part) if isinstance(n, ast.Name)}
    return frozenset(found - inside)


def dotted(node: ast.expr) -> str:
    """Write a chain of names; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := dotted(node.value)):
        return f"{head}.{node.attr}"
    return ""


def header(node: ast.stmt) -> str:
    """Write a definition without its body."""
    return ast.unparse(_Hollow().visit(_copy(node)))


def frame(node: ast.stmt) -> str:
    """Write a compound statement with the bodies of the functions and classes in it left out."""
    return ast.unparse(_Hollow().visit(_copy(node)))


def _copy(node: ast.stmt) -> ast.stmt:
    return ast.parse(ast.unparse(node)).body[0]


class _Hollow(ast.NodeTransformer):
    def _empty(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> ast.AST:
        node.body = [ast.Pass()]
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _empty


class SelfUse(NamedTuple):
    """What a method does with its first parameter: attributes that it stores, methods that it calls; and what it reads."""

    stores: frozenset[str]
    calls: frozenset[str]
    loads: frozenset[str]
    gives: tuple[tuple[str, str], ...]


def self_use(function: ast.FunctionDef | ast.AsyncFunctionDef) -> SelfUse:
    """Look at the attributes in a method, with those of functions nested in it."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    me = {arguments[0].arg} if arguments else set()
    if function.name == "__new__":
        me |= {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    stores, calls, loads = set(), set(), set()
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute):
            mine = isinstance(node.value, ast.Name) and node.value.id in me
            if isinstance(node.ctx, ast.Load):
                loads.add(node.attr)
            elif mine and isinstance(node.ctx, ast.Store):
                stores.add(node.attr)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            base = node.func.value
            over = isinstance(base, ast.Call) and dotted(base.func) == "super"
            if over or (isinstance(base, ast.Name) and base.id in me):
                calls.add(node.func.attr)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Attribute):
            loads.add(node.target.attr)
    return SelfUse(frozenset(stores), frozenset(calls), frozenset(loads), tuple(_given(function, me)))


def _given(function: ast.AST, me: set[str]) -> Iterator[tuple[str, str]]:
    for node in ast.walk(function):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id in me:
                value: ast.expr | None = node.value  # type: ignore[attr-defined]
                if kind := _kind_of(value):
                    yield target.attr, kind


def _kind_of(value: ast.expr | None) -> str:
    """Name the type of a literal; empty for what is computed."""
    if isinstance(value, ast.Constant):
        return "None" if value.value is None else type(value.value).__name__
    displays = {ast.List: "list", ast.Dict: "dict", ast.Set: "set", ast.Tuple: "tuple", ast.ListComp: "list",
                ast.DictComp: "dict", ast.SetComp: "set", ast.JoinedStr: "str"}  # fmt: skip
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in _BUILT_IN:
        return value.func.id
    return displays.get(type(value), "") if value is not None else ""


_BUILT_IN = {
    "list",
    "dict",
    "set",
    "tuple",
    "str",
    "bytes",
    "bytearray",
    "int",
    "float",
    "bool",
    "frozenset",
    "complex",
}


def nested_headers(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[tuple[str, str, str]]:
    """Describe the functions inside a function: what their live closures got from their own statements when they were made.

    Returns:
        (name, decorators, defaults or bases) in source order.
    """
    found: list[tuple[tuple[int, int], tuple[str, str, str]]] = []
    for node in ast.walk(function):
        if node is function or not isinstance(node, (*_DEFINITIONS, ast.Lambda)):
            continue
        decorators = " ".join(f"@{ast.unparse(d)}" for d in getattr(node, "decorator_list", ()))
        if isinstance(node, ast.ClassDef):
            made = ", ".join(ast.unparse(part) for part in (*node.bases, *node.keywords))
        else:
            a: ast.arguments = node.args
            made = ", ".join(ast.unparse(d) if d else "-" for d in (*a.defaults, None, *a.kw_defaults))
        found.append(((node.lineno, node.col_offset), (getattr(node, "name", "<lambda>"), decorators, made)))
    return [header for _, header in sorted(found)]
