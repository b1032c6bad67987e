"""The fingerprint of a code object: what it must not depend on, and what it must tell apart."""

import marshal
import subprocess
import sys
import types
from pathlib import Path

import hotbuild_runtime.fingerprint
import pytest
from hotbuild_runtime.fingerprint import fingerprint

SOURCE = '''
def shape(a, /, b, *, c=1, **rest):
    """Say it."""
    try:
        held = [lambda: (a, i) for i in range(b)]
    except ValueError as error:
        raise KeyError(a in {"x", "y", "z", 4.5}) from error
    return held, -0.0, 1, True, ("t", (None, ...)), b"\\xff", "ä\\ud800🐍", 1j
'''


def code_of(source: str = SOURCE, filename: str = "<test>", name: str = "shape") -> types.CodeType:
    module = compile(source, filename, "exec")
    return next(c for c in module.co_consts if isinstance(c, types.CodeType) and c.co_name == name)


def test_it_is_stable_over_lines_and_file_names() -> None:
    moved = code_of("# a remark\n\n\n" + SOURCE.replace("try:", "try:  # why\n"), "/elsewhere/shop.py")
    assert fingerprint(moved) == fingerprint(code_of())


def test_it_is_stable_over_marshal_round_trips() -> None:
    code = code_of()
    for version in (2, 4):
        assert fingerprint(marshal.loads(marshal.dumps(code, version))) == fingerprint(code)


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_it_is_stable_over_hash_seeds_and_processes(seed: str) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_fingerprint import code_of, fingerprint; print(fingerprint(code_of()).hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={"PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.stdout.strip() == fingerprint(code_of()).hex()


def test_it_is_stable_while_the_function_is_hot_and_traced() -> None:
    space: dict[str, types.FunctionType] = {}
    exec("def hot(n):\n    total = 0\n    for i in range(n):\n        total += i * n\n    return total\n", space)  # type: ignore[arg-type]
    cold = fingerprint(space["hot"].__code__)
    for _ in range(5_000):
        space["hot"](10)
    assert fingerprint(space["hot"].__code__) == cold
    seen: list[bytes] = []

    def tracer(frame: types.FrameType, event: str, argument: object) -> object:
        if frame.f_code is space["hot"].__code__:
            seen.append(fingerprint(frame.f_code))
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        space["hot"](3)
    finally:
        sys.settrace(before)
    assert seen
    assert set(seen) == {cold}


def inner(code: types.CodeType) -> types.CodeType:
    return code.replace(
        co_consts=tuple(c.replace(co_name="other") if isinstance(c, types.CodeType) else c for c in code.co_consts)
    )


OTHER = {
    "co_name": lambda c: c.replace(co_name="other"),
    "co_qualname": lambda c: c.replace(co_qualname="Class.shape"),
    "co_posonlyargcount": lambda c: c.replace(co_posonlyargcount=0),
    "co_kwonlyargcount": lambda c: c.replace(co_argcount=3, co_kwonlyargcount=0),
    "co_flags": lambda c: c.replace(co_flags=c.co_flags ^ 0x1000000),
    "co_names": lambda c: c.replace(co_names=(*c.co_names, "more")),
    "co_varnames": lambda c: c.replace(co_varnames=tuple(f"{n}_" for n in c.co_varnames)),
    "co_cellvars": lambda c: c.replace(co_cellvars=tuple(f"{n}_" for n in c.co_cellvars)),
    "co_code": lambda c: c.replace(co_code=c.co_code + c.co_code[-2:]),
    "co_exceptiontable": lambda c: c.replace(co_exceptiontable=b""),
    "co_consts": lambda c: c.replace(co_consts=(*c.co_consts, "more")),
    "nested code": inner,
}


@pytest.mark.parametrize("field", OTHER)
def test_it_differs_on_each_named_field(field: str) -> None:
    code = code_of()
    assert fingerprint(OTHER[field](code)) != fingerprint(code)


def test_it_differs_on_the_names_of_free_variables() -> None:
    source = "def maker():\n    {0} = 1\n    def shape():\n        return {0}\n    return shape\n"
    one, two = (
        next(c for c in code_of(source.format(n), name="maker").co_consts if isinstance(c, types.CodeType))
        for n in "ab"
    )
    assert fingerprint(one) != fingerprint(two)


CONSTANTS = [
    "1", "True", "1.0", "'1'", "b'1'", "-0.0", "0.0", "0", "None", "...", "1j", "complex(-0.0, 1)", "(1,)", "((1,),)",
    "(1, 1)", "(1.0,)", "(True,)", "('1',)", "()", "'(1,)'", "'None'", "'\\n'", "'\\\\n'", "''", "1e400", "-1e400",
]  # fmt: skip


def test_constants_are_told_apart_by_type() -> None:
    base = code_of()
    prints = {text: fingerprint(base.replace(co_consts=(eval(text),))) for text in CONSTANTS}
    assert len(set(prints.values())) == len(CONSTANTS)


def test_sets_of_constants_are_told_apart() -> None:
    base = code_of()
    values = [frozenset(), frozenset({1}), frozenset({"1"}), frozenset({1, 2}), (1, 2), frozenset({(1, 2)}), frozenset({"1, 2"}),
              frozenset({True}), frozenset({1.0}), frozenset({frozenset()})]  # fmt: skip
    assert len({fingerprint(base.replace(co_consts=(v,))) for v in values}) == len(values)


def test_the_order_of_constants_counts() -> None:
    base = code_of()
    assert fingerprint(base.replace(co_consts=(1, 2))) != fingerprint(base.replace(co_consts=(2, 1)))


def test_it_runs_alone() -> None:
    """Other interpreters run this one file, so it imports nothing of ours."""
    path = hotbuild_runtime.fingerprint.__file__
    program = f"exec(open({path!r}).read()); print(fingerprint(fingerprint.__code__).hex())"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert len(done.stdout.strip()) == 64


def local_class(body: str) -> types.CodeType:
    return code_of(
        f"def shape():\n    class Local:\n        def __init__(self):\n            {body}\n    return Local\n"
    )


def test_a_function_that_holds_a_class_is_stable_over_lines() -> None:
    """3.13 writes a class's first line into its body's constants."""
    source = "def shape():\n    class Local:\n        pass\n    return Local\n"
    assert fingerprint(code_of(source)) == fingerprint(code_of("# moved\n" + source))


def test_a_function_that_holds_a_class_is_stable_over_hash_seeds() -> None:
    """3.13.0 writes the attributes that a class's methods set into its body's constants, in the order of a set."""
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_fingerprint import local_class, fingerprint\n"
        "print(fingerprint(local_class('self.one = self.two = self.three = self.four = 1')).hex())"
    )
    prints = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"},
        ).stdout
        for seed in range(4)
    }  # fmt: skip
    assert len(prints) == 1
