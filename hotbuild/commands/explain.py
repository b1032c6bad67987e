"""`hotbuild explain CODE` and `hotbuild rules`: the table of reasons."""

import click

from ..reasons import REASONS


@click.command()
@click.argument("code")
def explain(code: str) -> None:
    """Explain an HB code (or a slug): what it means, and what to do."""
    wanted = code.upper()
    reason = REASONS.get(wanted) or next((r for r in REASONS.values() if r.slug == code.lower()), None)
    if reason is None:
        raise click.UsageError(f"there is no code {code}; `hotbuild rules` lists them all")
    click.echo(
        f"{reason.code} {reason.slug}\n\n  {reason.title[0].upper()}{reason.title[1:]}.\n\n  What to do: {reason.remedy}."
    )


@click.command()
def rules() -> None:
    """List all HB codes."""
    for reason in REASONS.values():
        click.echo(f"{reason.code}  {reason.slug:26} {reason.title}")
