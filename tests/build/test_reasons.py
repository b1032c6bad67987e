"""The table of HB codes: permanent numbers, one slug each, and a case or a test for every one of them."""

import re
from pathlib import Path

import pytest
from harness import parse_cases, run_cli

from hotbuild.reasons import REASONS

TESTS = Path(__file__).parents[1]

PERMANENT = {
    "HB101": "parameter-added", "HB102": "parameter-removed", "HB103": "parameter-renamed",
    "HB104": "parameter-reordered", "HB105": "default-changed", "HB106": "kind-changed",
    "HB107": "decorators-changed", "HB108": "annotation-read", "HB109": "binding-changed",
    "HB201": "captures-changed", "HB202": "class-cell-added", "HB203": "nested-ambiguous", "HB204": "cell-role-changed",
    "HB301": "bases-changed", "HB302": "metaclass-changed", "HB303": "slots-changed", "HB304": "field-changed",
    "HB305": "instance-attribute-added", "HB306": "class-attribute-changed", "HB307": "protocol-method-added",
    "HB308": "class-replaced", "HB309": "attribute-retyped",
    "HB401": "toplevel-changed", "HB402": "value-changed", "HB403": "name-collision", "HB404": "import-fails",
    "HB405": "star-import", "HB406": "module-removed", "HB407": "future-changed", "HB408": "alias-escapes",
    "HB501": "not-a-python-function", "HB502": "target-missing", "HB503": "site-ambiguous", "HB504": "live-code-differs",
    "HB505": "never-returns", "HB506": "interpreter-unsupported", "HB507": "holders-frozen",
    "HB601": "python-differs", "HB602": "optimization-differs", "HB603": "release-differs", "HB604": "signature-missing",
    "HB605": "signature-invalid", "HB606": "signer-untrusted", "HB607": "expired", "HB608": "serial-older",
    "HB609": "malformed", "HB610": "format-newer",
    "HB701": "busy", "HB702": "stragglers", "HB703": "already-loaded", "HB704": "not-loaded", "HB705": "requires-missing",
    "HB706": "conflict", "HB707": "hook-failed", "HB708": "needed-by", "HB709": "not-reloadable",
    "HB801": "syntax-error", "HB802": "undecodable", "HB803": "extension-changed", "HB804": "data-changed",
    "HB805": "interpreter-missing",
}  # fmt: skip
"""Every code that was ever given out, with its slug. Lines are added here, never changed."""


def test_codes_are_permanent() -> None:
    assert {code: reason.slug for code, reason in REASONS.items()}.items() <= PERMANENT.items()


def test_slugs_are_unique() -> None:
    slugs = [reason.slug for reason in REASONS.values()]
    assert len(set(slugs)) == len(slugs)


@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_code_says_what_it_means_and_what_to_do(code: str) -> None:
    reason = REASONS[code]
    assert reason.code == code
    assert len(reason.title) > 10
    assert len(reason.remedy) > 10
    assert not reason.title.endswith(".")
    assert not reason.remedy.endswith(".")


def test_every_code_occurs_in_a_case_or_a_test() -> None:
    found: set[str] = set()
    for path in TESTS.rglob("*.edit"):
        for case in parse_cases(path.read_text()):
            found |= set(re.findall(r"HB\d{3}", "\n".join([*case.verdict, case.live])))
    for path in TESTS.rglob("test_*.py"):
        if path != Path(__file__):
            found |= set(re.findall(r"HB\d{3}", path.read_text()))
    assert set(REASONS) - found == set()


def test_no_case_or_test_names_a_code_that_was_never_given_out() -> None:
    for path in (*TESTS.rglob("*.edit"), *TESTS.rglob("test_*.py")):
        assert set(re.findall(r"\bHB\d{3}\b", path.read_text())) - PERMANENT.keys() - {"HB000", "HB999"} == set(), path


@pytest.mark.parametrize("code", sorted(REASONS))
def test_explain(code: str) -> None:
    exit_code, output = run_cli("explain", code.lower())
    assert exit_code == 0
    assert f"{code} {REASONS[code].slug}" in output
    assert REASONS[code].remedy in output
    assert run_cli("explain", REASONS[code].slug) == (0, output)


def test_explain_an_unknown_code() -> None:
    exit_code, output = run_cli("explain", "HB999")
    assert exit_code == 2
    assert "no code HB999" in output


def test_rules_lists_them_all_in_order() -> None:
    exit_code, output = run_cli("rules")
    assert exit_code == 0
    assert [line.split()[:2] for line in output.splitlines()] == [[r.code, r.slug] for r in REASONS.values()]
    assert list(REASONS) == sorted(REASONS)
