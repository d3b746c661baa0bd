"""What a job says: progress lines for the person, details for the log, one clear line for an error."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


def say(line: str) -> None:
    """One progress line on the terminal."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def job(log_path: Path | str, label: str = "") -> Iterator[TextIO]:
    """Run a script's work with its log open, and announce its end.

    An error of ours, a missing file or a full disk ends the process with code 1, and its message alone is
    on the terminal and in the log; anything else keeps its traceback in both.
    """
    begun = time.monotonic()
    with open(log_path, "w", encoding="utf-8") as log:
        try:
            yield log
        except Exception as error:
            ours = type(error).__module__.startswith("downlaw")
            if not ours and not isinstance(error, OSError):
                log.write(traceback.format_exc())
                raise
            message = f"error: {label + ': ' if label else ''}{error}"
            log.write(message + "\n")
            say(message)
            sys.exit(1)
    if label:
        say(f"{label}: done in {time.monotonic() - begun:.0f} s")
