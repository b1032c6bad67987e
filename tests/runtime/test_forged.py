"""Bundles with wrong code, as another tool might write them: what the build refuses, the loader refuses again."""

import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hotbuild_runtime
import pytest
from forge import PYTHON, TAG, class_body, forge, function, reforge, statement
from harness import state_of
from hotbuild_runtime import behavior
from hotbuild_runtime.errors import HotbuildError
from hotbuild_runtime.manifest import Addition, Kept, PythonTarget, Target

Process = Callable[..., tuple[object, dict[str, types.ModuleType]]]


@pytest.fixture
def codes(process: Process, tmp_path: Path) -> Callable[[str, bytes], list[str]]:
    """Run a source, load a bundle that must be refused, prove that nothing changed, and list the codes."""

    def attempt(source: str, data: bytes) -> list[str]:
        _, modules = process(source, source)
        before = state_of(modules)
        file = tmp_path / "forged.hpb"
        file.write_bytes(data)
        with pytest.raises(HotbuildError) as caught:
            hotbuild_runtime.load(file)
        assert state_of(modules) == before
        try:
            hotbuild_runtime.check(file)  # finds the same, but for what only running a statement shows
        except HotbuildError as error:
            assert error.problems == caught.value.problems
        else:
            assert {p.code for p in caught.value.problems} <= {"HB404", "HB307"}
        return sorted({p.code for p in caught.value.problems})

    return attempt


Codes = Callable[[str, bytes], list[str]]

SHAPES = [
    ("HB101", "def f(a): return a", "def f(a, b=1): return b"),
    ("HB101", "def f(a): return a", "def f(a, *b): return b"),
    ("HB101", "def f(a): return a", "def f(a, **b): return b"),
    ("HB101", "def f(): return 1", "def f(a): return a"),
    ("HB102", "def f(a, b): return a", "def f(a): return a"),
    ("HB102", "def f(a, *b): return a", "def f(a): return a"),
    ("HB103", "def f(a, b): return a", "def f(a, c): return a"),
    ("HB103", "def f(*a): return a", "def f(*b): return b"),
    ("HB104", "def f(a, b): return a", "def f(b, a): return a"),
    ("HB104", "def f(a, b): return a", "def f(a, /, b): return a"),
    ("HB104", "def f(a, b): return a", "def f(a, *, b): return a"),
    ("HB104", "def f(a, b): return a", "def f(a, *b): return a"),
    ("HB104", "def f(a, *b): return a", "def f(a, **b): return a"),
    ("HB106", "def f(a): return a", "def f(a): yield a"),
    ("HB106", "def f(a): yield a", "def f(a): return a"),
    ("HB106", "def f(a): return a", "async def f(a): return a"),
    ("HB106", "async def f(a): return a", "async def f(a): yield a"),
    ("HB106", "def f(a): yield a", "async def f(a): yield a"),
]


@pytest.mark.parametrize(("code", "old", "new"), SHAPES)
def test_signature_and_kind(codes: Codes, code: str, old: str, new: str) -> None:
    assert codes(old, forge(old, new, ["f"])) == [code]


CLASS = "class Base:\n    def f(self): return 1\nclass C(Base):\n    def f(self): return 2\n    def g(self): return super().f()\n"


def test_class_cell_added(codes: Codes) -> None:
    new = CLASS.replace("return 2", "return super().f()")
    assert codes(CLASS, forge(CLASS, new, ["C.f"])) == ["HB202"]


@pytest.mark.parametrize(
    "freevars",
    [(), ("other",), ("__class__", "other"), ("other", "__class__")],
    ids=lambda names: " ".join(names) or "none",
)
def test_captures_changed(codes: Codes, freevars: tuple[str, ...]) -> None:
    """The number of free variables may be right and the names wrong: CPython would wire the wrong cells."""
    data = forge(CLASS, CLASS, ["C.g"])
    wrong = function(CLASS, "C.g").replace(co_freevars=freevars)
    assert codes(CLASS, with_code(data, wrong)) == ["HB201"]


def with_code(data: bytes, code: types.CodeType, honest: bool = True) -> bytes:
    """Put other code in the place of the only replacement."""
    from hotbuild_runtime.fingerprint import fingerprint

    def edit(manifest):  # type: ignore[no-untyped-def]
        (one,) = manifest.replacements
        prints = {TAG: fingerprint(code).hex()}
        return replace(manifest, replacements=(replace(one, provides=prints, compiled=prints),))

    return reforge(data, edit if honest else lambda m: m, lambda p: replace(p, replacements=((code, None, None),)))


F, G = "def f(a):\n    return a\n", "def f(a):\n    return -a\n"


def test_code_that_is_not_what_the_manifest_says(codes: Codes) -> None:
    data = forge(F, G, ["f"])
    assert codes(F, with_code(data, function("def f(a):\n    return 'evil'\n", "f"), honest=False)) == ["HB609"]


def test_code_of_another_function(codes: Codes) -> None:
    assert codes(F, with_code(forge(F, G, ["f"]), function("def g(a):\n    return a\n", "g"))) == ["HB609"]


def test_module_code_in_the_place_of_a_function(codes: Codes) -> None:
    code = statement("x = 1").replace(co_qualname="f", co_name="f", co_varnames=("a",), co_argcount=1, co_nlocals=1)
    assert codes(F, with_code(forge(F, G, ["f"]), code)) != []


@pytest.mark.parametrize(
    ("count", "what"), [(0, "fewer"), (2, "more")], ids=["fewer codes", "more codes"]
)  # fmt: skip
def test_payload_and_manifest_of_other_lengths(codes: Codes, count: int, what: str) -> None:
    data = reforge(forge(F, G, ["f"]), recode=lambda p: replace(p, replacements=p.replacements * count))
    assert codes(F, data) == ["HB609"]


# -- insertions


def adding(name: str, source: str, owner: str = "C", **more: object) -> bytes:
    body = f"class {owner}:\n    " + source.replace("\n", "\n    ") + "\n"
    code = class_body(body, owner) if owner else statement(source)
    addition = Addition("shop", owner, (name,), 1, **more)  # type: ignore[arg-type]
    return forge(CLASS, CLASS, additions=[(addition, code)])


def test_slots_inserted(codes: Codes) -> None:
    assert codes(CLASS, adding("__slots__", "__slots__ = ('a',)")) == ["HB303"]


@pytest.mark.parametrize("name", ["__eq__", "__hash__", "__del__", "__getattr__", "__set_name__", "__class_getitem__", "__len__",
                                  "__init_subclass__", "__setattr__", "__init__"])  # fmt: skip
def test_special_methods_inserted(codes: Codes, name: str) -> None:
    assert "HB307" in codes(CLASS, adding(name, f"def {name}(self, *rest): return 1"))


def test_a_descriptor_that_wants_to_know_its_class(codes: Codes) -> None:
    source = "class D:\n    def __set_name__(self, owner, name): owner.marked = True\nclass C:\n    pass\n"
    addition = Addition("shop", "C", ("x",), 1)
    data = forge(source, source, additions=[(addition, class_body("class C:\n    x = D()\n", "C"))])
    assert codes(source, data) == ["HB307"]


@pytest.mark.parametrize(
    ("owner", "name"), [("", "C"), ("", "__name__"), ("", "__file__"), ("C", "g"), ("C", "__module__")]
)
def test_names_that_exist(codes: Codes, owner: str, name: str) -> None:
    assert "HB403" in codes(CLASS, adding(name, f"{name} = 1", owner))


@pytest.mark.parametrize(
    "source",
    ["import no_such_module as x", "from math import no_such_name as x", "x = 1 / 0", "x = missing", "raise ValueError",
     "raise SystemExit(3)", "x = exit_now()", "y = 1", "assert False", "import no_such_package.module as x"],
)  # fmt: skip
@pytest.mark.parametrize("deferred", [False, True])
def test_insertions_that_cannot_be_executed(codes: Codes, source: str, deferred: bool) -> None:
    """`y = 1` is listed as a statement that binds `x`: what it does bind must not stay behind either."""
    assert codes(CLASS, adding("x", source, "", deferred=deferred)) == ["HB404"]


def test_an_import_that_the_process_cannot_find_is_seen_by_check(codes: Codes) -> None:
    assert codes(CLASS, adding("x", "import no_such_module as x", "", imports=("no_such_module",))) == ["HB404"]


def test_an_insertion_without_names(codes: Codes) -> None:
    """A statement that binds nothing has nothing to be called by."""
    addition = Addition("shop", "", (), 1)
    assert codes(CLASS, forge(CLASS, CLASS, additions=[(addition, statement("1 / 0"))])) == ["HB404"]


def test_an_insertion_into_a_class_that_is_not_there(codes: Codes) -> None:
    assert codes(CLASS, adding("x", "x = 1", "Missing")) == ["HB502"]


def test_one_bad_insertion_takes_the_good_ones_back(codes: Codes) -> None:
    good = Addition("shop", "", ("good",), 1), statement("good = 1")
    bad = Addition("shop", "", ("bad",), 2), statement("bad = 1 / 0")
    assert codes(CLASS, forge(CLASS, CLASS, additions=[good, bad])) == ["HB404"]


def test_an_insertion_that_stands_twice(codes: Codes) -> None:
    """The second would find the name there, or write one slot twice."""
    one = Addition("shop", "", ("x",), 1), statement("x = 1")
    assert codes(CLASS, forge(CLASS, CLASS, additions=[one, one])) != []


def test_a_removal_that_would_uncover_an_inherited_method(codes: Codes) -> None:
    data = forge(CLASS, CLASS, ["C.g"], edit=lambda m: replace(m, kept=(Kept("shop", "C", "f"),)))
    assert codes(CLASS, data) == ["HB306"]


# -- targets


def test_a_module_that_is_not_imported(codes: Codes) -> None:
    assert codes(F, forge(F, G, ["f"], module="never_imported")) == ["HB502"]


def test_a_function_that_is_not_there(codes: Codes) -> None:
    more = F + "def g(): return 1\n"
    assert codes(F, forge(more, more.replace("return 1", "return 2"), ["g"])) == ["HB502"]


@pytest.mark.parametrize("line", ["g = len", "g = abs", "import operator\ng = operator.attrgetter('x')", "g = 3"])
def test_a_target_that_is_not_a_python_function(codes: Codes, line: str) -> None:
    more = F + "def g(): return 1\n"
    assert codes(F + line + "\n", forge(more, more.replace("return 1", "return 2"), ["g"])) == ["HB501"]


def test_another_release_runs(codes: Codes) -> None:
    assert codes("def f(a):\n    return a + 1\n", forge(F, G, ["f"])) == ["HB504"]


def test_a_copy_runs_in_another_namespace(codes: Codes) -> None:
    source = F + "import types\ncopy = types.FunctionType(f.__code__, {'__name__': 'elsewhere'})\n"
    assert codes(source, forge(source, source.replace("return a", "return -a"), ["f"])) == ["HB503"]


# -- the interpreter: refused before any code is unmarshalled


def for_python(**changes: object) -> bytes:
    """A bundle whose code would not unmarshal, for another Python."""
    target = replace(PYTHON, **changes)  # type: ignore[type-var]

    def edit(manifest):  # type: ignore[no-untyped-def]
        (module,) = manifest.modules
        (one,) = manifest.replacements
        prints = {target.tag: "0" * 64}
        module = replace(module, definitions={target.tag: module.definitions[TAG]})
        one = replace(one, expects=prints, provides=prints, compiled=prints)
        return replace(manifest, python=(target,), modules=(module,), replacements=(one,))

    from hotbuild_runtime.bundle import pack, read

    box = read(forge(F, G, ["f"]))
    return pack(edit(box.manifest), {"source/shop.py": box.members["source/shop.py"], target.member: b"\xff crash me"})


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("HB601", {"tag": "cpython-310-O0", "magic": "6f0d0d0a"}),
        ("HB601", {"magic": "00000000"}),
        ("HB601", {"tag": "pypy310-7-O0"}),
        ("HB602", {"tag": f"{TAG[:-1]}{(PYTHON.optimize + 1) % 3}", "optimize": (PYTHON.optimize + 1) % 3}),
        ("HB602", {"optimize": (PYTHON.optimize + 1) % 3}),
    ],
)
def test_code_for_another_python(codes: Codes, code: str, changes: dict[str, object]) -> None:
    assert codes(F, for_python(**changes)) == [code]


def test_an_interpreter_that_is_not_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "forged.hpb").write_bytes(for_python())
    monkeypatch.setattr(behavior, "SUPPORTED", ((2, 7),))
    for operation in (hotbuild_runtime.load, hotbuild_runtime.check):
        with pytest.raises(HotbuildError, match=r"HB506.*known: 2\.7"):
            operation(tmp_path / "forged.hpb")


def test_every_problem_is_reported(codes: Codes) -> None:
    old = "def f(a): return a\ndef g(): return 1\ndef h(): return 1\n"
    new = "def f(a, b): return a\ndef g(): yield 1\ndef h(): return 2\n"
    data = forge(old, new, ["f", "g", "h"], additions=[(Addition("shop", "", ("f",), 1), statement("f = 1"))])
    assert codes(old.replace("def h(): return 1", "def h(): return 9"), data) == ["HB101", "HB106", "HB403", "HB504"]


def test_names_that_only_prefix_a_target_stay_apart() -> None:
    assert str(Target("shop", "Cart.total", 1)) == "shop:Cart.total#1"
    assert PythonTarget("cpython-311-O0", "3.11", "00", 0).member == "code/cpython-311-O0.marshal"
