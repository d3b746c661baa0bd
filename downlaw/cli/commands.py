"""The commands of `downlaw`, each imported when it is asked for: fitting takes a second to import."""

from __future__ import annotations

from importlib import import_module

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from .errors import for_people

_TABLE = "A table of runs"
_STUDY = "A study"

COMMANDS: dict[str, tuple[str, str]] = {
    "fit": (_TABLE, "laws.fit"),
    "predict": (_TABLE, "laws.predict"),
    "verdict": (_TABLE, "decisions.verdict"),
    "value": (_TABLE, "decisions.value"),
    "next": (_TABLE, "next_run.next_run"),
    "overtrain": (_TABLE, "overtrain.overtrain"),
    "families": (_TABLE, "families.families"),
    "plan": (_STUDY, "plan.show_plan"),
    "status": (_STUDY, "status.show_status"),
    "schema": (_STUDY, "study.schema"),
    "summary": (_STUDY, "study.show_summary"),
    "report": (_STUDY, "report.report"),
    "restore": (_STUDY, "archive.restore"),
    "paired": ("Translations", "paired.paired"),
    "testbed": ("Public data", "testbed.testbed"),
}
"""The panel of the help that a command stands in, and its module with its function."""


class Commands(TyperGroup):
    """A group that makes a command when it is asked for by name."""

    def list_commands(self, ctx: typer.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> TyperCommand | None:
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.commands[cmd_name] = _command(cmd_name)
        return self.commands.get(cmd_name)


def _command(name: str) -> TyperCommand:
    panel, place = COMMANDS[name]
    module, function = place.split(".")
    alone = typer.Typer(add_completion=False)
    alone.command(name, rich_help_panel=panel)(
        for_people(getattr(import_module(f".{module}", __package__), function))
    )
    return get_command(alone)
