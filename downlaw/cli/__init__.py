"""The `downlaw` command."""

from __future__ import annotations

from typing import Annotated

import typer

from downlaw.versions import versions

from .commands import COMMANDS, Commands

__all__ = ["COMMANDS", "app"]

app = typer.Typer(
    cls=Commands,
    help="Downstream scaling laws: which data to pretrain on, and how much.",
    no_args_is_help=True,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        print(", ".join(f"{name} {version}" for name, version in versions().items()))
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the versions that runs are made with.",
            callback=_show_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Downstream scaling laws: which data to pretrain on, and how much."""
