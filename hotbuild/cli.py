"""The command line. Each subcommand lives in `commands/`; this file names them and maps errors to exit codes.

Exit codes: 0 done, 1 failed, 2 usage, 3 nothing to patch, 4 rude edits.
"""

import sys

import click
from hotbuild_runtime import HotbuildError

from . import __version__
from .commands import check, diff, explain, show, verify
from .pipeline import UnsupportedPython
from .scan import ScanError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hotbuild")
def cli() -> None:
    """Hot-patch a running Python process: diff two source trees into a bundle, load it, unload it."""


for command in (diff.diff, check.check, show.show, verify.verify, explain.explain, explain.rules):
    cli.add_command(command)


def main() -> None:
    """Run the command line and exit."""
    try:
        cli(prog_name="hotbuild")
    except HotbuildError as error:
        _fail(str(error))
    except (ScanError, UnsupportedPython) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or 'file'}: {error.strerror or error}")


def _fail(message: str) -> None:
    click.echo(f"hotbuild: {message}", err=True)
    sys.exit(1)
