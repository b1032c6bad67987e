"""The new source of spliced functions, where tracebacks and `inspect` look for it.

Owns: the file name that a spliced code object carries, `<hotbuild:ID path>`, and its lines in `linecache`.

Rules
1. The name tells that a frame is patched, by which bundle, and which file of the release it stands for.
2. Lines have no modification time, which `linecache.checkcache` takes as "not a file on disk": they stay whatever
   happens on disk, and untouched functions of the same module keep showing the old file.
3. What is registered for a bundle goes when the bundle goes.

Tests: tests/runtime/test_sources.py.
"""

import io
import linecache
from collections.abc import Collection
from types import CodeType

_PREFIX = "<hotbuild:"


def patched_name(bundle: str, path: str) -> str:
    """Name the source of a patched file: `<hotbuild:3f2a9c0d1e2b shop/cart.py>`."""
    return f"{_PREFIX}{bundle[:12]} {path}>"


def relabel(code: CodeType, filename: str) -> CodeType:
    """Copy a code object, and all nested in it, under another file name."""
    constants = tuple(relabel(c, filename) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code.replace(co_filename=filename, co_consts=constants)


def publish(filename: str, text: str) -> None:
    """Let `linecache` answer for `filename` with `text`."""
    lines = io.StringIO(text).readlines()
    linecache.cache[filename] = (len(text), None, lines, filename)


def retain(filenames: Collection[str]) -> None:
    """Forget the sources of patched files but these."""
    for name in [n for n in linecache.cache if n.startswith(_PREFIX) and n not in filenames]:
        linecache.cache.pop(name, None)
