"""--only and --exclude: which edits go into the bundle.

Owns: `select`. A pattern is `module`, `module:Class` or `module:Class.method`, and matches whole segments: `app.router`
takes `app.router` and `app.router.views`, not `app.routerx`.

Rules
1. What selected code newly refers to comes along: the insertions that it names, and those that these name.
2. An edit that is refused, and that nothing selected refers to by name, is left out with a note. One that selected code
   does refer to stays, and refuses the bundle: the selected code was written for the other side of that edit. Only an
   explicit --exclude of it overrules that.

Tests: tests/build/test_selection.py.
"""

import builtins
from collections.abc import Iterator, Sequence
from types import CodeType

from .assemble import Module
from .model import Edit, EditKind, ItemKind, Target

_CARRIED = (EditKind.UPDATE, EditKind.INSERT)
_EFFECTS = (ItemKind.EFFECT, ItemKind.COMPOUND)


def matches(target: Target, pattern: str) -> bool:
    """Tell whether a pattern takes a target, by whole segments."""
    module, _, qualname = pattern.partition(":")
    if qualname:
        return target.module == module and _within(target.qualname, qualname)
    return _within(target.module, module)


def _within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def select(
    modules: Sequence[Module], only: Sequence[str], exclude: Sequence[str]
) -> tuple[dict[str, list[Edit]], list[str]]:
    """Choose the edits to carry.

    Args:
        modules: with all their edits.
        only: patterns; empty means everything.
        exclude: patterns.

    Returns:
        The chosen edits by module, and notes about what was left out.
    """
    chosen = {m.change.module: [e for e in m.edits if _wanted(e, only, exclude)] for m in modules}
    if not only and not exclude:
        return chosen, []
    _whole_functions(chosen, modules)
    notes: list[str] = []
    by_name = {m.change.module: m for m in modules}
    while True:
        needed = _mentioned(chosen, by_name)
        more = [
            (m.change.module, e)
            for m in modules
            for e in m.edits
            if e not in chosen[m.change.module] and e.kind in (EditKind.INSERT, EditKind.RUDE) and _is_needed(e, needed)
            if e.kind is EditKind.INSERT or not any(matches(e.target, p) for p in exclude)
        ]
        if not more:
            break
        for module, edit in more:
            chosen[module].append(edit)
            if edit.kind is EditKind.INSERT:
                notes.append(f"{edit.target} comes along: selected code refers to it")
    if only and not any(chosen.values()):
        notes.append(f"--only {' '.join(only)} matches no edit; `hotbuild check OLD NEW -v` lists them")
    left = sum(
        e.kind in (*_CARRIED, EditKind.RUDE) and e not in chosen[m.change.module] for m in modules for e in m.edits
    )
    if left:
        notes.append(f"{left} {'edit is' if left == 1 else 'edits are'} left out by --only/--exclude")
    return chosen, notes


def _whole_functions(chosen: dict[str, list[Edit]], modules: Sequence[Module]) -> None:
    """A nested function goes with the function around it, and the reverse: what one makes, the other is."""
    for m in modules:
        edits = chosen[m.change.module]
        wanted = {e.outer for e in edits if e.outer} | {e.pair.old.target for e in edits if e.pair and e.pair.old}
        for edit in m.edits:
            around = edit.outer or (edit.pair.old.target if edit.pair and edit.pair.old else None)
            if edit.kind is EditKind.UPDATE and around in wanted and edit not in edits:
                edits.append(edit)


def _wanted(edit: Edit, only: Sequence[str], exclude: Sequence[str]) -> bool:
    if any(matches(edit.target, p) for p in exclude):
        return False
    return not only or any(matches(edit.target, p) for p in only)


def _is_needed(edit: Edit, names: set[str]) -> bool:
    """Tell whether selected code, which mentions `names`, was written for the other side of this edit."""
    own = {*edit.names, edit.target.qualname.rpartition(".")[2]} - {""}
    if edit.kind is EditKind.RUDE:
        # A statement with effects matters to whoever names what it works on; an attribute, to whoever reads it.
        own |= {n for i in (edit.item, edit.old_item) if i and i.kind in _EFFECTS for n in i.reads - set(dir(builtins))}
        own |= set(edit.attributes)
        return bool(own & names)
    if edit.item is None and not edit.target.qualname:
        return edit.target.module.rpartition(".")[2] in names  # a new module
    return bool(own & names)


def _mentioned(chosen: dict[str, list[Edit]], modules: dict[str, Module]) -> set[str]:
    """Collect the names that the chosen edits' new code refers to."""
    found: set[str] = set()
    for module, edits in chosen.items():
        for edit in edits:
            if edit.kind in _CARRIED:
                found |= set(_new_names(edit, modules[module]))
    return found


def _new_names(edit: Edit, module: Module) -> Iterator[str]:
    if edit.pair and edit.pair.new and not edit.pair.new.is_class:
        yield from _names(module.new_codes.functions[edit.pair.new.line, edit.pair.new.name])
    elif edit.item is not None:
        yield from edit.item.reads
        yield from edit.item.called
        span = edit.item.span
        for (line, _), code in module.new_codes.functions.items():
            if edit.item.definition and span.line <= line <= span.end:
                yield from _names(code)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
