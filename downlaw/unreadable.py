"""Results that are there and cannot be read: one error, that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ResultsError(ValueError):
    """A file of a results folder that cannot be read, or holds what nobody wrote; the message names it."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What goes wrong in this block is a ResultsError about `path`, or about a file that is known better.

    Raises:
        ResultsError: where a file cannot be read, or its values are of another shape.
    """
    try:
        yield
    except ResultsError:
        raise
    except OSError as error:
        raise ResultsError(
            f"results cannot be read: {error.filename or path}: {error.strerror or error}"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultsError(f"results cannot be read: {path} ({type(error).__name__}: {error})") from error
