"""The loader's refusals: one record per code, and exceptions that carry all that is wrong."""

import re

import pytest
from hotbuild_runtime.errors import (
    REASONS,
    BundleError,
    BusyError,
    HotbuildError,
    MismatchError,
    Problem,
    StateError,
    refusal,
    refuse,
)


@pytest.mark.parametrize("code", REASONS)
def test_each_record_is_whole(code: str) -> None:
    reason = REASONS[code]
    assert reason.code == code
    assert re.fullmatch(r"HB[1-8]\d\d", code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason.slug)
    assert reason.title
    assert reason.remedy
    assert not reason.title.endswith(".")


def test_slugs_are_unique() -> None:
    slugs = [r.slug for r in REASONS.values()]
    assert len(set(slugs)) == len(slugs)


@pytest.mark.parametrize("code", REASONS)
def test_the_type_says_whose_problem_it_is(code: str) -> None:
    error = refuse(code, "something", "shop:total")
    expected = {"HB6": BundleError, "HB7": StateError}.get(code[:3], MismatchError)
    assert isinstance(error, expected)
    assert isinstance(error, HotbuildError)
    assert isinstance(error, BusyError) is (code == "HB701")
    assert (error.code, error.remedy) == (code, REASONS[code].remedy)
    assert code in str(error)
    assert "shop:total" in str(error)


def test_all_problems_are_carried_and_the_first_gives_code_and_remedy() -> None:
    problems = [Problem("HB504", "one", "a:b", "do this"), Problem("HB101", "two")]
    error = refusal(problems)
    assert (error.code, error.remedy, error.problems) == ("HB504", "do this", tuple(problems))
    assert str(error) == (
        "a:b: HB504 live-code-differs: one\n    do this\n"
        f"HB101 parameter-added: two\n    {REASONS['HB101'].remedy}"
    )  # fmt: skip
