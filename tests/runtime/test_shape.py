"""Which code objects may take another's place. (The codes are tried through the loader in test_forged.py.)"""

import types

import pytest
from forge import function
from hotbuild_runtime.shape import kind, misfits, parameters


def code(header: str, body: str = "pass") -> types.CodeType:
    return function(f"{header}:\n    {body}\n", "f")


@pytest.mark.parametrize(
    ("header", "listed"),
    [
        ("def f()", ()),
        ("def f(a, b=1)", ("a", "b")),
        ("def f(a, /, b)", ("/a", "b")),
        ("def f(a, *, b)", ("a", "=b")),
        ("def f(*a, **b)", ("*a", "**b")),
        ("def f(a, /, b, *c, d, **e)", ("/a", "b", "=d", "*c", "**e")),
        ("def f(a, *, b=2, **c)", ("a", "=b", "**c")),
    ],
)
def test_parameters_are_listed_with_their_kinds(header: str, listed: tuple[str, ...]) -> None:
    assert parameters(code(header, "local = 1")) == listed


@pytest.mark.parametrize(
    ("header", "body", "name"),
    [
        ("def f()", "return 1", "a plain function"),
        ("def f()", "yield 1", "a generator"),
        ("async def f()", "return 1", "a coroutine"),
        ("async def f()", "yield 1", "an async generator"),
    ],
)
def test_kinds_have_names(header: str, body: str, name: str) -> None:
    assert kind(code(header, body)) == name


def test_a_generator_based_coroutine_is_none_of_them() -> None:
    plain = code("def f()", "yield 1")
    made = types.coroutine(types.FunctionType(plain, {})).__code__
    assert kind(made) not in (kind(plain), "a coroutine")
    assert [c for c, _ in misfits(plain, made)] == ["HB106"]


@pytest.mark.parametrize("header", ["def f(a, /, b=2, *c, d=4, **e)", "async def f(self)", "def f()"])
def test_the_same_shape_fits(header: str) -> None:
    assert list(misfits(code(header, "return 1"), code(header, "x = y = 2; return [x, y]"))) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("def f(a, b)", "def f(c)", "HB102"),
        ("def f(a)", "def f(c, d)", "HB101"),
        ("def f(a, b)", "def f(c, d)", "HB103"),
        ("def f(a, b)", "def f(b, c)", "HB103"),
        ("def f(a, /)", "def f(a)", "HB104"),
        ("def f(*a)", "def f(**a)", "HB104"),
        ("def f(a)", "def f(*a)", "HB104"),
    ],
)
def test_signatures(old: str, new: str, expected: str) -> None:
    assert [c for c, _ in misfits(code(old), code(new))] == [expected]


def test_the_order_of_captured_names_counts() -> None:
    """Cells are wired by place: the same names in another order would be crossed."""
    source = "def maker():\n    a = b = 0\n    def f():\n        return a, b\n    return f\n"
    inner = next(c for c in function(source, "maker").co_consts if isinstance(c, types.CodeType))
    assert inner.co_freevars == ("a", "b")
    assert [c for c, _ in misfits(inner, inner.replace(co_freevars=("b", "a")))] == ["HB201"]


@pytest.mark.parametrize("mode", ["exec", "eval"])
def test_code_that_is_not_a_function_fits_nowhere(mode: str) -> None:
    """Module code has no fast locals: called as a function it would find no namespace to write to."""
    other = compile("1", "<test>", mode)
    assert list(misfits(code("def f()"), other)) != []
