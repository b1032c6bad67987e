"""The life of a bundle in a process, as one table.

    LOADED --begin--> PATCHING --commit--> ENABLED --undo--> UNPATCHING --commit--> DISABLED
                         |                                       |
                        fail --> FAILED                         fail --> ENABLED

Rules
1. An event that the table lacks raises and changes nothing.
2. Before `commit` nothing has been written: `fail` from PATCHING or UNPATCHING needs no repair.

Pure: no threads, no clock, no sys. Tests: tests/runtime/test_transition.py.
"""

from enum import Enum


class State(Enum):
    LOADED = "loaded"
    PATCHING = "patching"
    ENABLED = "enabled"
    UNPATCHING = "unpatching"
    DISABLED = "disabled"
    FAILED = "failed"


class Event(Enum):
    BEGIN = "begin"
    COMMIT = "commit"
    UNDO = "undo"
    FAIL = "fail"


TABLE: dict[tuple[State, Event], State] = {
    (State.LOADED, Event.BEGIN): State.PATCHING,
    (State.LOADED, Event.FAIL): State.FAILED,
    (State.PATCHING, Event.COMMIT): State.ENABLED,
    (State.PATCHING, Event.FAIL): State.FAILED,
    (State.ENABLED, Event.UNDO): State.UNPATCHING,
    (State.UNPATCHING, Event.COMMIT): State.DISABLED,
    (State.UNPATCHING, Event.FAIL): State.ENABLED,
}


def advance(state: State, event: Event) -> State:
    """Look up the state that follows.

    Raises:
        ValueError: the table has no such transition.
    """
    try:
        return TABLE[state, event]
    except KeyError:
        raise ValueError(f"a bundle that is {state.value} cannot {event.value}") from None
