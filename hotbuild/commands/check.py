"""`hotbuild check OLD NEW`: the verdicts, without a bundle."""

import sys
from typing import Any

import click

from ..report import text
from ..report.jsonview import report
from .common import EMPTY, REFUSED, build, shared


@click.command()
@shared
def check(as_json: bool, verbose: bool, **given: Any) -> None:
    """Say what `diff` would make of the difference between two trees; writes nothing.

    Exit codes: 0 can be carried, 1 failed, 2 usage, 3 nothing to patch, 4 rude edits.
    """
    result = build("check", **given)
    if as_json:
        click.echo(report(result, None))
    else:
        text.print_check(result, verbose)
    sys.exit(REFUSED if result.rude else EMPTY if result.bundle is None else 0)
