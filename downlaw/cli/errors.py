"""Errors and notes for people: one line each, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from downlaw.laws import TableError


class CommandError(Exception):
    """A command that cannot do what it is asked; the message says what to do."""


def note(line: str) -> None:
    """Something that a person should know about the table on standard output."""
    print(f"note: {line}", file=sys.stderr)


def for_people(command: Callable[..., None]) -> Callable[..., None]:
    """The command, ending with code 1 and one message where its input is at fault."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except BrokenPipeError:  # `downlaw fit | head`: click ends quietly
            raise
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            _end(f"{where}{error.strerror or error}")
        except (CommandError, TableError) as error:
            _end(str(error))

    return run


def _end(message: str) -> None:
    print(f"error: {message.strip()}", file=sys.stderr)
    raise typer.Exit(1) from None
