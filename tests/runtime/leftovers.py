"""What a process without bundles must not hold."""

import linecache
import sys

import hotbuild_runtime
from hotbuild_runtime.newmodules import FINDER


def leftovers() -> list[str]:
    """List what a process without bundles must not hold."""
    found = [f"linecache {name}" for name in linecache.cache if name.startswith("<hotbuild")]
    found += [f"bundle {b.id}" for b in hotbuild_runtime.status().bundles]
    if FINDER in sys.meta_path or FINDER.provided:
        found.append("import hook")
    return found
