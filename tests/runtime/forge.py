"""Bundles that hotbuild would not build: honest in form, wrong in what they hold."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from importlib.util import MAGIC_NUMBER
from types import CodeType

from hotbuild_runtime import behavior
from hotbuild_runtime.bundle import Bundle, Payload, pack, payload, read
from hotbuild_runtime.fingerprint import fingerprint
from hotbuild_runtime.manifest import Addition, Manifest, ModuleRecord, PythonTarget, Replacement, Target

from hotbuild.codetree import CodeIndex

TAG = behavior.python_tag()
PYTHON = PythonTarget(TAG, "3.x", MAGIC_NUMBER.hex(), int(TAG[-1]))


def function(source: str, qualname: str) -> CodeType:
    """Compile a module and take out a function's code."""
    codes = CodeIndex.of(source.encode(), "forged.py", PYTHON.optimize).functions.values()
    return next(c for c in codes if c.co_qualname == qualname)


def forge(
    old: str,
    new: str,
    targets: Sequence[str] = (),
    additions: Sequence[tuple[Addition, CodeType]] = (),
    module: str = "shop",
    edit: Callable[[Manifest], Manifest] = lambda m: m,
) -> bytes:
    """Make a bundle that replaces `targets` of `old` by what `new` has, whatever the rules say."""
    index = CodeIndex.of(old.encode(), "forged.py", PYTHON.optimize)
    definitions = tuple((c.co_qualname, p[0], index.prints[p].hex()) for p, c in index.functions.items())
    path = module.replace(".", "/") + ".py"
    record = ModuleRecord(
        module, path, False, False, digest(old.encode()), digest(new.encode()), (), {TAG: definitions}
    )
    replacements, codes = [], []
    for qualname in targets:
        was, now = function(old, qualname), function(new, qualname)
        expects, provides = {TAG: fingerprint(was).hex()}, {TAG: fingerprint(now).hex()}
        replacements.append(Replacement(Target(module, qualname), was.co_firstlineno, expects, provides, provides))
        codes.append((now, None, None))
    manifest = Manifest(
        name="forged", tool="forge", python=(PYTHON,), modules=(record,), replacements=tuple(replacements),
        additions=tuple(a for a, _ in additions),
    )  # fmt: skip
    body = Payload(tuple(codes), tuple(c for _, c in additions), (), ())
    return pack(edit(manifest), {f"source/{path}": new.encode(), PYTHON.member: body.encode()})


def reforge(
    data: bytes,
    edit: Callable[[Manifest], Manifest] = lambda m: m,
    recode: Callable[[Payload], Payload] | None = None,
    members: dict[str, bytes] | None = None,
) -> bytes:
    """Change an honest bundle and pack it anew, with digests that fit."""
    box: Bundle = read(data)
    kept = {**box.members, **(members or {})}
    if recode is not None:
        kept[PYTHON.member] = recode(payload(box, TAG)).encode()
    return pack(edit(box.manifest), kept)


def class_body(source: str, name: str) -> CodeType:
    """Compile a class statement and take out its body."""
    module = compile(source, "forged.py", "exec")
    return next(c for c in module.co_consts if isinstance(c, CodeType) and c.co_name == name)


def statement(source: str) -> CodeType:
    return compile(source, "forged.py", "exec")


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


__all__ = ["PYTHON", "TAG", "class_body", "digest", "forge", "function", "reforge", "replace", "statement"]
