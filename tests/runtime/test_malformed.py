"""Files that are not bundles, or were made to hurt: each is one HB6xx, nothing is changed, and the process lives."""

import io
import json
import struct
import tracemalloc
import types
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import hotbuild_runtime
import pytest
from forge import PYTHON, forge, reforge
from harness import state_of
from hotbuild_runtime import bundle
from hotbuild_runtime.errors import HotbuildError

OLD, NEW = "def total(x):\n    return x\n", "def total(x):\n    return -x\n"
GOOD = forge(OLD, NEW, ["total"])


def refused(data: bytes) -> str:
    """Read bytes that must be refused with exactly one problem; return its code."""
    with pytest.raises(HotbuildError) as caught:
        bundle.read(data)
    assert len(caught.value.problems) == 1
    assert caught.value.remedy
    assert str(caught.value)
    return caught.value.code


def members(data: bytes = GOOD) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {i.filename: archive.read(i) for i in archive.infolist()}


def zipped(parts: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", method) as archive:
        for name, data in parts:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return box.getvalue()


def with_manifest(text: bytes) -> bytes:
    return zipped([(n, text if n == "manifest.json" else d) for n, d in members().items()])


def manifest_with(edit: Callable[[dict[str, object]], object]) -> bytes:
    raw = json.loads(members()["manifest.json"])
    edit(raw)
    return with_manifest(json.dumps(raw).encode())


def test_the_bundle_that_the_others_are_made_from_is_sound() -> None:
    box = bundle.read(GOOD)
    assert box.id == sha256(members()["manifest.json"]).hexdigest()


def test_truncated_at_every_length() -> None:
    for length in range(len(GOOD)):
        assert refused(GOOD[:length]) == "HB609", length


@pytest.mark.parametrize("mask", [0xFF, 0x01])
def test_every_byte_flipped(mask: int) -> None:
    """No byte of the file is without meaning."""
    accepted = []
    for place in range(len(GOOD)):
        data = bytearray(GOOD)
        data[place] ^= mask
        try:
            bundle.read(bytes(data))
        except HotbuildError as error:
            assert error.code in ("HB609", "HB610")
        else:
            accepted.append(place)
    assert accepted == []


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"PK\x05\x06" + bytes(18), b"\x7fELF" + bytes(100), b"{}", GOOD + b"x" * 100, b"#!/bin/sh\n" + GOOD],
    ids=["empty", "one byte", "empty zip", "elf", "json", "more behind", "more before"],
)
def test_not_a_bundle(data: bytes) -> None:
    assert refused(data) == "HB609"


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = zipped([*members().items(), ("source/big.py", bytes(40 * 1024 * 1024))], zipfile.ZIP_DEFLATED)
    assert peak_of(bomb) < 8 * 1024 * 1024


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_bomb_that_lies_about_its_size_is_not_unpacked(method: int) -> None:
    """The directory says 100 bytes; the stream holds 40 MB."""
    size = 40 * 1024 * 1024
    bomb = zipped([("manifest.json", bytes(size))], method)
    assert peak_of(bomb.replace(struct.pack("<L", size), struct.pack("<L", 100))) < 8 * 1024 * 1024


def peak_of(data: bytes) -> int:
    tracemalloc.start()
    try:
        assert refused(data) == "HB609"
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


ESCAPES = ["../evil.py", "/etc/evil.py", "source/../../evil.py", "source\\..\\evil.py", "C:\\evil.py", "source/..", "..",
           "code/../manifest.json"]  # fmt: skip


@pytest.mark.parametrize("name", ESCAPES)
def test_member_names_that_lead_out(name: str) -> None:
    assert refused(zipped([*members().items(), (name, b"x")])) == "HB609"


@pytest.mark.parametrize(
    "path", ["../evil.py", "/evil.py", "a/../evil.py", "a\\evil.py", "a//evil.py", "C:evil.py", "", ".py/"]
)
def test_module_paths_that_lead_out(path: str) -> None:
    data = manifest_with(lambda raw: raw["modules"][0].update(path=path))  # type: ignore[index]
    assert refused(data) == "HB609"


@pytest.mark.parametrize("name", ["manifest.json", "source/shop.py"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_members(name: str) -> None:
    assert refused(zipped([*members().items(), (name, b"x")])) == "HB609"


def test_a_member_that_the_manifest_does_not_pin() -> None:
    assert refused(zipped([*members().items(), ("source/more.py", b"x")])) == "HB609"
    assert refused(zipped([(n, d) for n, d in members().items() if n != "source/shop.py"])) == "HB609"
    assert refused(zipped([*members().items(), ("source/", b"")])) == "HB609"


def test_too_many_members() -> None:
    many = [(f"source/{i}.py", b"") for i in range(bundle.MAX_MEMBERS + 1)]
    assert refused(zipped([*members().items(), *many])) == "HB609"


@pytest.mark.parametrize("method", [1, 8, 9, 12, 14, 93, 99, 0xFFFF])
def test_odd_compression_methods(method: int) -> None:
    assert refused(patched_headers(8, 10, struct.pack("<H", method))) == "HB609"


@pytest.mark.parametrize("flags", [0x0001, 0x0020, 0x0040, 0x2000])
def test_odd_flags(flags: int) -> None:
    """Encrypted, patched, strongly encrypted, masked headers."""
    assert refused(patched_headers(6, 8, struct.pack("<H", flags))) == "HB609"


def patched_headers(local: int, central: int, value: bytes) -> bytes:
    """Write a value into a field of every member's headers."""
    data = bytearray(GOOD)
    for mark, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        place = data.find(mark)
        while place >= 0:
            data[place + offset : place + offset + len(value)] = value
            place = data.find(mark, place + 4)
    return bytes(data)


@pytest.mark.parametrize("count", [0xFFFF, 0xFFFE, 9])
def test_huge_counts_in_the_directory(count: int) -> None:
    data = bytearray(GOOD)
    end = data.rfind(b"PK\x05\x06")
    data[end + 8 : end + 12] = struct.pack("<HH", count, count)
    assert refused(bytes(data)) == "HB609"


@pytest.mark.parametrize(
    "body", [b"\x09\x04\x05\x00\xff" + bytes(200), b"\x09\x04\xff\xff" + bytes(200), b"BZh9" + bytes(200)]
)
@pytest.mark.parametrize("method", [8, 12, 14])
def test_streams_that_their_decompressor_rejects(body: bytes, method: int) -> None:
    data = bytearray(zipped([("manifest.json", body)]))
    data[8:10] = struct.pack("<H", method)
    central = data.rfind(b"PK\x01\x02")
    data[central + 10 : central + 12] = struct.pack("<H", method)
    assert refused(bytes(data)) == "HB609"


def test_huge_sizes_in_the_headers() -> None:
    assert refused(patched_headers(18, 20, struct.pack("<LL", 0xFFFFFFFE, 0xFFFFFFFE))) == "HB609"
    assert refused(patched_headers(18, 20, struct.pack("<LL", 0xFFFFFFFF, 0xFFFFFFFF))) == "HB609"


TEXTS = {
    "empty": b"",
    "not json": b"{",
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "closed deep": b"[" * 50_000 + b"]" * 50_000,
    "a list": b"[]",
    "null": b"null",
    "bad utf-8": b'{"a": "\xff"}',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "long number": b'{"format": ' + b"9" * 10_000 + b"}",
    "infinite": b'{"format": Infinity}',
    "nan": b'{"format": NaN}',
    "a fraction": b'{"format": 1.0}',
    "true": b'{"format": true}',
    "negative": b'{"format": -1}',
    "zero": b'{"format": 0}',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_manifests_that_are_none(text: bytes) -> None:
    assert refused(with_manifest(text)) == "HB609"


def test_no_manifest() -> None:
    assert refused(zipped([(n, d) for n, d in members().items() if n != "manifest.json"])) == "HB609"


def test_a_newer_format_is_named() -> None:
    def newer(raw: dict[str, object]) -> None:
        raw.update(format=2, something="that we do not know")

    data = manifest_with(newer)
    assert refused(data) == "HB610"
    with pytest.raises(HotbuildError, match="format 2"):
        bundle.read(data)


@pytest.mark.parametrize("where", ["manifest", "modules", "replacements", "python"])
def test_unknown_fields(where: str) -> None:
    def edit(raw: dict[str, object]) -> None:
        place = raw if where == "manifest" else raw[where][0]  # type: ignore[index]
        place["more"] = 1

    assert refused(manifest_with(edit)) == "HB609"


# -- through the loader


Process = Callable[..., tuple[object, dict[str, types.ModuleType]]]


@pytest.fixture
def attempt(process: Process, tmp_path: Path) -> Callable[[bytes], str]:
    """Load bytes in a live process; the refusal's code, after proof that nothing was changed."""
    _, modules = process(OLD, NEW)
    before = state_of(modules)

    def load(data: bytes) -> str:
        file = tmp_path / "fix.hpb"
        file.write_bytes(data)
        with pytest.raises(HotbuildError) as caught:
            hotbuild_runtime.load(file)
        assert state_of(modules) == before
        return caught.value.code

    return load


def test_damaged_files_change_nothing(attempt: Callable[[bytes], str]) -> None:
    for data in (b"", GOOD[:-1], GOOD[:100], GOOD.replace(b"return -x", b"return +x"), with_manifest(b"{}")):
        assert attempt(data) == "HB609"


MARSHALS = {
    "nothing": b"",
    "not marshal": b"hello",
    "cut": members()[PYTHON.member][:-5],
    "an integer": b"i\x01\x00\x00\x00",
    "none": b"N",
    "a short tuple": b"(\x02\x00\x00\x00NN",
    "four nones": b"(\x04\x00\x00\x00NNNN",
    "four empty": b"(\x04\x00\x00\x00" + b"(\x00\x00\x00\x00" * 4,
    "four texts": b"(\x04\x00\x00\x00" + b"s\x01\x00\x00\x00x" * 4,
    "huge tuple": b"(\xff\xff\xff\x7f",
    "huge text": b"s\xff\xff\xff\x7f",
    "deep": b"(\x01\x00\x00\x00" * 5_000 + b"N",
}


@pytest.mark.parametrize("body", MARSHALS.values(), ids=MARSHALS)
def test_code_that_cannot_be_read(attempt: Callable[[bytes], str], body: bytes) -> None:
    assert attempt(reforge(GOOD, members={PYTHON.member: body})) == "HB609"


def test_a_source_that_is_not_text(attempt: Callable[[bytes], str]) -> None:
    assert attempt(reforge(GOOD, members={"source/shop.py": b"\xff\xfe\x00"})) == "HB609"


@pytest.mark.parametrize("path", ["", "nowhere.hpb", ".", "nul\0byte.hpb"])
def test_files_that_cannot_be_opened(path: str) -> None:
    with pytest.raises(HotbuildError, match="HB609"):
        hotbuild_runtime.load(path)


def test_a_file_over_the_limit_is_not_read_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundle, "MAX_FILE", 1000)
    file = tmp_path / "big.hpb"
    file.write_bytes(GOOD)
    with pytest.raises(HotbuildError, match="the limit is 1000"):
        hotbuild_runtime.load(file)
