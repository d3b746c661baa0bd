"""The one error of this package that is meant for people."""

from __future__ import annotations


class CorpusError(ValueError):
    """Text that cannot be used: the message names the file, line or config key, and says what to do."""
