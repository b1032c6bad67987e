"""Code objects that fit the live function's closure.

Owns: `widen`, the one use of `bytecode`. A fix that stops using a captured variable, or `super()`, compiles to a code
object with fewer free variables than the live function has cells; CPython refuses it. Re-assembled with the old list
of free variables it does the same, and fits.

Tests: tests/build/test_reshape.py.
"""

from types import CodeType

from bytecode import Bytecode, Instr


def widen(code: CodeType, freevars: tuple[str, ...]) -> CodeType:
    """Re-assemble a code object so that it captures exactly `freevars`.

    Args:
        code: captures a part of `freevars`, or all in another order.
        freevars: the names that the live function's cells stand for, in their order.

    Returns:
        Code that behaves the same and has `co_freevars == freevars`.

    Raises:
        ValueError: `code` captures a name that is not among them.
    """
    if code.co_freevars == freevars:
        return code
    if missing := set(code.co_freevars) - set(freevars):
        raise ValueError(f"{code.co_qualname} captures {', '.join(sorted(missing))}")
    listing = Bytecode.from_code(code)
    listing.freevars = list(freevars)
    # The first instruction of a function with free variables copies their cells into the frame.
    if listing and isinstance(listing[0], Instr) and listing[0].name == "COPY_FREE_VARS":
        del listing[0]
    listing.insert(0, Instr("COPY_FREE_VARS", len(freevars)))
    return listing.to_code().replace(co_qualname=code.co_qualname)
