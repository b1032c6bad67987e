"""The manifest's canonical text, and reading it back while trusting nothing."""

import json
from typing import Any

import pytest
from forge import forge
from hotbuild_runtime import bundle
from hotbuild_runtime.decode import ManifestError, decode
from hotbuild_runtime.manifest import (
    FORMAT,
    Addition,
    DocChange,
    Kept,
    Manifest,
    ModuleRecord,
    PythonTarget,
    Replacement,
    Target,
)

PRINT = "ab" * 32
TAG = "cpython-311-O0"
FULL = Manifest(
    name="fix",
    tool="0.1.0",
    python=(PythonTarget(TAG, "3.11", "a70d0d0a", 0),),
    modules=(
        ModuleRecord("shop", "shop/__init__.py", True, False, PRINT, PRINT, ("a", "b"), {TAG: (("f", 3, PRINT),)}),
        ModuleRecord("shop.new", "shop/new.py", False, True, "", PRINT),
    ),
    replacements=(Replacement(Target("shop", "Cart.total", 1), 3, {TAG: PRINT}, {TAG: PRINT}, {TAG: PRINT}, True),),
    docs=(DocChange(Target("shop", "")), DocChange(Target("shop", "Cart"))),
    additions=(Addition("shop", "Cart", ("x", "y"), 7, True, ("os.path",)), Addition("shop", "", (), 8)),
    kept=(Kept("shop", "", "gone"),),
    base=(PRINT,),
    notes=("a note",),
    members={f"code/{TAG}.marshal": PRINT, "source/shop/__init__.py": PRINT, "source/shop/new.py": PRINT},
)


def test_it_reads_back_what_it_wrote() -> None:
    assert decode(FULL.encode()) == FULL


def test_the_text_is_canonical() -> None:
    text = FULL.encode()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")).encode("ascii")
    assert decode(text).encode() == text


def test_names_in_other_alphabets() -> None:
    made = Manifest(**{**{f: getattr(FULL, f) for f in FULL.__dataclass_fields__}, "name": "Ausbesserung «ä» 🐍\n"})
    assert decode(made.encode()) == made
    assert made.encode().isascii()


def test_the_id_is_the_digest_of_the_text() -> None:
    source = "def f(): return 1\n"
    box = bundle.read(forge(source, source.replace("1", "2"), ["f"]))
    assert box.id == bundle.bundle_id(box.manifest)


def spoiled(path: str, value: object) -> bytes:
    raw: Any = json.loads(FULL.encode())
    *way, last = path.split(".")
    place = raw
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    if value is MISSING:
        del place[last]
    else:
        place[int(last) if last.isdigit() else last] = value
    return json.dumps(raw).encode()


MISSING = object()
WRONG: list[tuple[str, object]] = [
    *((field, MISSING) for field in json.loads(FULL.encode())),
    *((field, 5) for field in json.loads(FULL.encode()) if field != "format"),
    ("format", FORMAT + 0.5),
    ("format", "1"),
    ("name", "x" * 20_000),
    ("python", []),
    ("python.0.tag", "cpython-311"),
    ("python.0.tag", "../evil-1-O0"),
    ("python.0.magic", "xyz"),
    ("python.0.optimize", "0"),
    ("python.0.more", 1),
    ("modules.0.name", "shop cart"),
    ("modules.0.name", ".shop"),
    ("modules.0.name", ""),
    ("modules.0.name", "shop.new"),
    ("modules.0.path", "../shop.py"),
    ("modules.0.path", "shop.pyc"),
    ("modules.0.package", 1),
    ("modules.0.new", None),
    ("modules.0.new_sha256", "AB" * 32),
    ("modules.0.new_sha256", ""),
    ("modules.0.bound", ["not a name"]),
    ("modules.0.definitions", {}),
    ("modules.0.definitions", {TAG: [["f", 3]]}),
    ("modules.0.definitions", {TAG: [["f", -3, PRINT]]}),
    ("modules.0.definitions", {"other-1-O0": []}),
    ("replacements.0.target.module", "other"),
    ("replacements.0.target.qualname", ""),
    ("replacements.0.target.ordinal", -1),
    ("replacements.0.target.ordinal", True),
    ("replacements.0.line", 1e9),
    ("replacements.0.line", 2**40),
    ("replacements.0.expects", {}),
    ("replacements.0.provides", {TAG: "short"}),
    ("replacements.0.optional", "yes"),
    ("docs.0.target.module", "other"),
    ("additions.0.module", "other"),
    ("additions.0.names", "xy"),
    ("additions.0.names", ["x.y z"]),
    ("additions.0.imports", [""]),
    ("kept.0.module", "other"),
    ("base", ["short"]),
    ("base", PRINT),
    ("notes", [1]),
    ("members", {}),
    ("members", {"manifest.json": PRINT}),
    ("members", {**FULL.members, "source/evil.py": PRINT}),
    ("members", {**FULL.members, "source/shop/new.py": "short"}),
]


@pytest.mark.parametrize(
    ("path", "value"), WRONG, ids=[f"{p}={v!r:.30}" if v is not MISSING else f"{p} missing" for p, v in WRONG]
)
def test_wrong_fields(path: str, value: object) -> None:
    with pytest.raises(ManifestError) as caught:
        decode(spoiled(path, value))
    assert not caught.value.newer


@pytest.mark.parametrize("listed", ["replacements", "modules", "python"])
def test_twice_the_same(listed: str) -> None:
    """Two modules, targets or Python targets of one name would make one shadow the other."""
    raw = json.loads(FULL.encode())
    raw[listed] = [*raw[listed], raw[listed][0]]
    with pytest.raises(ManifestError):
        decode(json.dumps(raw).encode())


def test_a_key_that_stands_twice_in_the_text_is_refused() -> None:
    """JSON readers disagree about which of the two counts: another tool would show another manifest."""
    text = FULL.encode().replace(b'"name":"fix"', b'"name":"fix","name":"other"')
    assert text != FULL.encode()
    with pytest.raises(ManifestError):
        decode(text)


@pytest.mark.parametrize(
    ("number", "newer"), [(FORMAT + 1, True), (2**31, True), (2**40, False), (0, False), (-1, False)]
)
def test_formats(number: int, newer: bool) -> None:
    with pytest.raises(ManifestError) as caught:
        decode(json.dumps({"format": number, "whatever": []}).encode())
    assert caught.value.newer is newer


def test_targets_print_as_people_write_them() -> None:
    assert [str(Target("a.b", "C.d")), str(Target("a", "f", 2)), str(Target("a", ""))] == ["a.b:C.d", "a:f#2", "a:"]
