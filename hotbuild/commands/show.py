"""`hotbuild show FIX.hpb`: what is in a bundle."""

from pathlib import Path

import click
from hotbuild_runtime import bundle

from ..report import showview


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--old", type=click.Path(exists=True, path_type=Path), help="The old tree, to show the source difference."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(file: Path, old: Path | None, as_json: bool) -> None:
    """Show what a bundle holds: its manifest, its targets, and the source of what it changes."""
    box = bundle.read(file.read_bytes())
    if as_json:
        click.echo(showview.as_json(box))
    else:
        showview.print_bundle(box, old)
