"""The second opinion: is every difference between the two compiled files accounted for by exactly one edit?

Owns: `audit`. It knows nothing of libcst or of the rules. It takes the edits as claims, and the two sources through
the interpreter's own parser and compiler.

Rules
1. Every function of either side is claimed by exactly one edit: a pair, an insertion, a removal, or a rude edit.
2. A claim of "same" or "moved" holds only if the two code objects have equal fingerprints, "update" only if not.
3. What is left of both modules, once all that is claimed is taken out, must be the same program: the same headers,
   values, statements, class by class. The order of statements with effects counts; that of definitions, imports and
   values of names that are bound once does not.
4. What does not hold is returned as a rude edit: refused, never ignored.

Tests: tests/build/test_audit.py (each claim falsified in turn), tests/random/.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from .codetree import CodeIndex, Place
from .model import Edit, EditKind, Import, Item, ItemKind, Target
from .names import ACCESSORS, INERT_DECORATORS
from .source import absolute, parsed

_PAIRED = (EditKind.SAME, EditKind.MOVED, EditKind.UPDATE)
Statement = tuple[object, ...]


def audit(
    old: bytes, new: bytes, path: str, module: str, edits: Sequence[Edit], codes: tuple[CodeIndex, CodeIndex]
) -> list[Edit]:
    """Check a module's edits against its two sources.

    Args:
        old, new: source bytes.
        path, module: of the module.
        edits: all edits of the module, the rude ones included.
        codes: the two sides' compiled code.

    Returns:
        A rude edit for each difference that no edit accounts for.
    """
    if any(e.code == "HB407" for e in edits):
        return []  # every code object differs, and the module is refused
    before, after = _Claims(edits, "old"), _Claims(edits, "new")
    package = module if path.endswith("__init__.py") else module.rpartition(".")[0]
    problems = [
        *_twice(before, after),
        *_functions(edits, codes, before, after),
        *_residue(_Residue(parsed(old, path), before, package), _Residue(parsed(new, path), after, package)),
    ]
    return [
        Edit(
            EditKind.RUDE,
            Target(module, ""),
            path,
            code="HB401",
            message=f"line {line}: {text}; no rule accounts for it",
        )
        for line, text in problems
    ]


class _Claims:
    """What the edits say of one side."""

    def __init__(self, edits: Sequence[Edit], side: str) -> None:
        self.pairs: dict[Place, list[tuple[int, Edit]]] = {}
        self.statements: Counter[tuple[int, str]] = Counter()
        self.carried: Counter[tuple[int, str]] = Counter()
        self.whole: list[tuple[int, int]] = []  # definitions claimed with all that is in them
        self.loose: list[tuple[int, int]] = []  # refused compound statements
        self.docs: set[str] = set()
        seen: set[tuple[int, Import | None]] = set()
        for number, edit in enumerate(edits):
            if edit.kind is EditKind.UPDATE and edit.message == "docstring":
                self.docs.add(edit.target.qualname)
            if edit.names == ("__doc__",):
                self.docs.add(edit.target.qualname.rpartition(".")[0])
            if edit.pair is not None:
                definition = edit.pair.old if side == "old" else edit.pair.new
                if definition is not None:
                    place = definition.line, definition.name
                    rude_again = edit.kind is EditKind.RUDE and place in self.pairs
                    if not rude_again:
                        self.pairs.setdefault(place, []).append((number, edit))
                continue
            item = edit.old_item if side == "old" else edit.item
            if item is not None:
                self._claim(item, edit, seen)

    def _claim(self, item: Item, edit: Edit, seen: set[tuple[int, Import | None]]) -> None:
        key = id(item), edit.one
        if key in seen:
            return  # several reasons for one statement are one claim
        seen.add(key)
        if item.definition is not None:
            self.whole.append((item.definition.line, item.definition.span.end))
            return
        name = ""
        if edit.one is not None:
            name = _import_key(edit.one.loads, edit.one.name, edit.one.bound)
        elif item.kind in (ItemKind.ASSIGN, ItemKind.ANNOTATION):
            name = item.names[0]
        else:
            self.loose.append((item.span.line, item.span.end))  # its own functions pair, or go with it
        self.statements[item.span.line, name] += 1
        self.carried[item.span.line, name] += edit.kind is not EditKind.RUDE

    def within(self, line: int) -> int:
        """Count the claimed definitions that hold a line."""
        return sum(start <= line <= end for start, end in self.whole)

    def owners(self, place: Place) -> int:
        """Count the edits that claim a function."""
        claimed = len(self.pairs.get(place, ())) + self.within(place[0])
        return claimed or any(start <= place[0] <= end for start, end in self.loose)


def _import_key(module: str, name: str, bound: str) -> str:
    return f"{module}:{name}:{bound}"


def _twice(*sides: _Claims) -> Iterator[tuple[int, str]]:
    for claims in sides:
        for (line, name), count in claims.carried.items():
            if count > 1:
                yield line, f"{name or 'the statement'} is carried by {count} edits"


def _functions(
    edits: Sequence[Edit], codes: tuple[CodeIndex, CodeIndex], before: _Claims, after: _Claims
) -> Iterator[tuple[int, str]]:
    for index, claims, side in ((codes[0], before, "old"), (codes[1], after, "new")):
        for place in (*index.functions, *index.classes):
            if (claimed := claims.owners(place)) != 1:
                yield place[0], f"{place[1]} of the {side} file is claimed by {int(claimed)} edits"
    for edit in edits:
        if edit.pair is None or edit.kind not in _PAIRED or edit.pair.either.is_class:
            continue
        old, new = edit.pair.old, edit.pair.new
        if old is None or new is None:
            yield edit.line, f"{edit.target} is called {edit.kind} without a counterpart"
            continue
        equal = codes[0].prints.get((old.line, old.name)) == codes[1].prints.get((new.line, new.name))
        if equal is (edit.kind is EditKind.UPDATE):
            yield new.line, f"{edit.target} is called {edit.kind}, and its code is {'equal' if equal else 'different'}"


class _Residue:
    """What is left of a module once all claims are taken out: (what, line) per scope."""

    def __init__(self, tree: ast.Module, claims: _Claims, package: str) -> None:
        self.claims = claims
        self.package = package
        self.free: Counter[Statement] = Counter()
        self.ordered: list[Statement] = []
        self.lines: dict[Statement, int] = {}
        self.unsettled: set[str] = set()  # names bound several times: where they are read counts
        self.watched: set[str] = set()  # names that a statement with effects looks at: when they are bound counts
        self._scope(tree.body, "")

    def _scope(self, body: Sequence[ast.stmt], owner: str) -> None:
        bound = Counter(name for s in body if not self._claimed(s) for name in _binds(s))
        self.unsettled |= {name for name, count in bound.items() if count > 1}
        self.watched |= {n for s in body if not isinstance(s, _INERT) for n in _loads(s)}
        for i, node in enumerate(body):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                if i == 0 and isinstance(node.value.value, str) and owner not in self.claims.docs:
                    self._leave(("doc", owner, node.value.value), node, ordered=False)
                continue
            if not isinstance(node, ast.Pass):
                self._statement(node, owner, bound)

    def _claimed(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return self.claims.within(_line(node)) > 0
        return self._take(node, _first_target(node))

    def _statement(self, node: ast.stmt, owner: str, bound: Counter[str]) -> None:
        once = all(bound[name] <= 1 for name in _binds(node))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._definition(node, owner, once)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                key = _alias_key(node, alias, self.package)
                if not self._take(node, key):
                    self._leave(("import", owner, key), node, ordered=False)
        elif (
            isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While | ast.Match)
            or type(node).__name__ == "TryStar"
        ):
            self._compound(node, owner)
        else:
            if not self._take(node, _first_target(node)):
                plain = isinstance(node, ast.Assign | ast.AnnAssign) and once and not _calls(node)
                free = plain and not self.watched & _binds(node) and not self.unsettled & _loads(node)
                self._leave(("statement", owner, ast.dump(node)), node, ordered=not free)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, owner: str, once: bool) -> None:
        line = _line(node)
        if self.claims.within(line):
            return
        qualname = f"{owner}.{node.name}" if owner else node.name
        edits = [e for _, e in self.claims.pairs.get((line, node.name), ())]
        numbers = tuple(n for n, _ in self.claims.pairs.get((line, node.name), ()))
        header: object = "rude"
        if not any(e.kind is EditKind.RUDE for e in edits):
            header = _header(node, annotations=not any("annotations" in e.message for e in edits))
        settled = once and not self.unsettled & _evaluated(node) and not _acting_decorators(node)
        self._leave(("definition", owner, node.name, numbers, header), node, ordered=not settled)
        if isinstance(node, ast.ClassDef):
            self._scope(node.body, qualname)

    def _compound(self, node: ast.stmt, owner: str) -> None:
        if self._take(node, "") and (not self.claims.carried[node.lineno, ""] or _is_quiet(node)):
            return
        heads = [ast.dump(v) for _, v in ast.iter_fields(node) if isinstance(v, ast.expr)]
        heads += [ast.dump(i) for i in getattr(node, "items", ())]
        self._leave((type(node).__name__, owner, *heads), node, ordered=True)
        for field in ("body", "handlers", "orelse", "finalbody", "cases"):
            block = getattr(node, field, [])
            if not block:
                continue
            self._leave((field, owner), node, ordered=True)
            for inner in block:
                if isinstance(inner, ast.ExceptHandler | ast.match_case):
                    head = [
                        ast.dump(v) if isinstance(v, ast.AST) else v for k, v in ast.iter_fields(inner) if k != "body"
                    ]
                    self._leave(("handler", owner, *head), node, ordered=True)
                    self._block(inner.body, owner)
                else:
                    self._block([inner], owner)

    def _block(self, body: Sequence[ast.stmt], owner: str) -> None:
        """The statements of a block: everything in it is bound conditionally, so its order counts."""
        every = Counter({name: 2 for s in body for name in _binds(s)})
        for node in body:
            if not isinstance(node, ast.Pass) and not (
                isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            ):
                self._statement(node, owner, every)

    def _take(self, node: ast.stmt, name: str) -> bool:
        return self.claims.statements[node.lineno, name] >= 1

    def _leave(self, what: Statement, node: ast.AST, ordered: bool) -> None:
        self.lines.setdefault(what, getattr(node, "lineno", 1))
        if ordered:
            self.ordered.append(what)
        else:
            self.free[what] += 1


def _residue(old: _Residue, new: _Residue) -> Iterator[tuple[int, str]]:
    for what in old.free - new.free:
        yield old.lines[what], f"{_name(what)} of the old file has no counterpart"
    for what in new.free - old.free:
        yield new.lines[what], f"{_name(what)} of the new file has no counterpart"
    if old.ordered != new.ordered:
        for a, b in zip(old.ordered, new.ordered, strict=False):
            if a != b:
                yield new.lines[b], f"{_name(b)} stands where the old file has {_name(a)} (line {old.lines[a]})"
                return
        longer = old if len(old.ordered) > len(new.ordered) else new
        extra = longer.ordered[min(len(old.ordered), len(new.ordered))]
        yield longer.lines[extra], f"{_name(extra)} has no counterpart"


def _name(what: Statement) -> str:
    return f"{what[0]} {what[2]}" if what[0] == "definition" else f"{what[0]}"


def _header(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, annotations: bool) -> str:
    parts: list[object] = [type(node).__name__, [ast.dump(d) for d in node.decorator_list]]
    parts.append([ast.dump(p) for p in getattr(node, "type_params", [])])
    if isinstance(node, ast.ClassDef):
        parts += [[ast.dump(b) for b in node.bases], [ast.dump(k) for k in node.keywords]]
        return repr(parts)
    a = node.args
    for group in (a.posonlyargs, a.args, a.kwonlyargs, [a.vararg], [a.kwarg]):
        parts.append([p and (p.arg, ast.dump(p.annotation) if annotations and p.annotation else "") for p in group])
    parts.append([ast.dump(d) if d else None for d in (*a.defaults, None, *a.kw_defaults)])
    parts.append(ast.dump(node.returns) if annotations and node.returns else "")
    return repr(parts)


def _binds(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return set()
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load):
            names.add(inner.id)
    return names


def _line(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    """Where the compiler says that a definition begins."""
    return node.decorator_list[0].lineno if node.decorator_list else node.lineno


def _first_target(node: ast.stmt) -> str:
    """Name an assignment by the first name that it binds, any other statement by nothing."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign) or type(node).__name__ == "TypeAlias":
        targets = [node.target if isinstance(node, ast.AnnAssign) else node.name]  # type: ignore[attr-defined]
    inner = [n for t in targets for n in ast.walk(t)]
    odd = any(isinstance(n, ast.Attribute | ast.Subscript | ast.Starred) for n in inner)
    if odd or any(isinstance(n, ast.NamedExpr) for n in ast.walk(node)):
        return ""
    return min((n.id for n in inner if isinstance(n, ast.Name)), default="")


def _alias_key(node: ast.Import | ast.ImportFrom, alias: ast.alias, package: str) -> str:
    if isinstance(node, ast.Import):
        return _import_key(alias.name, "", alias.asname or alias.name.partition(".")[0])
    bound = "" if alias.name == "*" else alias.asname or alias.name
    return _import_key(absolute(package, node.level, node.module or ""), alias.name, bound)


_INERT = (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _loads(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _evaluated(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> set[str]:
    """Collect the names that a definition reads when it runs: not those in the bodies of functions."""
    parts: list[ast.AST] = list(node.decorator_list)
    if isinstance(node, ast.ClassDef):
        parts += [*node.bases, *node.keywords, *(s for s in node.body if isinstance(s, ast.Assign | ast.AnnAssign))]
    else:
        parts += [d for d in (*node.args.defaults, *node.args.kw_defaults) if d is not None]
    return {name for part in parts for name in _loads(part)}


def _acting_decorators(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Tell whether a decorator may register what it decorates: then the order counts."""
    for decorator in node.decorator_list:
        name = ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)
        accessor = name.partition(".")[0] == node.name and name.rpartition(".")[2] in ACCESSORS
        if name not in INERT_DECORATORS and not accessor:
            return True
    return False


def _is_quiet(node: ast.AST) -> bool:
    """Tell whether a compound statement only imports, defines and assigns names, so that it may be run again apart."""
    if isinstance(node, ast.If) and any(isinstance(n, ast.Call | ast.NamedExpr) for n in ast.walk(node.test)):
        names = {n.func.id for n in ast.walk(node.test) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        dotted = [n for n in ast.walk(node.test) if isinstance(n, ast.Call) and not isinstance(n.func, ast.Name)]
        if names - {"hasattr", "isinstance", "callable", "len"} or dotted:
            return False
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If | ast.Try | ast.ExceptHandler):
            if not _is_quiet(child):
                return False
        elif isinstance(child, ast.Assign | ast.AnnAssign):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            if not all(isinstance(t, ast.Name) for t in targets):
                return False
        elif (
            isinstance(child, ast.stmt)
            and not isinstance(
                child,
                ast.Import
                | ast.ImportFrom
                | ast.FunctionDef
                | ast.AsyncFunctionDef
                | ast.ClassDef
                | ast.Pass
                | ast.Expr,
            )
        ) or (isinstance(child, ast.Expr) and not isinstance(child.value, ast.Constant)):
            return False
    return isinstance(node, ast.If | ast.Try | ast.ExceptHandler)


def _calls(node: ast.stmt) -> bool:
    return any(isinstance(n, ast.Call | ast.Await | ast.Yield | ast.NamedExpr) for n in ast.walk(node))
