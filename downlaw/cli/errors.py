"""Errors and notes for people: one line each, on standard error; and the codes that commands end with."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

BAD_INPUT = 1
"""A table, a study or a value that makes no sense. What the command line itself has wrong ends with 2."""
BROKEN_PIPE = 141
"""Who reads the output has had enough: as a shell says of a program that SIGPIPE ended."""


class CommandError(Exception):
    """A command that cannot do what it is asked; the message says what to do."""


def note(line: str) -> None:
    """Something that a person should know about the table on standard output."""
    print(f"note: {line}", file=sys.stderr)


def for_people(command: Callable[..., None]) -> Callable[..., None]:
    """The command, ending with one message and code 1 where its input is at fault, and with none where nobody
    reads on."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
            sys.stdout.flush()  # now, and not when Python ends and can only complain
        except BrokenPipeError:  # `downlaw fit | head`
            _drop_output()
            raise typer.Exit(BROKEN_PIPE) from None
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            _end(f"{where}{error.strerror or error}")
        except Exception as error:
            if not isinstance(error, (CommandError, *_input_errors())):
                raise
            _end(str(error))

    return run


def _input_errors() -> list[type[Exception]]:
    """Errors of modules that have been imported; only of these they can have been raised."""
    places = (("downlaw.laws", "TableError"), ("downlaw.unreadable", "ResultsError"))
    return [getattr(sys.modules[module], name) for module, name in places if module in sys.modules]


def _drop_output() -> None:
    """Let what is still to be written go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _end(message: str) -> None:
    print(f"error: {message.strip()}", file=sys.stderr)
    raise typer.Exit(BAD_INPUT) from None
