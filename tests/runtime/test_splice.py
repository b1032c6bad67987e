"""The commit: one call, C slots only, all or nothing, and the record in step with the program."""

import _thread
import functools
import gc
import re
import subprocess
import sys
import textwrap
import types
import weakref
from pathlib import Path
from typing import Any, ClassVar

import hotbuild_runtime
import pytest
from forge import function
from hotbuild_runtime.splice import MISSING, Kind, Slot, restore, splice


class Bomb:
    """A slot that cannot be written."""

    def read(self) -> object:
        return MISSING

    def row(self, value: object) -> tuple[Any, ...]:
        return int, "not a number"


class Interrupt:
    """A slot whose write is a Ctrl-C: the exception arrives when the C call is over."""

    def read(self) -> object:
        return MISSING

    def row(self, value: object) -> tuple[Any, ...]:
        return (_thread.interrupt_main,)


class Guarded(type):
    """A metaclass that forbids what a program may forbid; the commit must not ask it."""

    log: ClassVar[list[str]] = []

    def __setattr__(cls, name: str, value: object) -> None:
        cls.log.append(f"set {name}")
        raise AttributeError("frozen")

    def __delattr__(cls, name: str) -> None:
        cls.log.append(f"del {name}")
        raise AttributeError("frozen")

    def __getattribute__(cls, name: str) -> object:
        if name == "log":
            return type.__getattribute__(cls, name)
        Guarded.log.append(f"get {name}")
        return type.__getattribute__(cls, name)


class Scene:
    """One of everything that a splice can write."""

    def __init__(self) -> None:
        def f() -> str:
            "was"
            return "old"

        self.f = f
        self.space: dict[str, object] = {"kept": 1, "gone": 2}
        self.cls = type("C", (), {"a": 1, "b": 2})
        self.books: dict[str, object] = {}
        self.new = function("def f():\n    'is'\n    return 'new'\n", "f")
        self.changes: list[tuple[Any, object]] = [
            (Slot(Kind.CODE, f), self.new),
            (Slot(Kind.DOC, f), "is"),
            (Slot(Kind.ITEM, self.space, "fresh"), 3),
            (Slot(Kind.ITEM, self.space, "kept"), 10),
            (Slot(Kind.ITEM, self.space, "gone"), MISSING),
            (Slot(Kind.ITEM, self.space, "never there"), MISSING),
            (Slot(Kind.ATTRIBUTE, self.cls, "a"), 11),
            (Slot(Kind.ATTRIBUTE, self.cls, "b"), MISSING),
            (Slot(Kind.ATTRIBUTE, self.cls, "c"), 13),
        ]
        self.record = dict.__setitem__, self.books, "now", "after"

    def state(self) -> list[object]:
        attributes = {k: v for k, v in vars(self.cls).items() if not k.startswith("__")}
        return [self.f(), self.f.__doc__, dict(self.space), attributes]


OLD_STATE = ["old", "was", {"kept": 1, "gone": 2}, {"a": 1, "b": 2}]
NEW_STATE = ["new", "is", {"kept": 10, "fresh": 3}, {"a": 11, "c": 13}]


def test_all_kinds_of_slots_are_written() -> None:
    scene = Scene()
    assert scene.state() == OLD_STATE
    splice(scene.changes, scene.record)
    assert scene.state() == NEW_STATE
    assert scene.books == {"now": "after"}


@pytest.mark.parametrize("place", range(10))
def test_an_exception_in_the_commit_undoes_it(place: int) -> None:
    scene = Scene()
    scene.changes.insert(place, (Bomb(), 0))
    code = scene.f.__code__
    with pytest.raises(ValueError, match="not a number"):
        splice(scene.changes, scene.record)
    assert scene.state() == OLD_STATE
    assert scene.f.__code__ is code
    assert scene.books == {}


def test_a_record_that_fails_undoes_the_commit() -> None:
    scene = Scene()
    with pytest.raises(ValueError, match="not a number"):
        splice(scene.changes, (int, "not a number"))
    assert scene.state() == OLD_STATE


@pytest.mark.parametrize("place", range(10))
def test_after_a_ctrl_c_the_record_is_in_step_with_the_program(place: int) -> None:
    """The C call cannot be interrupted, so the exception arrives right after it: both done, or neither."""
    scene = Scene()
    scene.changes.insert(place, (Interrupt(), 0))
    with pytest.raises(KeyboardInterrupt):
        splice(scene.changes, scene.record)
    assert (scene.state(), scene.books) in [(OLD_STATE, {}), (NEW_STATE, {"now": "after"})]


def test_what_refuses_to_be_restored_does_not_stop_the_others() -> None:
    scene = Scene()
    before = [(slot, slot.read()) for slot, _ in scene.changes]
    splice(scene.changes, scene.record)

    class Stubborn(Bomb):
        def read(self) -> object:
            return "something else"

    restore([(Stubborn(), "x"), *before])
    assert scene.state() == OLD_STATE


def test_metaclasses_are_not_asked() -> None:
    cls = Guarded("C", (), {"a": 1, "b": 2, "__doc__": "was"})
    Guarded.log.clear()
    changes: list[tuple[Slot, object]] = [
        (Slot(Kind.ATTRIBUTE, cls, "a"), 5), (Slot(Kind.ATTRIBUTE, cls, "b"), MISSING),
        (Slot(Kind.ATTRIBUTE, cls, "c"), 6), (Slot(Kind.DOC, cls), "is"),
    ]  # fmt: skip
    splice(changes, (dict.__setitem__, {}, "now", 1))
    asked = [entry for entry in Guarded.log if entry != "get __doc__"]
    assert asked == []
    assert (cls.a, cls.c, cls.__doc__, hasattr(cls, "b")) == (5, 6, "is", False)  # type: ignore[attr-defined]


def test_no_weakref_callback_and_no_destructor_runs_inside() -> None:
    """Both are Python code: they would let another thread in, half-way."""
    seen: list[object] = []

    class Value:
        def __del__(self) -> None:
            seen.append(("del", dict(space)))

    space: dict[str, object] = {"a": Value(), "b": 1}

    def f() -> None: ...

    donor = function("def f():\n    return 1\n", "f")
    f.__code__ = donor.replace()
    watch = weakref.ref(f.__code__, lambda _: seen.append(("code", dict(space))))
    changes: list[tuple[Slot, object]] = [
        (Slot(Kind.ITEM, space, "a"), 2), (Slot(Kind.CODE, f), donor), (Slot(Kind.ITEM, space, "b"), 3),
    ]  # fmt: skip
    splice(changes, (dict.__setitem__, space, "record", True))
    gc.collect()
    assert watch() is None
    assert [what for what, _ in seen] != []
    assert all(state == {"a": 2, "b": 3, "record": True} for _, state in seen), seen


@pytest.mark.parametrize("make", [property, staticmethod, classmethod, functools.cached_property, functools.lru_cache])
def test_docstrings_of_wrappers(make: Any) -> None:
    def f(self: object = None) -> None:
        "was"

    carrier = make(f)
    slot = Slot(Kind.DOC, carrier)
    assert slot.read() == "was"
    splice([(slot, "is")], (dict.__setitem__, {}, "now", 1))
    assert carrier.__doc__ == "is"
    splice([(slot, None)], (dict.__setitem__, {}, "now", 1))
    assert carrier.__doc__ is None


def test_the_switch_interval_is_what_it_was() -> None:
    before = sys.getswitchinterval()
    splice([], (dict.__setitem__, {}, "now", 1))
    with pytest.raises(ValueError, match="not a number"):
        splice([(Bomb(), 0)], (dict.__setitem__, {}, "now", 1))  # type: ignore[list-item]
    assert sys.getswitchinterval() == before


AUDITED = """
    import sys
    from hotbuild_runtime.splice import Kind, Slot, splice

    def f(): return 1
    def g(): return 1
    def new(): return 2

    old = f.__code__, g.__code__
    def hook(event, arguments):
        if event == "object.__setattr__" and arguments[0] is g:
            raise PermissionError("no")
    sys.addaudithook(hook)
    books = {}
    try:
        splice([(Slot(Kind.CODE, f), new.__code__), (Slot(Kind.CODE, g), new.__code__)], (books.update, {"x": 1}))
    except PermissionError:
        print(f.__code__ is old[0], g.__code__ is old[1], books)
"""


def test_an_audit_hook_that_forbids_a_write() -> None:
    """Audit hooks cannot be removed, so this is a process of its own."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(AUDITED)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "{}"], done.stderr


def test_only_this_file_writes_code() -> None:
    folder = Path(hotbuild_runtime.__file__).parent
    writers = [
        p.name for p in folder.rglob("*.py") if re.search(r"\.__code__\s*=[^=]|setattr.*[\"']__code__", p.read_text())
    ]
    assert writers == ["splice.py"]


def test_code_slots_hold_functions_by_identity() -> None:
    def f() -> None: ...

    def g() -> None: ...

    assert Slot(Kind.CODE, f).key == Slot(Kind.CODE, f).key
    assert Slot(Kind.CODE, f).key != Slot(Kind.CODE, g).key
    assert isinstance(Slot(Kind.CODE, f).read(), types.CodeType)
