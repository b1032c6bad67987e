"""Code objects that fit the live function's closure.

Owns: `widen`, the one use of `bytecode`. A fix that stops using a captured variable, or `super()`, compiles to a code
object with fewer free variables than the live function has cells; CPython refuses it. Re-assembled with the old list
of free variables it does the same, and fits.

Rules
1. Instructions are not re-compiled: one is inserted (it copies the cells into the frame), and those that name a free
   variable get its new number. Stack depths, exception table and lines stay the compiler's.
2. The result is disassembled again and compared with the original, step by step; a difference is an error.

Tests: tests/build/test_reshape.py, tests/edits/closure.edit.
"""

import dis
from types import CodeType
from typing import Any

from bytecode import ConcreteBytecode, ConcreteInstr

_COPY = "COPY_FREE_VARS"


def widen(code: CodeType, freevars: tuple[str, ...]) -> CodeType:
    """Re-assemble a code object so that it captures exactly `freevars`.

    Args:
        code: captures a part of `freevars`, or all in another order.
        freevars: the names that the live function's cells stand for, in their order.

    Returns:
        Code that behaves the same and has `co_freevars == freevars`.

    Raises:
        ValueError: `code` captures a name that is not among them, or does not survive the round trip.
    """
    if code.co_freevars == freevars:
        return code
    if missing := set(code.co_freevars) - set(freevars):
        raise ValueError(f"{code.co_qualname} captures {', '.join(sorted(missing))}")
    listing = ConcreteBytecode.from_code(code)
    # A frame holds arguments and locals, then cells that are not arguments, then the free variables.
    first = code.co_nlocals + len(set(code.co_cellvars) - set(code.co_varnames))
    place = {first + i: first + freevars.index(name) for i, name in enumerate(code.co_freevars)}
    for instruction in listing:
        if isinstance(instruction, ConcreteInstr) and instruction.opcode in _PLACES:
            instruction.arg = _moved(instruction.name, instruction.arg, place)
    if code.co_freevars:
        del listing[0]
    listing.insert(0, ConcreteInstr(_COPY, len(freevars)))
    if not code.co_freevars:
        for entry in listing.exception_table:
            entry.start_offset += 1
            entry.stop_offset += 1
            entry.target += 1
    listing.freevars = list(freevars)
    made = listing.to_code(stacksize=code.co_stacksize, compute_exception_stack_depths=False)
    made = made.replace(co_qualname=code.co_qualname)
    if made.co_freevars != freevars or _steps(made) != _steps(code):
        raise ValueError(f"{code.co_qualname} does not survive re-assembly")
    return made


def _moved(name: str, arg: int, place: dict[int, int]) -> int:
    """Translate the places in the frame that an instruction names: one, or two in four bits each."""
    if name.count("_FAST") < 2:
        return place.get(arg, arg)
    high, low = place.get(arg >> 4, arg >> 4), place.get(arg & 15, arg & 15)
    if high > 15 or low > 15:
        raise ValueError("two places do not fit into one instruction")
    return high << 4 | low


def _steps(code: CodeType) -> object:
    """List what a code object does, with names for free variables, and its lines and exception handlers by step."""
    shift = 2 if code.co_freevars else 0
    steps = [i for i in dis.get_instructions(code) if i.opname != _COPY]
    names = [*code.co_varnames, *(c for c in code.co_cellvars if c not in code.co_varnames), *code.co_freevars]
    told = [(i.opname, i.offset - shift, _operand(i, shift, names), i.positions and i.positions.lineno) for i in steps]
    handlers = [(e.start - shift, e.end - shift, e.target - shift, e.depth, e.lasti) for e in _handlers(code)]
    return told, handlers, code.co_stacksize, code.co_flags & ~_NESTED


def _operand(instruction: dis.Instruction, shift: int, names: list[str]) -> object:
    arg = instruction.arg or 0
    if instruction.opcode in (*dis.hasjrel, *dis.hasjabs):
        return instruction.argval - shift
    if instruction.opcode not in _PLACES:
        return instruction.arg
    return (names[arg >> 4], names[arg & 15]) if instruction.opname.count("_FAST") > 1 else names[arg]


def _handlers(code: CodeType) -> list[Any]:
    listing: Any = dis.Bytecode(code)  # its exception table is not in the type stubs
    return list(listing.exception_entries)


_PLACES = frozenset({*dis.haslocal, *dis.hasfree})
"""Instructions whose argument is a place in the frame; on 3.13 `LOAD_FAST` also hands on cells."""

_NESTED = 0x10  # CO_NESTED: says where it was compiled, and nothing about what it does
