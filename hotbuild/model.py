"""The types that flow through the build stage.

    scan       → Change        a file of the two trees, by module
    outline    → Outline       a module's statements and definitions
    correlate  → Pair          old and new of one definition
    classify   → Edit          what a difference becomes
    assemble   → the runtime's Manifest and Payload

All frozen. Lines are 1-based and inclusive. `text` fields hold canonical source (`ast.unparse` of the parsed snippet):
equal texts mean the same program, whatever the formatting.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import CodeType

from hotbuild_runtime.manifest import Target
from hotbuild_runtime.nest import Path

__all__ = ["Change", "Definition", "Edit", "EditKind", "Import", "Inner", "Item", "ItemKind", "Outline", "Pair", "Parameter",
           "Span", "Target"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """A module whose source differs between the trees.

    Args:
        module: dotted name.
        path: below the source root, with slashes.
        package: whether it is an `__init__.py`.
        old, new: the bytes; None where the file does not exist.
        replaced: the module became a package, or the reverse.
    """

    module: str
    path: str
    package: bool
    old: bytes | None
    new: bytes | None
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    line: int
    end: int


class ItemKind(StrEnum):
    FUNCTION = "function"
    CLASS = "class"
    IMPORT = "import"
    ASSIGN = "assignment"
    ANNOTATION = "annotation"
    COMPOUND = "compound statement"
    EFFECT = "statement"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: `kind` is `/`, empty, `*`, `=` (keyword-only) or `**`."""

    name: str
    kind: str
    default: str | None
    annotation: str | None


@dataclass(frozen=True, slots=True)
class Import:
    """One name of an import statement.

    Args:
        loads: absolute name of the module that it imports.
        name: what is imported from it; empty for `import module`, `*` for a star import.
        bound: the name that it binds; empty for a star import.
        renamed: whether it says `as`.
    """

    loads: str
    name: str
    bound: str
    renamed: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    """A function or class, not nested in a function.

    Args:
        target: module, qualname, ordinal among the definitions of its kind with this qualname.
        is_class: class or function.
        line: where its code object starts (`co_firstlineno`): the first decorator, or the keyword.
        span: from there to its last line.
        decorators: canonical texts, outermost first.
        parameters, returns, is_async: of a function.
        bases: canonical texts of a class's positional arguments.
        keywords: canonical texts of its keyword arguments.
        type_parameters: canonical text of PEP 695 brackets.
        items: statements of a class's body.
        doc: the docstring as a literal's value, None when there is none.
        guarded: stands inside an `if`, `try`, `with` or loop.
        stores: attributes that a method assigns on its first parameter.
        calls: methods that it calls on its first parameter.
        loads: attributes that it reads, on anything.
        nested: of functions inside it, in source order: name, and canonical texts of decorators and defaults.
        gives: of a method, (attribute, kind of value) where it stores a literal on its first parameter.
    """

    target: Target
    is_class: bool
    line: int
    span: Span
    decorators: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    returns: str | None = None
    is_async: bool = False
    bases: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    type_parameters: str = ""
    items: tuple["Item", ...] = ()
    doc: str | None = None
    guarded: bool = False
    stores: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    loads: frozenset[str] = frozenset()
    nested: tuple[tuple[str, str, str], ...] = ()
    gives: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return self.target.qualname.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Item:
    """A statement of a module or class body.

    Args:
        kind: what it is.
        names: the names that it binds in its scope.
        text: canonical source; of a definition its header, of a compound statement its frame with function bodies left out.
        span: its lines.
        reads: names that it evaluates when it runs (not in the bodies of functions that it defines).
        called: names or dotted names that it calls when it runs.
        definition: of a function or class.
        imports: of an import statement.
        guarded: stands inside a compound statement; what is listed so are definitions only.
        value: of an assignment, its canonical text without annotation.
        active: may run code of the program when it runs: calls, operators, iteration and the like.
        evaluates: names and attributes that decide which code that is.
        direct: names that it looks up in its own scope.
    """

    kind: ItemKind
    names: tuple[str, ...]
    text: str
    span: Span
    reads: frozenset[str] = frozenset()
    called: frozenset[str] = frozenset()
    definition: Definition | None = None
    imports: tuple[Import, ...] = ()
    guarded: bool = False
    value: str = ""
    active: bool = False
    evaluates: frozenset[str] = frozenset()
    direct: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Outline:
    """A module: its statements, its docstring, its file."""

    module: str
    path: str
    items: tuple[Item, ...]
    doc: str | None

    def definitions(self) -> Iterator[Definition]:
        """Yield every function and class that is not nested in a function, in source order."""
        yield from _definitions(self.items)


def _definitions(items: tuple[Item, ...]) -> Iterator[Definition]:
    for item in items:
        if item.definition is not None:
            yield item.definition
            yield from _definitions(item.definition.items)


@dataclass(frozen=True, slots=True)
class Inner:
    """A function nested in another, whose code changed: its path (see `hotbuild_runtime.nest`) and code, before and after."""

    old_path: Path
    new_path: Path
    old: CodeType
    new: CodeType


@dataclass(frozen=True, slots=True)
class Pair:
    """One definition before and after; None where it does not exist."""

    old: Definition | None
    new: Definition | None

    @property
    def either(self) -> Definition:
        found = self.new or self.old
        assert found is not None
        return found


class EditKind(StrEnum):
    SAME = "same"
    MOVED = "moved"
    UPDATE = "update"
    INSERT = "insert"
    KEEP = "keep"
    RUDE = "rude"


@dataclass(frozen=True, slots=True)
class Edit:
    """What one difference becomes.

    Args:
        kind: the verdict.
        target: what it is about; `qualname` may name a plain attribute, or be empty for the module.
        path: file, below the source root.
        old, new: its lines before and after.
        code: HB code of a rude edit.
        message: what was and what is, for a rude edit; what the operator should know, else.
        item: the statement that is inserted.
        old_item: the statement that is kept.
        pair: the definition that it is about.
        names: what the statement binds; of an import statement, only what this edit is about.
        one: of an import statement, the part that this edit is about.
        attributes: of a rude edit, the attributes of objects that it is about.
        inner: of a nested function, its paths and code.
        outer: of a nested function, the definition (of the old module) that it is in.
    """

    kind: EditKind
    target: Target
    path: str
    old: Span | None = None
    new: Span | None = None
    code: str = ""
    message: str = ""
    item: Item | None = None
    old_item: Item | None = None
    pair: Pair | None = None
    names: tuple[str, ...] = ()
    one: Import | None = None
    attributes: tuple[str, ...] = ()
    inner: Inner | None = None
    outer: Target | None = None

    @property
    def line(self) -> int:
        span = self.new or self.old
        return span.line if span else 1
