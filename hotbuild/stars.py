"""HB405: who has the names of a changed module by `from module import *`.

Owns: `star_imports`. A fresh import of the new tree would give the inserted names to these modules too; in the process
their imports ran long ago. Files that do not differ are not parsed for this: their bytes are searched.

Tests: tests/edits/module.edit.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .assemble import Module
from .model import Edit, EditKind, Span, Target
from .scan import module_name
from .source import absolute

_STAR = re.compile(rb"^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]*\(?[ \t]*\*", re.MULTILINE)


def star_imports(modules: Sequence[Module], sources: Mapping[str, Path]) -> Iterator[Edit]:
    """Find star imports of modules that get new public names.

    Args:
        modules: the changed modules, with their edits.
        sources: the new tree's files by path below the source root.
    """
    grown = {m.change.module: names for m in modules if (names := _public(m))}
    for path, file in sources.items() if grown else ():
        data = file.read_bytes()
        if b"*" not in data:
            continue
        name, package = module_name(path)
        for match in _STAR.finditer(data):
            around = name if package else name.rpartition(".")[0]
            loads = absolute(around, len(match[1]), match[2].decode("utf-8", "replace"))
            if loads in grown:
                line = data.count(b"\n", 0, match.start()) + 1
                text = f"star import of {loads}, which gets {', '.join(sorted(grown[loads]))}"
                yield Edit(EditKind.RUDE, Target(name, ""), path, None, Span(line, line), "HB405", text)


def _public(module: Module) -> set[str]:
    """Collect the inserted names that a star import takes."""
    outline = module.new_outline
    if module.old_outline is None or outline is None or any("__all__" in i.names for i in outline.items):
        return set()
    inserts = (e for e in module.edits if e.kind is EditKind.INSERT and "." not in e.target.qualname)
    return {n for e in inserts for n in e.names if not n.startswith("_")}
