"""HB401, HB402 for guarded statements: `if TYPE_CHECKING`, `if sys.version_info …`, `try: import … except ImportError`.

A compound statement whose branches only import, define and assign may be run again apart from the module: nothing but the
new names is taken from it, so the guard is decided in the process that is patched. What else it binds stays as it is.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator

from .. import reading
from ..model import Item

Finding = tuple[str, str]

_QUIET = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass)


def is_type_checking(item: Item) -> bool:
    """Tell whether the statement is an `if TYPE_CHECKING:` without another branch: it never runs."""
    node = _node(item)
    return (
        isinstance(node, ast.If) and not node.orelse and reading.dotted(node.test).rpartition(".")[2] == "TYPE_CHECKING"
    )


def loud(item: Item) -> str:
    """Find what keeps a compound statement from being run again; empty when nothing does."""
    node = _node(item)
    if not isinstance(node, ast.If | ast.Try) and type(node).__name__ != "TryStar":
        return ast.unparse(node).splitlines()[0]
    for inner in ast.walk(node):
        if isinstance(inner, ast.If) and reading.calls_of_the_program(inner.test):
            return f"if {ast.unparse(inner.test)}:"
    for leaf, _ in _leaves(node, ()):
        constant = isinstance(leaf, ast.Expr) and isinstance(leaf.value, ast.Constant)
        plain = isinstance(leaf, ast.Assign) and all(isinstance(t, ast.Name) for t in leaf.targets)
        plain = plain or (isinstance(leaf, ast.AnnAssign) and isinstance(leaf.target, ast.Name))
        stars = isinstance(leaf, ast.ImportFrom) and leaf.names[0].name == "*"
        if stars or not (isinstance(leaf, _QUIET) or constant or plain):
            return ast.unparse(leaf).splitlines()[0]
    return ""


def changed(old: Item, new: Item) -> Iterator[Finding]:
    """HB402: names that both versions bind, in another way."""
    was, now = _ways(old), _ways(new)
    for name in sorted(set(was) & set(now)):
        if was[name] != now[name]:
            yield "HB402", f"{name} was bound by: {'; '.join(was[name])}; is now bound by: {'; '.join(now[name])}"


def _node(item: Item) -> ast.stmt:
    return ast.parse(item.text).body[0]


def _ways(item: Item) -> dict[str, list[str]]:
    """List the statements that bind each name, with the branches that they stand in."""
    found: dict[str, list[str]] = defaultdict(list)
    for leaf, path in _leaves(_node(item), ()):
        if isinstance(leaf, ast.Import | ast.ImportFrom):
            for alias in leaf.names:
                one = type(leaf)(**{**dict(ast.iter_fields(leaf)), "names": [alias]})
                bound = alias.asname or (
                    alias.name if isinstance(leaf, ast.ImportFrom) else alias.name.partition(".")[0]
                )
                found[bound].append(" ".join((*path, ast.unparse(one))))
        else:
            # A function's body is compared as code, so only that it is defined here counts.
            for name in reading.bound(leaf):
                found[name].append(" ".join((*path, ast.unparse(leaf).splitlines()[0])))
    return found


def _leaves(node: ast.AST, path: tuple[str, ...]) -> Iterator[tuple[ast.stmt, tuple[str, ...]]]:
    if isinstance(node, ast.If):
        test = ast.unparse(node.test)
        yield from _block(node.body, (*path, f"if {test}:"))
        yield from _block(node.orelse, (*path, f"if not {test}:"))
    elif isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
        yield from _block(node.body, (*path, "try:"))  # type: ignore[attr-defined]
        for handler in node.handlers:  # type: ignore[attr-defined]
            kind = ast.unparse(handler.type) if handler.type else ""
            yield from _block(handler.body, (*path, f"except {kind}:"))
        yield from _block(node.orelse, (*path, "else:"))  # type: ignore[attr-defined]
        yield from _block(node.finalbody, (*path, "finally:"))  # type: ignore[attr-defined]
    elif isinstance(node, ast.stmt):
        yield node, path


def _block(body: list[ast.stmt], path: tuple[str, ...]) -> Iterator[tuple[ast.stmt, tuple[str, ...]]]:
    for node in body:
        yield from _leaves(node, path)
