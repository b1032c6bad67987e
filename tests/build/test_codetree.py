"""`CodeIndex`: which code object the interpreter made for which definition, by line and name."""

import textwrap

import pytest

from hotbuild.codetree import CodeIndex
from hotbuild.outline import outline
from hotbuild.source import SourceError

TEXT = textwrap.dedent(
    """\
    import functools
    @functools.lru_cache
    def decorated():
        def hidden(): pass
        return [x for x in (lambda: ())()]
    class Outer:
        k = [n for n in range(3)]
        def method(self):
            class Hidden:
                def no(self): pass
        class Inner:
            @property
            def size(self): return 1
            @size.setter
            def size(self, value): pass
    if functools:
        def guarded(): return 1
    else:
        def guarded(): return 2
    pick = lambda x: x
    """
)


def test_functions_by_place() -> None:
    assert list(CodeIndex.of(TEXT.encode(), "m.py", 0).functions) == [
        (2, "decorated"), (8, "method"), (12, "size"), (14, "size"), (17, "guarded"), (19, "guarded")
    ]  # fmt: skip


def test_classes_by_place() -> None:
    assert list(CodeIndex.of(TEXT.encode(), "m.py", 0).classes) == [(6, "Outer"), (11, "Inner")]


def test_it_covers_what_the_outline_covers() -> None:
    index = CodeIndex.of(TEXT.encode(), "m.py", 0)
    definitions = list(outline(TEXT.encode(), "m", "m.py", False).definitions())
    assert {(d.line, d.name) for d in definitions if not d.is_class} == set(index.functions)
    assert {(d.line, d.name) for d in definitions if d.is_class} == set(index.classes)


def test_equal_code_on_other_lines_has_equal_prints() -> None:
    one = CodeIndex.of(b"def f():\n    return [lambda: 1]\n", "m.py", 0)
    two = CodeIndex.of(b"\n\n# moved\ndef f():\n    return [lambda: 1]\n", "elsewhere.py", 0)
    assert list(one.prints.values()) == list(two.prints.values())


@pytest.mark.parametrize("body", ["return 2", "return 1.0", "return True", "x = 1; return 1", "return (lambda: 1)()"])
def test_other_code_has_other_prints(body: str) -> None:
    one = CodeIndex.of(b"def f(): return 1\n", "m.py", 0)
    two = CodeIndex.of(f"def f(): {body}\n".encode(), "m.py", 0)
    assert list(one.prints.values()) != list(two.prints.values())


def test_optimize_levels() -> None:
    text = b"def f():\n    'doc'\n    assert x\n    return __debug__\n"
    plain, no_asserts, no_docs = (CodeIndex.of(text, "m.py", level).functions[1, "f"] for level in (0, 1, 2))
    assert "x" in plain.co_names
    assert "x" not in no_asserts.co_names
    assert (no_asserts.co_consts[0], no_docs.co_consts[0]) == ("doc", None)


@pytest.mark.parametrize("level", [0, 1])
def test_branches_that_the_compiler_drops(level: int) -> None:
    """Some versions leave code objects of dead branches behind; no branch that can run may be missing."""
    text = b"if 0:\n    def never(): pass\nif __debug__:\n    def checked(): pass\ndef always(): pass\n"
    names = {name for _, name in CodeIndex.of(text, "m.py", level).functions}
    assert {"always"} | ({"checked"} if level == 0 else set()) <= names


@pytest.mark.parametrize("data", [b"return 1\n", b"x = 1\0\n", b"def f(a, a): pass\n", b"\xff = 1\n"])
def test_what_does_not_compile(data: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        CodeIndex.of(data, "m.py", 0)
    assert caught.value.code == "HB801"
