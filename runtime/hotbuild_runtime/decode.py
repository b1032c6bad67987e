"""`manifest.json` → Manifest, trusting nothing.

Owns: `decode` and `ManifestError`.

Rules
1. Every field's type and form is checked, and unknown fields are refused: a newer format says so with its number.
2. What the manifest refers to must be there: modules of targets, members, fingerprints for every Python target.

Pure: no threads, no clock, no files. Tests: tests/runtime/test_manifest.py.
"""

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from .manifest import (
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

T = TypeVar("T")


class ManifestError(ValueError):
    """The text is not a manifest; `newer` when only its format number is too high."""

    def __init__(self, message: str, newer: bool = False) -> None:
        super().__init__(message)
        self.newer = newer


def decode(data: bytes) -> Manifest:
    """Read and check a manifest.

    Raises:
        ManifestError: with the place of the first fault.
    """
    try:
        raw = json.loads(data, object_pairs_hook=_object)
    except ManifestError:
        raise
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"manifest.json is not JSON: {error}") from None
    top = _Fields(raw, "manifest")
    number = top.take("format", _natural)
    if number > FORMAT:
        raise ManifestError(f"format {number}, this loader knows up to {FORMAT}", newer=True)
    manifest = Manifest(
        format=number,
        name=top.take("name", _text),
        tool=top.take("tool", _text),
        python=top.take("python", _sequence(_python)),
        modules=top.take("modules", _sequence(_module)),
        replacements=top.take("replacements", _sequence(_replacement)),
        docs=top.take("docs", _sequence(_doc)),
        additions=top.take("additions", _sequence(_addition)),
        kept=top.take("kept", _sequence(_kept)),
        base=top.take("base", _sequence(_digest)),
        notes=top.take("notes", _sequence(_text)),
        members=top.take("members", _mapping(_digest)),
    )
    top.done()
    _check_references(manifest)
    return manifest


def _check_references(manifest: Manifest) -> None:
    tags = {p.tag for p in manifest.python}
    names = {m.name for m in manifest.modules}
    wanted = {p.member for p in manifest.python} | {m.member for m in manifest.modules}
    if len(tags) != len(manifest.python) or len(names) != len(manifest.modules):
        raise ManifestError("a Python target or module is listed twice")
    if not tags:
        raise ManifestError("no Python target")
    if wanted != set(manifest.members):
        raise ManifestError("the listed members are not those of its modules and Python targets")
    for module, what in [
        *((r.target.module, str(r.target)) for r in manifest.replacements),
        *((d.target.module, str(d.target)) for d in manifest.docs),
        *((a.module, str(a.names)) for a in manifest.additions),
        *((k.module, k.name) for k in manifest.kept),
    ]:
        if module not in names:
            raise ManifestError(f"{what} is in a module that is not listed")
    for r in manifest.replacements:
        if not set(r.expects) == set(r.provides) == set(r.compiled) == tags:
            raise ManifestError(f"{r.target} lacks the fingerprints of a Python target")
    for r in manifest.replacements:
        if r.outer is not None and not any(o.target == r.outer and o.outer is None for o in manifest.replacements):
            raise ManifestError(f"{r.target} is nested in {r.outer}, which is not replaced")
        if (r.outer is None) != (not r.old_path) or (r.outer is None) != (not r.new_path):
            raise ManifestError(f"{r.target} has a path but no outer function, or the reverse")
    added = [(a.module, a.owner, name) for a in manifest.additions for name in a.names]
    if len(set(added)) != len(added):
        raise ManifestError("a name is inserted twice")
    targets = [r.target for r in manifest.replacements]
    if len(set(targets)) != len(targets):
        raise ManifestError("a target is replaced twice")
    for m in manifest.modules:
        if not m.new and set(m.definitions) != tags:
            raise ManifestError(f"module {m.name} lacks the fingerprints of a Python target")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; a key that stands twice would be read in two ways by two readers."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ManifestError("a key stands twice in one object")
    return made


class _Fields:
    """An object of the JSON text whose fields are taken one by one, each checked; `done` finds the leftovers."""

    def __init__(self, raw: object, place: str) -> None:
        if not isinstance(raw, dict):
            raise ManifestError(f"{place} is not an object")
        self.raw: dict[str, Any] = raw
        self.place = place
        self.taken: set[str] = set()

    def take(self, key: str, check: Callable[[object, str], T]) -> T:
        if key not in self.raw:
            raise ManifestError(f"{self.place} lacks {key!r}")
        self.taken.add(key)
        return check(self.raw[key], f"{self.place}.{key}")

    def done(self) -> None:
        if extra := sorted(set(self.raw) - self.taken):
            raise ManifestError(f"{self.place} has unknown fields: {', '.join(extra)}")


def _text(value: object, place: str) -> str:
    if not isinstance(value, str) or len(value) > 10_000:
        raise ManifestError(f"{place} is not a short text")
    return value


def _natural(value: object, place: str) -> int:
    if type(value) is not int or value < 0 or value > 2**31:
        raise ManifestError(f"{place} is not a natural number")
    return value


def _flag(value: object, place: str) -> bool:
    if not isinstance(value, bool):
        raise ManifestError(f"{place} is not true or false")
    return value


def _pattern(expression: str, what: str, optional: bool = False) -> Callable[[object, str], str]:
    match = re.compile(expression).fullmatch

    def check(value: object, place: str) -> str:
        text = _text(value, place)
        if not (match(text) or (optional and text == "")):
            raise ManifestError(f"{place} is not {what}: {text[:60]!r}")
        return text

    return check


_digest = _pattern(r"[0-9a-f]{64}", "a SHA-256")
_optional_digest = _pattern(r"[0-9a-f]{64}", "a SHA-256", optional=True)
_dotted = _pattern(r"[^\W\d]\w*(\.[^\W\d]\w*)*", "a dotted name")
_owner = _pattern(r"[^\W\d]\w*(\.[^\W\d]\w*)*", "a dotted name", optional=True)
_qualname = _pattern(r"[^\W\d]\w*(\.([^\W\d]\w*|<locals>|<lambda>))*", "a qualified name")
_tag = _pattern(r"[a-z0-9_]+-[0-9a-z]+-O[012]", "a Python target")
_magic = _pattern(r"[0-9a-f]{8}", "a magic number")
_path = _pattern(r"(?!/)(?!.*(^|/)\.\.?(/|$))(?!.*//)[^\\\0:]+\.py", "a relative path of a .py file")


def _sequence(item: Callable[[object, str], T]) -> Callable[[object, str], tuple[T, ...]]:
    def check(value: object, place: str) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise ManifestError(f"{place} is not a list")
        return tuple(item(v, f"{place}[{i}]") for i, v in enumerate(value))

    return check


def _mapping(item: Callable[[object, str], T]) -> Callable[[object, str], dict[str, T]]:
    def check(value: object, place: str) -> dict[str, T]:
        if not isinstance(value, dict):
            raise ManifestError(f"{place} is not an object")
        return {k: item(v, f"{place}[{k!r}]") for k, v in value.items()}

    return check


def _record(make: Callable[..., T], **checks: Callable[[object, str], object]) -> Callable[[object, str], T]:
    def check(value: object, place: str) -> T:
        fields = _Fields(value, place)
        made = make(**{key: fields.take(key, item) for key, item in checks.items()})
        fields.done()
        return made

    return check


def _definition(value: object, place: str) -> tuple[str, int, str]:
    if not isinstance(value, list) or len(value) != 3:
        raise ManifestError(f"{place} is not [qualname, line, fingerprint]")
    return _text(value[0], place), _natural(value[1], place), _digest(value[2], place)


def _optional(item: Callable[[object, str], T]) -> Callable[[object, str], T | None]:
    return lambda value, place: None if value is None else item(value, place)


def _step(value: object, place: str) -> tuple[str, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise ManifestError(f"{place} is not [name, number]")
    return _text(value[0], place), _natural(value[1], place)


_names = _sequence(_dotted)
_any_target = _record(Target, module=_dotted, qualname=_owner, ordinal=_natural)
_target = _record(Target, module=_dotted, qualname=_qualname, ordinal=_natural)
_python = _record(PythonTarget, tag=_tag, version=_text, magic=_magic, optimize=_natural)
_module = _record(
    ModuleRecord,
    name=_dotted,
    path=_path,
    package=_flag,
    new=_flag,
    old_sha256=_optional_digest,
    new_sha256=_digest,
    bound=_names,
    definitions=_mapping(_sequence(_definition)),
)
_replacement = _record(
    Replacement,
    target=_target,
    line=_natural,
    expects=_mapping(_digest),
    provides=_mapping(_digest),
    compiled=_mapping(_digest),
    optional=_flag,
    outer=_optional(_target),
    old_path=_sequence(_step),
    new_path=_sequence(_step),
)
_doc = _record(DocChange, target=_any_target)
_addition = _record(
    Addition, module=_dotted, owner=_owner, names=_names, line=_natural, deferred=_flag, imports=_names, guarded=_flag
)
_kept = _record(Kept, module=_dotted, owner=_owner, name=_text)
