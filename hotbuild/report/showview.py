"""What is in a bundle, for people and as JSON."""

import difflib
import json
from dataclasses import asdict
from pathlib import Path

import click
from hotbuild_runtime.bundle import Bundle

from ..scan import open_tree
from ..source import text as decoded


def as_json(box: Bundle) -> str:
    """Write the manifest with the bundle's id."""
    return json.dumps({"id": box.id, **asdict(box.manifest)}, indent=1)


def print_bundle(box: Bundle, old: Path | None) -> None:
    """Print the manifest; with the old tree, the difference of the sources too, else the new lines of each target."""
    m = box.manifest
    click.echo(f"bundle   {m.name}\nid       {box.id}\nformat   {m.format}, written by hotbuild {m.tool}")
    for p in m.python:
        click.echo(f"python   {p.version} (magic {p.magic}), -O level {p.optimize}")
    for base in m.base:
        click.echo(f"base     {base}")
    for module in m.modules:
        click.echo(f"module   {module.name} ({module.path}){', new' if module.new else ''}")
    for r in m.replacements:
        digests = ", ".join(f"{d[:12]} → {r.provides[tag][:12]}" for tag, d in r.expects.items())
        click.echo(f"update   {r.target} (line {r.line}): {digests}")
    for d in m.docs:
        click.echo(f"doc      {d.target}")
    for a in m.additions:
        owner = f"{a.owner}." if a.owner else ""
        click.echo(f"insert   {a.module}:{owner}{', '.join(a.names) or 'import ' + ', '.join(a.imports)}")
    for k in m.kept:
        click.echo(f"keep     {k.module}:{k.owner + '.' if k.owner else ''}{k.name}")
    for note in m.notes:
        click.echo(f"note     {note}")
    if old is not None:
        _difference(box, old)


def _difference(box: Bundle, old: Path) -> None:
    files = open_tree(old).files
    for module in box.manifest.modules:
        file = files.get(module.path)
        before = decoded(file.read_bytes(), module.path) if file else ""
        after = box.members[module.member].decode("utf-8")
        lines = difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            f"old/{module.path}",
            f"new/{module.path}",
        )
        click.echo("")
        for line in lines:
            colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
            click.echo(click.style(line.rstrip("\n"), fg=colour))
