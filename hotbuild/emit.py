"""Parts → the bundle's bytes, and the file on disk.

Owns: `encode` and `write`. The file appears by rename: an interrupted build leaves none.
"""

import errno
import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import MAGIC_NUMBER
from pathlib import Path

from hotbuild_runtime import behavior
from hotbuild_runtime.bundle import pack
from hotbuild_runtime.manifest import Manifest, PythonTarget

from . import __version__
from .assemble import Parts


def encode(
    parts: Parts, sources: Mapping[str, str], name: str, optimize: int, base: Sequence[str], notes: Sequence[str]
) -> bytes:
    """Make the bundle.

    Args:
        parts: of the running interpreter.
        sources: new text by path below the source root.
        name: for people.
        optimize: the level that `parts` were compiled for.
        base: ids of the bundles that the old tree has in it.
        notes: for the operator.
    """
    # Only major.minor: bytecode does not change within it, and bundles built on two patch releases should be equal.
    version = ".".join(platform.python_version_tuple()[:2])
    python = PythonTarget(behavior.python_tag(optimize), version, MAGIC_NUMBER.hex(), optimize)
    manifest = Manifest(
        name=name,
        tool=__version__,
        python=(python,),
        modules=parts.modules,
        replacements=parts.replacements,
        docs=parts.docs,
        additions=parts.additions,
        kept=parts.kept,
        base=tuple(base),
        notes=tuple(notes),
    )
    members = {f"source/{path}": text.encode("utf-8") for path, text in sources.items()}
    members[python.member] = parts.payload.encode()
    return pack(manifest, members)


def write(data: bytes, path: Path) -> None:
    """Write a file so that it is there whole, or not at all.

    Raises:
        OSError: it cannot be written, or there is something at the place that is not a file.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "there is something that is not a file", str(path))
    if not path.parent.is_dir():
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
