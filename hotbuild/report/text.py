"""A result as text for people."""

from collections import Counter

import click

from ..model import Edit, EditKind
from ..pipeline import Result
from ..reasons import REASONS

_QUIET = (EditKind.SAME, EditKind.MOVED)


def print_diff(result: Result, path: str | None, verbose: bool) -> None:
    """Print what `diff` did."""
    _edits(result, verbose)
    if result.rude:
        click.echo(f"\n{_count(result.rude)}; nothing was written.", err=True)
    elif result.bundle is None:
        click.echo(_nothing(result))
    elif path is None:
        click.echo(f"{_summary(result)}: {len(result.bundle)} bytes, id {result.id[:12]} (dry run, not written).")
    else:
        click.echo(f"{path}: {_summary(result)}, {len(result.bundle)} bytes, id {result.id[:12]}.")
    _seconds(result, verbose)


def print_check(result: Result, verbose: bool) -> None:
    """Print what `diff` would do."""
    _edits(result, verbose)
    if result.rude:
        click.echo(f"\n{_count(result.rude)}.", err=True)
    elif result.bundle is None:
        click.echo(_nothing(result))
    else:
        click.echo(f"Can be carried: {_summary(result)}.")
    _seconds(result, verbose)


def _nothing(result: Result) -> str:
    if any(module.edits for module in result.modules if any(e.kind not in _QUIET for e in module.edits)):
        return "Nothing to patch in what is selected."
    return "Nothing to patch: the trees differ in nothing that a process could take."


def rude_lines(edit: Edit) -> str:
    """Write a refusal: place, code, what was and is; then the remedy, indented."""
    reason = REASONS[edit.code]
    return f"{edit.path}:{edit.line}: {edit.code} {reason.slug}: {edit.message}\n    {reason.remedy}"


def _edits(result: Result, verbose: bool) -> None:
    for edit in result.edits:
        if edit.kind is EditKind.RUDE:
            click.echo(rude_lines(edit), err=True)
        elif verbose or (edit.kind not in _QUIET and not result.rude):
            name = ", ".join(edit.names) if edit.kind is EditKind.KEEP and edit.names else str(edit.target)
            click.echo(f"{edit.path}:{edit.line}: {edit.kind} {name}")
    for note in result.notes:
        click.echo(f"note: {note}", err=True)


def _summary(result: Result) -> str:
    counts = Counter(str(e.kind) for e in result.edits if e.kind not in (*_QUIET, EditKind.RUDE))
    return ", ".join(f"{counts[kind]} {kind}" for kind in ("update", "insert", "keep") if counts[kind])


def _count(rude: tuple[Edit, ...]) -> str:
    return "1 rude edit" if len(rude) == 1 else f"{len(rude)} rude edits"


def _seconds(result: Result, verbose: bool) -> None:
    if verbose:
        for stage, seconds in result.seconds.items():
            click.echo(f"{stage:>10} {seconds:9.3f} s", err=True)
