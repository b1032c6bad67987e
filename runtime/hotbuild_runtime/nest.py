"""Functions inside functions: how nested code objects are addressed.

Owns: `inner`, `paths`, `descend`, and the form of a path. Both stages use this one file.

Rules
1. A path is a tuple of (name, number) steps: the number counts, in the compiler's order, the code objects of that name
   that one function makes. Comprehensions, generator expressions and type parameter scopes are looked through: they run
   where they stand, so what they make is made by the function around them.
2. A path means something only together with the fingerprint of the code object that it starts from.

Pure. Tests: tests/runtime/test_nest.py.
"""

from collections.abc import Iterator
from types import CodeType

Path = tuple[tuple[str, int], ...]

ONE_SHOT = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


def is_transparent(code: CodeType) -> bool:
    """Tell whether a code object runs where it stands and is no function that anybody could hold."""
    return code.co_name in ONE_SHOT or code.co_name.startswith("<generic parameters of")


def inner(code: CodeType) -> Iterator[tuple[tuple[str, int], CodeType]]:
    """Yield the functions, lambdas and classes that a function makes, each with its step."""
    counts: dict[str, int] = {}
    for made in _made(code):
        number = counts.get(made.co_name, 0)
        counts[made.co_name] = number + 1
        yield (made.co_name, number), made


def _made(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if is_transparent(constant):
                yield from _made(constant)
            else:
                yield constant


def descend(code: CodeType, path: Path) -> CodeType | None:
    """Follow a path; None where it leads nowhere."""
    current: CodeType | None = code
    for step in path:
        if current is None:
            return None
        current = next((made for at, made in inner(current) if at == step), None)
    return current
