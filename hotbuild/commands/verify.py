"""`hotbuild verify FIX.hpb --release TREE`: does this bundle fit this release?"""

import json
import sys
from pathlib import Path

import click

from ..verify import verify as run


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--release", required=True, type=click.Path(exists=True, path_type=Path), help="The tree that the processes run."
)
@click.option("--root", metavar="DIR", help="Folder below the tree that is its source root.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(file: Path, release: Path, root: str | None, as_json: bool) -> None:
    """Check a bundle against a release, for release scripts; the release's code is compiled and not run.

    Integrity, Python target, and that the tree holds every target with the expected fingerprint.
    Exit codes: 0 fits, 1 does not, with the codes.
    """
    problems = run(file, release, root)
    if as_json:
        rows = [
            {"code": p.code, "slug": p.slug, "where": p.where, "message": p.message, "remedy": p.cure} for p in problems
        ]
        click.echo(json.dumps({"result": "refused" if problems else "fits", "problems": rows}, indent=1))
    elif problems:
        for problem in problems:
            click.echo(str(problem), err=True)
    else:
        click.echo(f"{file}: fits {release}")
    sys.exit(1 if problems else 0)
