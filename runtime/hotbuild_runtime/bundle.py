"""The container: a ZIP file with a manifest that pins every other member.

    manifest.json                    canonical JSON; its SHA-256 is the bundle's id
    code/<tag>.marshal               the payload, one per Python target
    source/<path>                    new text of each changed module, for tracebacks and `inspect`

Owns: packing and reading the container, its limits, and the payload's form.

Rules
1. Deterministic: members sorted, stored without compression, dates fixed; the same members give the same bytes on
   every machine. A reader makes the container anew from what it read and compares: no byte of a bundle is without
   meaning, and none can be altered unseen.
2. The order of the checks is a safety rule: size and ZIP limits, then the manifest's form, then every member's digest.
   Nothing here unmarshals; `payload` is called only after the loader has compared Python version, magic and -O level,
   because code marshalled by another Python unmarshals without complaint and then crashes the interpreter.
3. Whatever is wrong with the file is one HB609 (HB610 for a newer format), with the place. Nothing is written.

Pure: no threads, no clock. Tests: tests/runtime/test_bundle.py, tests/runtime/test_malformed.py.
"""

import io
import marshal
import struct
import zipfile
import zlib
from dataclasses import dataclass, replace
from hashlib import sha256
from types import CodeType

from . import marshalled
from .decode import ManifestError, decode
from .errors import HotbuildError, refuse
from .manifest import Manifest

MANIFEST = "manifest.json"
MAX_FILE = 256 * 1024 * 1024
MAX_MEMBERS = 20_000
MAX_MEMBER = 64 * 1024 * 1024
MAX_TOTAL = 512 * 1024 * 1024
_DATE = (1980, 1, 1, 0, 0, 0)
_READ_ERRORS = (
    zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError, NotImplementedError, OverflowError, MemoryError,
    LookupError, zlib.error, struct.error,
)  # fmt: skip
"""All that `zipfile` raises on files made to hurt it (found by flipping each bit of a bundle)."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose container and digests are proved.

    Args:
        id: SHA-256 of the manifest's bytes, hexadecimal.
        manifest: what it says.
        members: every other member's bytes, by name.
    """

    id: str
    manifest: Manifest
    members: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Payload:
    """Code for one Python target, in the manifest's order.

    Args:
        replacements: (new code, old docstring, new docstring) per `manifest.replacements`.
        additions: a code object per `manifest.additions`; for a class, the code of a class body.
        docs: (old, new) per `manifest.docs`.
        modules: the code of each new module of `manifest.modules`.
    """

    replacements: tuple[tuple[CodeType, str | None, str | None], ...]
    additions: tuple[CodeType, ...]
    docs: tuple[tuple[str | None, str | None], ...]
    modules: tuple[CodeType, ...]

    def encode(self) -> bytes:
        """Marshal without references between objects: those depend on what else the process holds."""
        return marshal.dumps((self.replacements, self.additions, self.docs, self.modules), 2)


def bundle_id(manifest: Manifest) -> str:
    return sha256(manifest.encode()).hexdigest()


def pack(manifest: Manifest, members: dict[str, bytes]) -> bytes:
    """Write a bundle.

    Args:
        manifest: its `members` field is filled in here.
        members: bytes by name, without the manifest.

    Returns:
        The file's bytes.
    """
    pinned = {name: sha256(data).hexdigest() for name, data in members.items()}
    return _container({MANIFEST: replace(manifest, members=pinned).encode(), **members})


def _container(members: dict[str, bytes]) -> bytes:
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(members.items(), key=lambda item: (item[0] != MANIFEST, item[0])):
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            archive.writestr(info, data)
    return box.getvalue()


def read(data: bytes) -> Bundle:
    """Read a bundle and prove its digests.

    Args:
        data: the file's bytes.

    Raises:
        BundleError: HB609 or HB610.
    """
    if len(data) > MAX_FILE:
        raise refuse("HB609", f"the file has {len(data)} bytes, the limit is {MAX_FILE}")
    try:
        members = _members(data)
    except HotbuildError:
        raise
    except _READ_ERRORS as error:
        raise refuse(
            "HB609", f"not a readable ZIP file: {error}" if str(error) else "not a readable ZIP file"
        ) from None
    if MANIFEST not in members:
        raise refuse("HB609", "there is no manifest.json in it", MANIFEST)
    text = members.pop(MANIFEST)
    try:
        manifest = decode(text)
    except ManifestError as error:
        raise refuse("HB610" if error.newer else "HB609", str(error), MANIFEST) from None
    if _container({MANIFEST: text, **members}) != data:
        raise refuse("HB609", "the container is not, byte for byte, the one that these members make")
    if set(members) != set(manifest.members):
        odd = sorted(set(members) ^ set(manifest.members))
        raise refuse("HB609", f"members and manifest disagree about {', '.join(odd[:5])}", MANIFEST)
    for name, body in members.items():
        if sha256(body).hexdigest() != manifest.members[name]:
            raise refuse("HB609", "its SHA-256 is not the one that the manifest pins", name)
        if name.startswith("source/") and not _is_text(body):
            raise refuse("HB609", "it is not UTF-8 text", name)
    return Bundle(sha256(text).hexdigest(), manifest, members)


def _members(data: bytes) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    total = 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
        if len(infos) > MAX_MEMBERS:
            raise refuse("HB609", f"{len(infos)} members, the limit is {MAX_MEMBERS}")
        for info in infos:
            name = info.filename
            if name in members:
                raise refuse("HB609", "the member is there twice", name)
            if name.startswith("/") or "\\" in name or ".." in name.split("/"):
                raise refuse("HB609", "the member's path leads out of the bundle", name)
            if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
                raise refuse("HB609", "the member is compressed, which no bundle's is", name)
            if info.file_size > MAX_MEMBER:
                raise refuse("HB609", f"the member claims {info.file_size} bytes, the limit is {MAX_MEMBER}", name)
            with archive.open(info) as stream:
                body = stream.read(info.file_size + 1)
            total += len(body)
            if len(body) != info.file_size or total > MAX_TOTAL:
                raise refuse("HB609", "the member is not of the size that it claims", name)
            members[name] = body
    return members


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def payload(bundle: Bundle, tag: str) -> Payload:
    """Unmarshal the code for one Python target and check its form.

    Args:
        bundle: read, with its digests proved.
        tag: of a target whose version, magic and -O level were compared with this interpreter.

    Raises:
        BundleError: HB609.
    """
    member = f"code/{tag}.marshal"
    try:
        marshalled.check(bundle.members[member])
        raw = marshal.loads(bundle.members[member])
        replacements, additions, docs, modules = raw
        made = Payload(replacements, additions, docs, modules)
        sound = (
            all(_is_replacement(r) for r in replacements)
            and all(isinstance(c, CodeType) for c in (*additions, *modules))
            and all(len(d) == 2 and all(isinstance(t, str | None) for t in d) for d in docs)
        )
    except (ValueError, TypeError, EOFError, LookupError, MemoryError) as error:
        raise refuse("HB609", f"the code cannot be read: {error}", member) from None
    says = bundle.manifest
    counts = (len(says.replacements), len(says.additions), len(says.docs), sum(m.new for m in says.modules))
    if not sound or counts != (len(replacements), len(additions), len(docs), len(modules)):
        raise refuse("HB609", "the code is not what the manifest lists", member)
    return made


def _is_replacement(item: object) -> bool:
    return (
        isinstance(item, tuple)
        and len(item) == 3
        and isinstance(item[0], CodeType)
        and all(isinstance(text, str | None) for text in item[1:])
    )
