"""The canonical digest of a code object.

Owns: `fingerprint`. Both stages use this one file, and the build stage lends it by path to other interpreters, so it
imports nothing of ours and runs on every supported Python.

Rules
1. Named fields only, recursively through nested code. Not over marshal bytes: they differ between a fresh and a
   reloaded code object. `code ==` is no help either: it looks at line numbers.
2. Not the file name and not line numbers, the one that a class body of 3.13 records included: what only moved keeps its
   fingerprint.
3. `co_code` is free of the interpreter's own specialisation and instrumentation, so a live function that is hot,
   traced or covered has the digest that it had when it was compiled.
4. Constants are told apart by type (`1`, `True`, `1.0` and `-0.0` are four), and sets do not depend on the hash seed.

Fingerprints of different Python versions are not comparable. Tests: tests/runtime/test_fingerprint.py.
"""

from collections.abc import Iterator
from hashlib import sha256
from opcode import opmap
from types import CodeType

_LINE = "__firstlineno__"
_EXTENDED, _LOAD_CONST, _STORE_NAME = opmap["EXTENDED_ARG"], opmap["LOAD_CONST"], opmap["STORE_NAME"]


def fingerprint(code: CodeType) -> bytes:
    """Digest a code object.

    Args:
        code: any code object; nested code objects in its constants are included.

    Returns:
        32 bytes, SHA-256 over the fields named in `_encode`.
    """
    return sha256(_encode(code)).digest()


def _encode(code: CodeType) -> bytes:
    head = ascii(
        (
            code.co_name,
            code.co_qualname,
            code.co_argcount,
            code.co_posonlyargcount,
            code.co_kwonlyargcount,
            code.co_flags,
            code.co_names,
            code.co_varnames,
            code.co_freevars,
            code.co_cellvars,
        )
    ).encode("ascii")
    parts = [head, *_body(code), code.co_exceptiontable]
    return b"".join(b"%d:%b" % (len(part), part) for part in parts)


def _body(code: CodeType) -> Iterator[bytes]:
    if _LINE not in code.co_names:
        yield code.co_code
        yield from map(_constant, code.co_consts)
        return
    # A class body that records its own line (3.13): a constant of its own, or shared with an equal one. So the
    # constants are written where they are loaded, and the line is left out.
    argument = 0
    for offset in range(0, len(code.co_code), 2):
        op, low = code.co_code[offset : offset + 2]
        argument = argument << 8 | low
        if op == _EXTENDED:
            continue
        after, name = code.co_code[offset + 2 : offset + 4] or (0, 0)
        if after == _STORE_NAME and code.co_names[name] == _LINE:
            yield b"line"
        elif op == _LOAD_CONST:
            yield b"load " + _constant(code.co_consts[argument])
        else:
            yield b"%d %d" % (op, argument)
        argument = 0


def _constant(value: object) -> bytes:
    if isinstance(value, CodeType):
        return b"code " + _encode(value)
    if isinstance(value, frozenset):
        return b"frozenset " + b",".join(sorted(map(_constant, value)))
    if isinstance(value, tuple):
        return b"(" + b"".join(b"%d:%b" % (len(part), part) for part in map(_constant, value)) + b")"
    # ascii(), not repr(): which characters repr() leaves unescaped depends on the Unicode tables of the interpreter.
    return ascii(value).encode("ascii")
