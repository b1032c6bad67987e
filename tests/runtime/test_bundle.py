"""Packing and reading back. (Files made to hurt are in test_malformed.py.)"""

import io
import zipfile
from dataclasses import replace

import pytest
from forge import PYTHON, TAG, forge, function
from hotbuild_runtime import bundle
from hotbuild_runtime.bundle import Payload, pack, payload, read

OLD, NEW = 'def f(a):\n    "was"\n    return a\n', 'def f(a):\n    "is"\n    return {"x", "y", "z"}, a\n'


def test_packing_is_deterministic() -> None:
    assert forge(OLD, NEW, ["f"]) == forge(OLD, NEW, ["f"])


def test_the_order_in_which_members_are_given_does_not_matter() -> None:
    box = read(forge(OLD, NEW, ["f"]))
    assert pack(box.manifest, dict(reversed(box.members.items()))) == pack(box.manifest, box.members)


def test_any_zip_tool_can_look_inside() -> None:
    with zipfile.ZipFile(io.BytesIO(forge(OLD, NEW, ["f"]))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", PYTHON.member, "source/shop.py"]
        assert archive.read("source/shop.py").decode() == NEW
        assert {(i.compress_type, i.date_time) for i in archive.infolist()} == {(0, (1980, 1, 1, 0, 0, 0))}


def test_it_reads_back_what_was_packed() -> None:
    data = forge(OLD, NEW, ["f"])
    box = read(data)
    assert pack(box.manifest, box.members) == data
    (code, was, now), = payload(box, TAG).replacements  # fmt: skip
    assert (code.co_name, was, now) == ("f", None, None)


def test_a_payload_survives_its_encoding() -> None:
    code = function(NEW, "f")
    made = Payload(((code, "was", None),), (code, code), ((None, "doc"),), (compile("x = 1", "new.py", "exec"),))
    box = read(forge(OLD, NEW, ["f"]))
    manifest = replace(
        box.manifest,
        additions=(),
    )
    text = made.encode()
    assert text == made.encode()
    assert bundle.marshal.loads(text)[0][0][0] == code
    assert read(pack(manifest, {**box.members, PYTHON.member: text})).members[PYTHON.member] == text


def test_equal_codes_are_written_alike_however_often_they_are_referred_to() -> None:
    """Marshal's references depend on what else the process holds; a bundle must not."""
    code = function(NEW, "f")
    held = [code.co_names, code.co_consts, code.co_varnames]
    one = Payload(((code, None, None),), (), (), ()).encode()
    again = bundle.marshal.loads(bundle.marshal.dumps(code))
    assert Payload(((again, None, None),), (), (), ()).encode() == one
    del held


@pytest.mark.parametrize("limit", ["MAX_FILE", "MAX_MEMBERS", "MAX_MEMBER", "MAX_TOTAL"])
def test_each_limit_is_kept(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = forge(OLD, NEW, ["f"])
    monkeypatch.setattr(bundle, limit, 1)
    with pytest.raises(bundle.HotbuildError, match="HB609"):
        read(data)
