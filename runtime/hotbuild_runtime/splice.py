"""The commit section: every write that a load or unload makes to the live program, as one C call.

Owns: `Slot` (a place that can hold a value) and `splice`. This is the only file that writes `__code__`
(tests/test_layers.py greps for it).

Rules
1. One C call. A Python loop over N writes lets another thread run between two of them and see half a patch; a `deque`
   that drains a `starmap` of built-in functions does not give the GIL away.
2. Only C slots are called: `object.__setattr__`, `type.__setattr__`, `dict` methods. A class's or metaclass's own
   `__setattr__` would be Python code in the middle of the commit.
3. Whatever is replaced stays referenced until after the call: a destructor or weakref callback is Python code too.
4. The ledger changes in the same call, as its last write: an exception that arrives right after it (Ctrl-C) finds the
   books in step with the program.
5. The switch interval is raised around the call, for an audit hook that the host wrote in Python; and the GIL is
   given away right after, since a thread that began to wait meanwhile waits by the raised interval.

Tests: tests/runtime/test_splice.py, tests/live/test_tearing.py.
"""

import operator
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from itertools import starmap
from typing import Any, Final

MISSING: Final = object()
"""What a slot holds when the name is not bound."""

_HELD_INTERVAL = 5.0  # seconds; never waited for, see rule 5

Row = tuple[Any, ...]
"""A callable, then its arguments."""

_class_dict: Callable[[type], Any] = type.__dict__["__dict__"].__get__
"""A class's own namespace, without asking its metaclass."""


class Kind(Enum):
    CODE = "code of a function"
    DOC = "docstring of an object"
    ATTRIBUTE = "attribute of a class"
    ITEM = "item of a namespace"


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A place in the live program.

    Args:
        kind: what it is, and so how it is written.
        owner: the function, object, class or dictionary.
        name: attribute name or key; unused for CODE and DOC.
    """

    kind: Kind
    owner: Any
    name: str = ""

    @property
    def key(self) -> tuple[Kind, int, str]:
        """Identity of the place; valid as long as `owner` is referenced."""
        return self.kind, id(self.owner), self.name

    def read(self) -> Any:
        """Look at what it holds now; MISSING when nothing."""
        if self.kind is Kind.CODE:
            return self.owner.__code__
        if self.kind is Kind.DOC:
            return self.owner.__doc__
        if self.kind is Kind.ATTRIBUTE:
            return _class_dict(self.owner).get(self.name, MISSING)
        return self.owner.get(self.name, MISSING)

    def row(self, value: Any) -> Row:
        """Make the call that lets it hold `value`."""
        if self.kind is Kind.CODE:
            return object.__setattr__, self.owner, "__code__", value
        if self.kind is Kind.DOC:
            setter = type.__setattr__ if isinstance(self.owner, type) else object.__setattr__
            return setter, self.owner, "__doc__", value
        if self.kind is Kind.ATTRIBUTE:
            if value is MISSING:
                return type.__delattr__, self.owner, self.name
            return type.__setattr__, self.owner, self.name, value
        if value is MISSING:
            return dict.pop, self.owner, self.name, None
        return dict.__setitem__, self.owner, self.name, value


Change = tuple[Slot, Any]
"""A slot and the value that it is to hold."""


def splice(changes: Sequence[Change], record: Row) -> None:
    """Make all changes at once, and `record` last.

    Args:
        changes: no slot twice.
        record: the row that brings the ledger in step.

    Raises:
        BaseException: whatever a write raised; every write was taken back. Or an interrupt that arrived right after the
            call: then every write stands, and `record` with them.
    """
    done: list[bool] = []
    before = [(slot, slot.read()) for slot, _ in changes]
    rows = [slot.row(value) for slot, value in changes if value is not MISSING or slot.read() is not MISSING]
    rows += [record, (done.append, True)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_HELD_INTERVAL)
    try:
        deque(starmap(operator.call, rows), maxlen=0)
    except BaseException:
        if not done:
            restore(before)
        raise
    finally:
        sys.setswitchinterval(interval)
        time.sleep(0)


def restore(before: Sequence[Change]) -> None:
    """Put back what slots held, where they hold something else now; a slot that refuses does not stop the others."""
    for slot, value in before:
        with suppress(Exception):
            if slot.read() is not value:
                operator.call(*slot.row(value))
