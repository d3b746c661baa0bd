"""The `downlaw` command."""

from __future__ import annotations

import typer

from . import archive, decisions, families, laws, next_run, overtrain, paired, status, study, testbed
from .errors import for_people

app = typer.Typer(
    help="Downstream scaling laws: which data to pretrain on, and how much.",
    no_args_is_help=True,
    add_completion=True,
)

A_TABLE = "A table of runs"
A_STUDY = "A study"


@app.callback()
def main() -> None:
    """Downstream scaling laws: which data to pretrain on, and how much."""


for panel, commands in (
    (
        A_TABLE,
        {
            "fit": laws.fit,
            "predict": laws.predict,
            "verdict": decisions.verdict,
            "value": decisions.value,
            "next": next_run.next_run,
            "overtrain": overtrain.overtrain,
            "families": families.families,
        },
    ),
    (
        A_STUDY,
        {
            "plan": study.show_plan,
            "status": status.show_status,
            "schema": study.schema,
            "summary": study.show_summary,
            "restore": archive.restore,
        },
    ),
    ("Translations", {"paired": paired.paired}),
    ("Public data", {"testbed": testbed.testbed}),
):
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(for_people(command))
