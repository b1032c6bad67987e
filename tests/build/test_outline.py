"""What `outline` sees: statements with what they bind and read, definitions with their places, attributes of methods."""

import textwrap

import pytest

from hotbuild.model import Definition, Item, ItemKind, Outline
from hotbuild.outline import outline
from hotbuild.source import SourceError


def read(text: str, module: str = "pkg.mod", package: bool = False) -> Outline:
    return outline(textwrap.dedent(text).encode(), module, "pkg/mod.py", package)


def only(text: str) -> Item:
    (item,) = read(text).items
    return item


def definition(text: str) -> Definition:
    found = only(text).definition
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "kind", "names"),
    [
        ("x = 1", "assignment", ("x",)),
        ("x: int = 1", "assignment", ("x",)),
        ("x: int", "annotation", ("x",)),
        ("a = b = 1", "assignment", ("a", "b")),
        ("a, (b, [c]) = 1, (2, [3])", "assignment", ("a", "b", "c")),
        ("import os", "import", ("os",)),
        ("import os.path", "import", ("os",)),
        ("import os.path as p, sys", "import", ("p", "sys")),
        ("from os import path as p, sep", "import", ("p", "sep")),
        ("from os import *", "import", ()),
        ("def f(): pass", "function", ("f",)),
        ("async def f(): pass", "function", ("f",)),
        ("class C: pass", "class", ("C",)),
        ("x += 1", "statement", ("x",)),
        ("x.y = 1", "statement", ()),
        ("x[0] = 1", "statement", ()),
        ("a, *b = 1, 2", "statement", ("a", "b")),
        ("x = (y := 1)", "statement", ("x", "y")),
        ("del x", "statement", ("x",)),
        ("assert x", "statement", ()),
        ("print()", "statement", ()),
        ("raise x", "statement", ()),
        ("global x", "statement", ()),
        ("if x: y = 1", "compound statement", ("y",)),
        ("for a, b in x: pass", "compound statement", ("a", "b")),
        ("while x: y = 1", "compound statement", ("y",)),
        ("with x as (a, b): pass", "compound statement", ("a", "b")),
        ("try: pass\nexcept E as e: pass", "compound statement", ("e",)),
        ("try: pass\nexcept* E as e: pass", "compound statement", ("e",)),
        ("match x:\n    case {'k': k, **rest}: pass\n    case [a, *b]: pass\n    case Q() as q: pass",
         "compound statement", ("a", "b", "k", "q", "rest")),
    ],
)  # fmt: skip
def test_statements_and_what_they_bind(text: str, kind: str, names: tuple[str, ...]) -> None:
    item = only(text)
    assert (str(item.kind), item.names) == (kind, names)


@pytest.mark.parametrize("text", ["", "\n\n", "# comment", '"""doc"""', "pass", "...", "1", '"a" "b"', "if 0: pass\n"])
def test_what_runs_nothing_binds_nothing(text: str) -> None:
    assert [name for item in read(text).items for name in item.names] == []


def test_semicolons_make_several_statements() -> None:
    assert [item.names for item in read("a = 1; b = 2; import os\n").items] == [("a",), ("b",), ("os",)]


@pytest.mark.parametrize(
    "text", ["class C: a = 1; b = 2\n", "class C:\n    a = 1\n    b = 2\n", "class C:\n    a = 1; b = 2\n"]
)
def test_a_class_body_on_one_line_has_the_same_items(text: str) -> None:
    assert [(str(i.kind), i.names) for i in definition(text).items] == [("assignment", ("a",)), ("assignment", ("b",))]


@pytest.mark.parametrize("text", ["class C: pass\n", "class C:\n    pass\n", "class C: ...\n", "class C: 'doc'\n"])
def test_an_empty_class_body_has_no_items(text: str) -> None:
    assert definition(text).items == ()


@pytest.mark.parametrize(
    ("one", "two"),
    [("x = 'a'", 'x = "a"'), ("x = (1,\n  2)", "x = 1, 2"), ("f(a,  b)", "f(a, b)"), ("x = 0x10", "x = 16")],
)
def test_layout_is_no_difference(one: str, two: str) -> None:
    assert only(one).text == only(two).text


@pytest.mark.parametrize(("one", "two"), [("x = 1", "x = True"), ("x = 1", "x = 1.0"), ("x = 'a'", "x = b'a'")])
def test_another_value_is_one(one: str, two: str) -> None:
    assert only(one).text != only(two).text


def test_reads_and_calls_are_those_of_the_running_statement() -> None:
    item = only("x = a + f(b) + m.g(lambda c=d: hidden) + [e for e in h][0]")
    assert {"a", "b", "d", "f", "h", "m"} <= item.reads
    assert "hidden" not in item.reads
    assert item.called == {"f", "m.g"}


def test_a_definition_reads_its_header_only() -> None:
    item = only("@deco(a)\ndef f(x: b = c) -> d:\n    return hidden")
    assert {"a", "b", "c", "d", "deco"} <= item.reads
    assert "hidden" not in item.reads


@pytest.mark.parametrize(
    ("package", "text", "loads"),
    [
        (False, "from . import a", "pkg"), (False, "from .other import a", "pkg.other"), (True, "from . import a",
        "pkg.mod"),
        (True, "from .other import a", "pkg.mod.other"), (True, "from .. import a", "pkg"), (False,
        "from x.y import a", "x.y"),
    ],
)  # fmt: skip
def test_relative_imports(package: bool, text: str, loads: str) -> None:
    ((one,),) = (item.imports for item in read(text, package=package).items)
    assert (one.loads, one.bound) == (loads, "a")


def test_places() -> None:
    found = definition(
        """\
        @one
        @(
            two
        )
        def f(
            a,
        ):
            return 1

        """
    )
    assert (found.line, found.span.line, found.span.end) == (1, 1, 8)


def test_parameters() -> None:
    found = definition("def f(a, /, b: int = 1, *c, d, e=2, **g) -> str: pass")
    assert [(p.name, p.kind, p.default, p.annotation) for p in found.parameters] == [
        ("a", "/", None, None), ("b", "", "1", "int"), ("c", "*", None, None),
        ("d", "=", None, None), ("e", "=", "2", None), ("g", "**", None, None),
    ]  # fmt: skip
    assert found.returns == "str"


def test_class_headers() -> None:
    found = definition("@deco\nclass C(A, B[int], *more, metaclass=M, **options): pass")
    assert (found.decorators, found.bases, found.keywords) == (
        ("deco",), ("A", "B[int]", "*more"), ("metaclass=M", "**options")
    )  # fmt: skip


def test_ordinals_and_guards() -> None:
    found = read("def f(): pass\nif x:\n    def f(): pass\nelse:\n    class f: pass\n").definitions()
    assert [(d.target.ordinal, d.is_class, d.guarded) for d in found] == [
        (0, False, False), (1, False, True), (0, True, True)
    ]  # fmt: skip


def test_definitions_in_all_blocks_are_found() -> None:
    text = """
    if a:
        def f1(): pass
    elif b:
        def f2(): pass
    else:
        def f3(): pass
    try:
        def f4(): pass
    except E:
        def f5(): pass
    else:
        def f6(): pass
    finally:
        def f7(): pass
    for x in y:
        def f8(): pass
    else:
        def f9(): pass
    while a:
        with b:
            def f10(): pass
    match a:
        case 1:
            class C:
                if d:
                    def f11(self): pass
    try:
        pass
    except* E:
        def f12(): pass
    """
    names = [d.target.qualname for d in read(text).definitions() if not d.is_class]
    assert names == [*(f"f{n}" for n in range(1, 11)), "C.f11", "f12"]


def test_functions_in_functions_are_not_outlined() -> None:
    assert [d.name for d in read("def f():\n    def g(): pass\n    class C: pass\n").definitions()] == ["f"]


def test_attributes_of_methods() -> None:
    found = definition(
        "def f(me, other):\n    me.a = me.b\n    other.c = 1\n    me.d += 1\n    me.g()\n    super().h()\n"
        "    me.e: int = 2\n"
    )
    assert found.stores == {"a", "d", "e"}
    assert found.calls == {"g", "h"}
    assert {"b", "d", "g", "h"} <= found.loads


@pytest.mark.parametrize("text", ["me.x, y = 1, 2", "(me.x, [y]) = 1, [2]", "for me.x in y: pass",
"with y as me.x: pass",
                                  "[me.x] = y", "setattr(me, 'x', 1)", "me.__dict__['x'] = 1"])  # fmt: skip
def test_every_way_to_set_an_attribute(text: str) -> None:
    """HB305 rests on this; the last two cannot be seen by name, and `vars(self)` and the like are left to the reader."""
    found = definition(f"def __init__(me, y):\n    {text}\n")
    assert ("x" in found.stores) is (not text.startswith(("setattr", "me.__dict__")))


@pytest.mark.parametrize(
    ("text", "doc"), [("'a'", "a"), ("'a' 'b'", "ab"), ("b'a'", None), ("f'a'", None), ("x\n'a'", None)]
)
def test_docstrings(text: str, doc: str | None) -> None:
    assert read(text).doc == doc


@pytest.mark.parametrize("text", ["def f(:\n", "x = \n", "  x = 1\n", "x = 1 +* 2\n"])
def test_a_syntax_error_has_its_place(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        outline(text.encode(), "m", "m.py", False)
    assert (caught.value.code, caught.value.path) == ("HB801", "m.py")


@pytest.mark.parametrize("data", [b"x = 1", b"\xef\xbb\xbfx = 1\n", b"x = 1\r\n", b"x = 1\r",
b"# coding: latin-1\nx = 1 # \xe9\n",
                                  b"\x0cx = 1\n", b"if 1:\n\tx = 1\n", b"x = \\\n  1\n"])  # fmt: skip
def test_encodings_and_newlines(data: bytes) -> None:
    assert [item.names for item in outline(data, "m", "m.py", False).items] == [("x",)]


def test_names_are_those_of_the_interpreter() -> None:
    """Python normalises identifiers (NFKC), so the outline must, or nothing finds its code object."""
    assert definition("def ﬁx(): pass").name == "fix"
    assert definition("class Ａ:\n    def ﬂy(self, ℌ): pass").items[0].names == ("fly",)
    assert read("import os as ﬁ\nℌ = 1\n").items[0].imports[0].bound == "fi"


def test_kinds_are_all_used() -> None:
    texts = ["x = 1", "x: int", "import os", "def f(): pass", "class C: pass", "if x: pass", "f()"]
    assert {only(text).kind for text in texts} == set(ItemKind)
