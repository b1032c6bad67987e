"""The audit trusts no edit list: each claim of a correct one is falsified in turn, and the audit refuses every time."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from hotbuild.audit import audit
from hotbuild.classify import Classifier, Side
from hotbuild.codetree import CodeIndex
from hotbuild.correlate import correlate
from hotbuild.model import Edit, EditKind, Span, Target
from hotbuild.outline import outline

OLD = '''"""Module text."""
import os
import re, json
from math import pi

LIMIT = 10
table = {"a": 1}


def total(a, b=1):
    return a


def unchanged(x):
    return [y for y in x]


def removed():
    return 1


class Base:
    """Text."""

    rate = 1

    def run(self):
        return 1

    @property
    def size(self):
        return 1

    @size.setter
    def size(self, value):
        self.n = value

    class Inner:
        def deep(self):
            return 1


if LIMIT > 5:
    def guarded():
        return 1
else:
    def guarded():
        return 2

print(total(1))
'''
NEW = '''"""Module text, changed."""
import os
import re, json
from math import pi, tau
import string

LIMIT = 10
table = {"a": 1}
ADDED = 5


def total(a, b=1):
    return -a


def added():
    return lambda: 1


def unchanged(x):
    return [y for y in x]


class Base:
    """Text, changed."""

    rate = 1
    other = 2

    def run(self):
        return 2

    @property
    def size(self):
        return 1

    @size.setter
    def size(self, value):
        self.n = -value

    def fresh(self):
        return 1

    class Inner:
        def deep(self):
            return 2


class Added:
    def method(self):
        return 1


if LIMIT > 5:
    def guarded():
        return 10
else:
    def guarded():
        return 2

print(total(1))
'''


def sides(old: str, new: str) -> tuple[Side, Side]:
    made = [
        Side(outline(t.encode(), "shop", "shop.py", False), CodeIndex.of(t.encode(), "shop.py", 0)) for t in (old, new)
    ]
    return made[0], made[1]


def edits_of(old: str, new: str) -> list[Edit]:
    before, after = sides(old, new)
    return Classifier(before, after, correlate(before.outline, after.outline), lambda owner, name: False).run()


def judged(old: str, new: str, edits: Sequence[Edit]) -> list[str]:
    before, after = sides(old, new)
    found = audit(old.encode(), new.encode(), "shop.py", "shop", edits, (before.codes, after.codes))
    assert all(e.kind is EditKind.RUDE and e.code for e in found)
    return [e.message for e in found]


CORRECT = edits_of(OLD, NEW)
NUMBERS = range(len(CORRECT))


def name(edit: Edit) -> str:
    return f"{edit.kind} {edit.target}{' ' + edit.one.bound if edit.one else ''}"


NAMES = [name(e) for e in CORRECT]


def test_the_correct_list_is_accepted() -> None:
    assert [e for e in CORRECT if e.kind is EditKind.RUDE] == []
    assert {e.kind for e in CORRECT} >= {
        EditKind.SAME,
        EditKind.MOVED,
        EditKind.UPDATE,
        EditKind.INSERT,
        EditKind.KEEP,
    } - {EditKind.SAME}
    assert judged(OLD, NEW, CORRECT) == []


CLAIMING = [
    i for i in NUMBERS if not ((pair := CORRECT[i].pair) and pair.either.is_class and CORRECT[i].kind is EditKind.MOVED)
]
"""All but classes that only moved: there is nothing about those to account for; their headers are compared anyway."""


@pytest.mark.parametrize("number", CLAIMING, ids=[NAMES[i] for i in CLAIMING])
def test_an_edit_that_is_missing(number: int) -> None:
    edits = [e for i, e in enumerate(CORRECT) if i != number]
    assert judged(OLD, NEW, edits) != []


FIRM = [i for i in CLAIMING if CORRECT[i].message != "docstring"]
"""All but docstrings: to claim one twice says nothing more."""


@pytest.mark.parametrize("number", FIRM, ids=[NAMES[i] for i in FIRM])
def test_an_edit_that_stands_twice(number: int) -> None:
    edit = CORRECT[number]
    copied = replace(edit, message=edit.message + " ")
    if edit.item is not None:
        copied = replace(copied, item=replace(edit.item))
    if edit.old_item is not None:
        copied = replace(copied, old_item=replace(edit.old_item))
    assert judged(OLD, NEW, [*CORRECT, copied]) != []


KINDS = {EditKind.SAME: EditKind.UPDATE, EditKind.MOVED: EditKind.UPDATE, EditKind.UPDATE: EditKind.SAME}
PAIRED = [
    i
    for i in NUMBERS
    if CORRECT[i].pair is not None and CORRECT[i].kind in KINDS and not CORRECT[i].pair.either.is_class
]  # type: ignore[union-attr]


@pytest.mark.parametrize("number", PAIRED, ids=[NAMES[i] for i in PAIRED])
def test_same_and_update_exchanged(number: int) -> None:
    edits = list(CORRECT)
    edits[number] = replace(edits[number], kind=KINDS[edits[number].kind])
    assert judged(OLD, NEW, edits) != []


@pytest.mark.parametrize("number", PAIRED, ids=[NAMES[i] for i in PAIRED])
@pytest.mark.parametrize("side", ["old", "new"])
def test_a_pair_that_lacks_a_side(number: int, side: str) -> None:
    edits = list(CORRECT)
    pair = edits[number].pair
    assert pair is not None
    edits[number] = replace(edits[number], pair=replace(pair, **{side: None}))
    assert judged(OLD, NEW, edits) != []


@pytest.mark.parametrize("number", PAIRED, ids=[NAMES[i] for i in PAIRED])
def test_a_pair_with_another_functions_side(number: int) -> None:
    edits = list(CORRECT)
    other = CORRECT[next(i for i in PAIRED if i != number)].pair
    pair = edits[number].pair
    assert pair is not None
    assert other is not None
    edits[number] = replace(edits[number], pair=replace(pair, old=other.old))
    assert judged(OLD, NEW, edits) != []


PLACED = [i for i in NUMBERS if CORRECT[i].item is not None or CORRECT[i].old_item is not None]


@pytest.mark.parametrize("number", PLACED, ids=[NAMES[i] for i in PLACED])
def test_a_claim_on_another_line(number: int) -> None:
    edits = list(CORRECT)
    for field in ("item", "old_item"):
        item = getattr(edits[number], field)
        if item is not None:
            moved = replace(item, span=Span(item.span.line + 500, item.span.end + 500))
            if item.definition is not None:
                span = Span(item.definition.line + 500, item.definition.span.end + 500)
                moved = replace(moved, definition=replace(item.definition, line=span.line, span=span))
            edits[number] = replace(edits[number], **{field: moved})
    assert judged(OLD, NEW, edits) != []


# -- differences that no edit mentions


def quiet(old: str, new: str) -> list[str]:
    """Audit a list that says that nothing happened."""
    before, after = sides(old, new)
    pairs = correlate(before.outline, after.outline)
    edits = [Edit(EditKind.SAME, p.either.target, "shop.py", pair=p) for p in pairs]
    return judged(old, new, edits)


CHANGES: dict[str, Callable[[str], str]] = {
    "value": lambda s: s.replace("LIMIT = 10", "LIMIT = 11"),
    "value's type": lambda s: s.replace("LIMIT = 10", "LIMIT = 10.0"),
    "container": lambda s: s.replace('{"a": 1}', '{"a": 2}'),
    "import": lambda s: s.replace("import os\n", ""),
    "import from elsewhere": lambda s: s.replace("from math import pi", "from cmath import pi"),
    "import as": lambda s: s.replace("from math import pi", "from math import pi as PI"),
    "default": lambda s: s.replace("b=1", "b=2"),
    "annotation": lambda s: s.replace("def total(a,", "def total(a: int,"),
    "return annotation": lambda s: s.replace("def removed():", "def removed() -> int:"),
    "decorator": lambda s: s.replace("def removed", "@staticmethod\ndef removed"),
    "decorator's argument": lambda s: s.replace("@size.setter", "@size.getter"),
    "base": lambda s: s.replace("class Base:", "class Base(dict):"),
    "metaclass": lambda s: s.replace("class Base:", "class Base(metaclass=type):"),
    "class value": lambda s: s.replace("rate = 1", "rate = 2"),
    "class value gone": lambda s: s.replace("    rate = 1\n", ""),
    "condition": lambda s: s.replace("if LIMIT > 5", "if LIMIT > 6"),
    "branch": lambda s: s.replace("else:\n", "else:\n    extra = 1\n"),
    "effect": lambda s: s.replace("print(total(1))", "print(total(2))"),
    "effect gone": lambda s: s.replace("print(total(1))\n", ""),
    "new effect": lambda s: s + "total(3)\n",
    "order of effects": lambda s: s.replace("print(total(1))", "").replace('"""Module', 'print(1)\n"""Module'),
    "module docstring": lambda s: s.replace("Module text", "Other"),
    "class docstring": lambda s: s.replace('    """Text."""', '    """Other."""'),
    "function": lambda s: s.replace("def removed():\n    return 1", "def removed():\n    return 2"),
    "method": lambda s: s.replace("def run(self):\n        return 1", "def run(self):\n        return 2"),
    "deep method": lambda s: s.replace("return 1\n\n\nif", "return 2\n\n\nif"),
    "guarded function": lambda s: s.replace("        return 2", "        return 3").replace(
        "    return 2", "    return 3"
    ),
    "star import": lambda s: "from os.path import *\n" + s,
    "future": lambda s: s.replace("import os\n", "from __future__ import annotations\nimport os\n"),
    "rebinding": lambda s: s + "LIMIT = 12\n",
    "alias": lambda s: s + "total = removed\n",
    "del": lambda s: s + "del removed\n",
    "augmented": lambda s: s + "LIMIT += 1\n",
    "subscript": lambda s: s + "table['b'] = 2\n",
    "attribute": lambda s: s + "Base.rate = 2\n",
    "walrus": lambda s: s + "(LIMIT := 12)\n",
    "annotation alone": lambda s: s + "count: int\n",
    "annotated value": lambda s: s.replace("LIMIT = 10", "LIMIT: int = 10"),
    "loop": lambda s: s + "for n in range(3):\n    table[n] = n\n",
    "with": lambda s: s + "with open(os.devnull):\n    pass\n",
    "try": lambda s: s + "try:\n    import tomllib\nexcept ImportError:\n    tomllib = None\n",
    "assert": lambda s: s + "assert LIMIT\n",
    "lambda": lambda s: s + "key = lambda v: v\n",
    "global in a class": lambda s: s.replace("    rate = 1\n", "    rate = 1\n    global LIMIT\n    LIMIT = 3\n"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_difference_that_is_kept_quiet(what: str) -> None:
    changed = CHANGES[what](OLD)
    assert changed != OLD, "the change changes something"
    compile(changed, "shop.py", "exec")
    assert quiet(OLD, changed) != []
    assert quiet(changed, OLD) != []


HARMLESS: dict[str, Callable[[str], str]] = {
    "comments": lambda s: "# why\n" + s.replace("\n\n\n", "\n\n# here\n\n\n"),
    "formatting": lambda s: s.replace("def total(a, b=1):", "def total(\n    a,\n    b=1,  # one\n):"),
    "quotes": lambda s: s.replace('"a"', "'a'"),
    "parentheses": lambda s: s.replace("LIMIT = 10", "LIMIT = (10)"),
    "order of imports": lambda s: s.replace("import os\nimport re, json\n", "import json\nimport re, os\n"),
    "semicolons": lambda s: s.replace("LIMIT = 10\n", "LIMIT = 10;\n"),
    "pass": lambda s: s.replace("    rate = 1\n", "    rate = 1\n    pass\n"),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_means_the_same_is_accepted(what: str) -> None:
    changed = HARMLESS[what](OLD)
    assert changed != OLD
    assert judged(OLD, changed, edits_of(OLD, changed)) == []


@pytest.mark.parametrize("what", CHANGES)
def test_the_rules_and_the_audit_agree(what: str) -> None:
    """Where the rules report a difference themselves, the audit has nothing to add; what is found is never nothing."""
    changed = CHANGES[what](OLD)
    edits = edits_of(OLD, changed)
    said = [e for e in edits if e.kind not in (EditKind.SAME, EditKind.MOVED) or "annotations" in e.message]
    assert said or judged(OLD, changed, edits)


def test_a_problem_names_its_line() -> None:
    (problem,) = judged(OLD, OLD.replace("return 1\n\n\nclass", "return 7\n\n\nclass"), quiet_edits(OLD))
    assert "line 18" in problem or "line 19" in problem
    assert "removed" in problem


def quiet_edits(text: str) -> list[Edit]:
    changed = text.replace("return 1\n\n\nclass", "return 7\n\n\nclass")
    before, after = sides(text, changed)
    return [Edit(EditKind.SAME, p.either.target, "shop.py", pair=p) for p in correlate(before.outline, after.outline)]


def test_an_empty_list_accounts_for_nothing() -> None:
    assert judged(OLD, OLD, []) != []
    assert judged("", "", []) == []
    assert Target("shop", "") == Target("shop", "", 0)
