"""The code objects of a compiled module, by place.

Owns: `CodeIndex`: which code object the interpreter made for which definition.

Rules
1. A definition is found by the line and name of its code object, never by name alone: several may share a qualname.
2. The index covers what `outline` covers: functions and classes that are not nested in a function. It is made from the
   compiled module and knows nothing of libcst, so that the two can be held against each other.

Tests: tests/build/test_codetree.py.
"""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from types import CodeType

from hotbuild_runtime.fingerprint import fingerprint

from .source import compiled, parsed

Place = tuple[int, str]
"""First line and name of a code object."""


@dataclass(frozen=True)
class CodeIndex:
    """A compiled module."""

    module: CodeType
    defined: frozenset[Place]

    @classmethod
    def of(cls, tree: bytes | ast.Module, path: str, optimize: int, flags: int = 0) -> "CodeIndex":
        """Compile a source, or a syntax tree; SourceError (HB801) if it cannot be."""
        parsed_tree = parsed(tree, path) if isinstance(tree, bytes) else tree
        places = frozenset(_defined(parsed_tree))
        return cls(compiled(tree, path, optimize, flags), places)

    @cached_property
    def functions(self) -> dict[Place, CodeType]:
        """Functions, in source order."""
        # Not all that is compiled like a function is one: the value of a type alias (3.12) is not.
        found = sorted((_place(c), c) for c in _walk(self.module) if is_function(c) and _place(c) in self.defined)
        return dict(found)

    @cached_property
    def classes(self) -> dict[Place, CodeType]:
        """Class bodies, in source order."""
        return dict(sorted((_place(c), c) for c in _walk(self.module) if not is_function(c)))

    @cached_property
    def prints(self) -> dict[Place, bytes]:
        """Fingerprints of the functions."""
        return {place: fingerprint(code) for place, code in self.functions.items()}


def _defined(tree: ast.Module) -> Iterator[Place]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            line = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            yield line, node.name


def _place(code: CodeType) -> Place:
    return code.co_firstlineno, code.co_name


def is_function(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_OPTIMIZED)


def nested(code: CodeType) -> Iterator[CodeType]:
    """Yield the code objects directly inside one, looking through PEP 695 type parameter scopes."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_name.startswith("<generic parameters of"):
                yield from nested(constant)
            else:
                yield constant


def _walk(code: CodeType) -> Iterator[CodeType]:
    for inner in nested(code):
        if inner.co_name.startswith("<"):
            continue  # a lambda or comprehension of the scope itself: part of its statement
        yield inner
        if not is_function(inner):
            yield from _walk(inner)


def mentioned(code: CodeType) -> set[str]:
    """Collect the names that a module's code, and all code in it, refers to."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= mentioned(constant)
    return names
