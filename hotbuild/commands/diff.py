"""`hotbuild diff OLD NEW -o FIX.hpb`: build a bundle."""

import sys
from pathlib import Path
from typing import Any

import click

from ..emit import write
from ..report import keep, text
from ..report.jsonview import report
from .common import EMPTY, REFUSED, build, shared


@click.command()
@shared
@click.option(
    "--output",
    "-o",
    required=True,
    metavar="FIX.hpb",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The bundle.",
)
@click.option("--name", help="The bundle's name; the output file's stem when not given.")
@click.option("--dry-run", is_flag=True, help="Do everything but write the bundle.")
@click.option("--keep", "keep_dir", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
              help="Write the outcome of every stage into this folder.")  # fmt: skip
def diff(
    output: Path, name: str | None, dry_run: bool, keep_dir: Path | None, as_json: bool, verbose: bool, **given: Any
) -> None:
    """Turn the difference between two source trees into a bundle.

    OLD is the tree that the process runs, NEW the tree with the fix: a .py file, a package folder, a source root, a
    repository with src/ layout, or an unpacked wheel.

    Exit codes: 0 written, 1 failed, 2 usage, 3 nothing to patch, 4 rude edits (all listed, nothing written).
    """
    result = build(name or output.stem, **given)
    if keep_dir is not None:
        keep.write_stages(result, keep_dir)
    if result.bundle is not None and not dry_run:
        write(result.bundle, output)
    path = str(output) if result.bundle is not None and not dry_run else None
    if as_json:
        click.echo(report(result, path))
    else:
        text.print_diff(result, path, verbose)
    sys.exit(REFUSED if result.rude else EMPTY if result.bundle is None else 0)
