"""The life of a bundle, as a table."""

import itertools

import pytest
from hotbuild_runtime.transition import TABLE, Event, State, advance

ROWS = [
    (State.LOADED, Event.BEGIN, State.PATCHING),
    (State.LOADED, Event.FAIL, State.FAILED),
    (State.PATCHING, Event.COMMIT, State.ENABLED),
    (State.PATCHING, Event.FAIL, State.FAILED),
    (State.ENABLED, Event.UNDO, State.UNPATCHING),
    (State.UNPATCHING, Event.COMMIT, State.DISABLED),
    (State.UNPATCHING, Event.FAIL, State.ENABLED),
]


@pytest.mark.parametrize(("state", "event", "then"), ROWS)
def test_each_row(state: State, event: Event, then: State) -> None:
    assert advance(state, event) is then


@pytest.mark.parametrize(("state", "event"), sorted(
    set(itertools.product(State, Event)) - {(s, e) for s, e, _ in ROWS}, key=str
))  # fmt: skip
def test_nothing_else_is_a_transition(state: State, event: Event) -> None:
    with pytest.raises(ValueError, match=f"is {state.value} cannot {event.value}"):
        advance(state, event)


def test_the_table_has_no_other_rows() -> None:
    assert {(s, e): t for s, e, t in ROWS} == TABLE


def test_ends_are_final() -> None:
    assert {s for s, _ in TABLE} == set(State) - {State.DISABLED, State.FAILED}
