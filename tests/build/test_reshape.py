"""`widen`: code that captures less, made to fit the live function's cells, and still the same program."""

import dis
import types
from collections.abc import Callable

import pytest
from harness import code_digest

from hotbuild.reshape import widen

SOURCES = {
    "plain": "def f(self):\n    'doc'\n    return 7\n",
    "loops": "def f(self):\n    t = ''\n    for i in range(3):\n        t += str(i)\n"
    "        while len(t) > 9: break\n    return t\n",
    "handlers": "def f(self):\n    try:\n        return [] [0]\n    except (KeyError, IndexError) as e:\n"
    "        return type(e).__name__\n    finally:\n        self = None\n",
    "dead handler": "def f(self):\n    try:\n        return 'x'\n    finally:\n        self = None\n",
    "with": "def f(self):\n    import contextlib\n"
    "    with contextlib.suppress(KeyError) as a, contextlib.nullcontext(4) as b:\n"
    "        return a, b\n",
    "closure": "def f(self):\n    n = 1\n    def step():\n        nonlocal n\n        n += 1\n        return n\n"
    "    return step(), n\n",
    "comprehensions": "def f(self):\n    k = 2\n"
    "    return [k * i for i in range(3)], {i: k for i in 'ab'}, sum(i for i in (1, k))\n",
    "return through finally": "def f(self):\n    n = 0\n    for i in range(3):\n        try:\n            try:\n"
    "                return str(i)\n            finally:\n                [][0]\n        except IndexError:\n"
    "            n += 1\n            continue\n    return n\n",
    "match": "def f(self):\n    match (1, {'a': 2}):\n        case [1, {'a': x, **r}]:\n            return x, r\n",
    "keywords": "def f(self, *args, key=3, **rest):\n    return args, key, rest, print, f'{key!r:>4}'\n",
    "long": "def f(self):\n    x = 0\n" + "".join(f"    if x == {i}: x += 1\n" for i in range(300)) + "    return x\n",
    "many names": "def f(self):\n" + "".join(f"    v{i} = {i}\n" for i in range(300)) + "    return v299 + v0\n",
}


def made(source: str) -> types.FunctionType:
    space: dict[str, types.FunctionType] = {}
    exec(source, space)
    return space["f"]


def with_cells(code: types.CodeType, *values: object) -> types.FunctionType:
    cells = tuple(types.CellType(value) for value in values)
    function = types.FunctionType(code, {"__builtins__": __builtins__}, closure=cells)
    function.__kwdefaults__ = {"key": 3}
    return function


def depths(code: types.CodeType) -> list[tuple[int, bool]]:
    """List the stack depths that exception handlers begin with."""
    return [(entry.depth, entry.lasti) for entry in dis.Bytecode(code).exception_entries]


@pytest.mark.parametrize("name", SOURCES)
def test_does_the_same(name: str) -> None:
    function = made(SOURCES[name])
    code = widen(function.__code__, ("__class__",))
    assert code.co_freevars == ("__class__",)
    assert depths(code) == depths(function.__code__)  # before the call: a wrong one takes the interpreter down
    assert with_cells(code, object)(None) == function(None)


@pytest.mark.parametrize("name", SOURCES)
def test_is_the_same_program_step_by_step(name: str) -> None:
    code = made(SOURCES[name]).__code__
    assert code_digest(widen(code, ("__class__", "other"))) == code_digest(code)


@pytest.mark.parametrize("name", SOURCES)
def test_keeps_lines_and_columns(name: str) -> None:
    code = made(SOURCES[name]).__code__
    wide = widen(code, ("__class__",))
    after_the_first_step = list(wide.co_positions())[1:]
    assert after_the_first_step == list(code.co_positions())
    assert (wide.co_firstlineno, wide.co_qualname, wide.co_filename) == (
        code.co_firstlineno,
        code.co_qualname,
        code.co_filename,
    )


def outer() -> list[Callable[[], object]]:
    a, b, c = "a", "b", "c"

    def all_three() -> object:
        return a, b, c

    def last() -> object:
        return c

    def swapped() -> object:
        return b + c

    return [all_three, last, swapped]


def test_the_right_cells_are_read() -> None:
    """The free variables keep their meaning when others come before them."""
    three, last, swapped = outer()
    full = three.__code__.co_freevars
    assert full == ("a", "b", "c")
    assert with_cells(widen(last.__code__, full), 1, 2, 3)() == 3
    assert with_cells(widen(swapped.__code__, full), 1, 2, 3)() == 5


def test_the_order_of_the_live_cells_counts() -> None:
    three, *_ = outer()
    assert with_cells(widen(three.__code__, ("c", "a", "b")), 3, 1, 2)() == (1, 2, 3)


def maker() -> list[Callable[[], object]]:
    a, b, c = "a", "b", "c"

    def all_three() -> object:
        return a, b, c

    def handed_on() -> object:
        mine = "mine"
        return (lambda: (c, mine))(), [(lambda: b)() for _ in "x"], c

    return [all_three, handed_on]


def test_cells_that_are_handed_on_to_inner_functions() -> None:
    """The instruction that hands on a cell is not one of those that read it."""
    three, handed_on = maker()
    code = widen(handed_on.__code__, ("a", *handed_on.__code__.co_freevars))
    assert code.co_freevars == three.__code__.co_freevars
    assert with_cells(code, 1, 2, 3)() == ((3, "mine"), [2], 3)


def test_a_splice_takes_it() -> None:
    three, last, _ = outer()
    three.__code__ = widen(last.__code__, three.__code__.co_freevars)
    assert three() == "c"


def test_nothing_to_do_gives_the_same_object() -> None:
    three, *_ = outer()
    assert widen(three.__code__, ("a", "b", "c")) is three.__code__


def test_what_is_not_captured_cannot_be_given() -> None:
    three, *_ = outer()
    with pytest.raises(ValueError, match="captures c"):
        widen(three.__code__, ("a", "b"))


def test_generators_keep_their_handlers() -> None:
    function = made(
        "def f(self):\n    try:\n        got = yield 1\n    except KeyError:\n        yield 2\n    finally:\n"
        "        yield 3\n"
    )
    running = with_cells(widen(function.__code__, ("__class__",)), object)(None)
    assert (next(running), running.throw(KeyError()), next(running)) == (1, 2, 3)
