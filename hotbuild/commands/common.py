"""Options and behaviour that `diff` and `check` share."""

import sys
import time
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import click
from hotbuild_runtime import bundle

from ..pipeline import Options, Result
from ..pipeline import diff as run
from ..scan import Rules

REFUSED = 4
EMPTY = 3

Command = Callable[..., Any]

_OPTIONS = [
    click.argument("old", type=click.Path(exists=True, path_type=Path)),
    click.argument("new", type=click.Path(exists=True, path_type=Path)),
    click.option("--root", metavar="DIR", help="Folder below OLD and NEW that is the source root."),
    click.option("--include", multiple=True, metavar="PATTERN", help="Take paths that the default rules leave out."),
    click.option("--exclude", multiple=True, metavar="PATTERN",
                 help="Leave out paths (with a slash or ending in .py) or targets (`module`, `module:Class.method`)."),
    click.option("--only", multiple=True, metavar="TARGET", help="Take only `module`, `module:Class`, `module:Class.method`."),
    click.option("--optimize", "-O", type=click.IntRange(0, 2), default=0, show_default=True,
                 help="The -O level of the process that the bundle is for."),
    click.option("--base", "bases", multiple=True, metavar="BUNDLE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                 help="OLD already contains this bundle's fix: it must be loaded first."),
    click.option("--strict", is_flag=True, help="Refuse when files that are not Python differ."),
    click.option("--forbid-keep", is_flag=True, help="Refuse when the fix removes a definition."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    click.option("--verbose", "-v", is_flag=True, help="Print the seconds per stage, and edits that change nothing."),
]  # fmt: skip


def shared(function: Command) -> Command:
    """Add the options of `diff` and `check` to a command."""
    return reduce(lambda f, option: option(f), reversed(_OPTIONS), function)


def build(name: str, **given: Any) -> Result:
    """Run the pipeline with the shared options."""
    paths: list[str] = []
    targets: list[str] = []
    for pattern in given["exclude"]:
        (paths if "/" in pattern or pattern.endswith(".py") else targets).append(pattern)
    options = Options(
        root=given["root"],
        rules=Rules(given["include"], tuple(paths)),
        only=given["only"],
        exclude=tuple(targets),
        optimize=given["optimize"],
        name=name,
        base=tuple(bundle.read(p.read_bytes()).id for p in given["bases"]),
        strict=given["strict"],
        forbid_keep=given["forbid_keep"],
    )
    with _Bar() as bar:
        return run(given["old"], given["new"], options, bar.update)


class _Bar:
    """A progress bar on standard error: only on a terminal, and only when the work takes more than a second."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._live: Any = None
        self._task: Any = None

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, stage: str, done: int, total: int) -> None:
        if not sys.stderr.isatty() or time.monotonic() - self._start < 1:
            return
        if self._live is None:
            from rich.console import Console
            from rich.progress import Progress as Bar

            self._live = Bar(console=Console(stderr=True), transient=True)
            self._live.start()
            self._task = self._live.add_task(stage, total=total)
        self._live.update(self._task, description=stage, completed=done, total=total)


__all__ = ["EMPTY", "REFUSED", "build", "shared"]
