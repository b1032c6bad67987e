"""The named facts, tried on the interpreter that runs."""

import inspect
import subprocess
import sys
import types

import pytest
from hotbuild_runtime import behavior


def test_this_interpreter_is_supported() -> None:
    assert behavior.why_unsupported() == ""


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("SUPPORTED", ((3, 10),), "known: 3.10"), ("FREE_THREADED", True, "free-threaded")],
)
def test_an_interpreter_that_is_not_supported_is_named(
    name: str, value: object, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behavior, name, value)
    assert words in behavior.why_unsupported()
    assert ".".join(map(str, sys.version_info[:3])) in behavior.why_unsupported()


def test_bookkeeping_is_all_that_an_empty_class_body_binds() -> None:
    class Empty:
        pass

    bound = set(vars(Empty)) - {"__dict__", "__weakref__"}
    assert bound <= behavior.CLASS_BOOKKEEPING


@pytest.mark.parametrize("flag", ["", "-O", "-OO"])
def test_the_tag_names_version_and_level(flag: str) -> None:
    program = "from hotbuild_runtime.behavior import python_tag; print(python_tag())"
    arguments = [sys.executable, *([flag] if flag else []), "-c", program]
    shown = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip()
    assert shown == behavior.python_tag(flag.count("O"))
    assert shown.startswith(f"{sys.implementation.cache_tag}-O")


DOCS = [
    '"text"',
    "'''text\n    more'''",
    "pass",
    "return 'text'",
    "'' ",
    "b'x'",
    "f'{1}'",
    "1",
    "'a' 'b'",
    "x = 'text'",
    "yield 'text'",
]


@pytest.mark.parametrize("optimize", [0, 1, 2])
@pytest.mark.parametrize("first", DOCS)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_the_docstring_is_read_from_the_code(first: str, kind: str, optimize: int) -> None:
    space: dict[str, types.FunctionType] = {}
    code = compile(f"{kind} f(x=0):\n    {first}\n", "<test>", "exec", optimize=optimize)
    exec(code, space)  # type: ignore[arg-type]
    assert behavior.docstring(space["f"].__code__) == space["f"].__doc__


def test_assigning_code_keeps_the_function() -> None:
    """The fact that everything rests on: aliases, bound methods and defaults see the new code."""

    class Shop:
        def total(self, x: int = 1) -> int:
            return x

    bound, alias = Shop().total, Shop.total
    donor: dict[str, types.FunctionType] = {}
    exec("def total(self, x=9):\n    return x + 100\n", donor)  # type: ignore[arg-type]
    alias.__code__ = donor["total"].__code__
    assert (bound(), alias(None, 5), Shop().total()) == (101, 105, 101)


def test_code_objects_take_weak_references() -> None:
    import weakref

    assert weakref.ref(inspect.currentframe().f_code)() is not None  # type: ignore[union-attr]
