"""Source text: decoding, compiling, and the errors of broken input.

Owns: `SourceError` (HB801, HB802), `text` and `compiled`.
"""

import ast
import tokenize
import warnings
from importlib.util import decode_source
from io import BytesIO
from types import CodeType


class SourceError(Exception):
    """A source file that cannot be used.

    Attributes:
        code: HB801 or HB802.
        path, line: where.
        message: what is wrong.
    """

    def __init__(self, code: str, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {code} {message}")
        self.code = code
        self.path = path
        self.line = line
        self.message = message


def text(data: bytes, path: str) -> str:
    """Decode a source file by its own declaration, with newlines made `\\n`.

    Raises:
        SourceError: HB802.
    """
    try:
        tokenize.detect_encoding(BytesIO(data).readline)
        return decode_source(data)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise SourceError("HB802", path, 1, f"cannot be decoded: {error}") from None


def absolute(package: str, level: int, name: str) -> str:
    """Resolve the module of a `from` import.

    Args:
        package: the package that the importing module is in, or is.
        level: number of leading dots.
        name: what follows them.
    """
    if not level:
        return name
    parts = package.split(".") if package else []
    parts = parts[: len(parts) - (level - 1)] if level > 1 else parts
    return ".".join([*parts, name] if name else parts)


def parsed(data: bytes, path: str) -> ast.Module:
    """Parse with the interpreter's own parser.

    Raises:
        SourceError: HB801.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data, path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise SourceError("HB801", path, line, f"does not compile: {error}") from None


def compiled(tree: bytes | ast.Module, path: str, optimize: int, flags: int = 0) -> CodeType:
    """Compile a module for the running interpreter.

    Args:
        tree: source bytes or a syntax tree.
        path: the `co_filename` of all its code.
        optimize: 0, 1 or 2.
        flags: compiler flags of `from __future__` imports that are not in the tree.

    Raises:
        SourceError: HB801.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code: CodeType = compile(tree, path, "exec", flags, dont_inherit=True, optimize=optimize)
            return code
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise SourceError("HB801", path, line, f"does not compile: {error}") from None
