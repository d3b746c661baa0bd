"""What can be wrong with an archive, or with what is to be archived."""

from __future__ import annotations


class ArchiveError(RuntimeError):
    """A study that cannot be archived, or an archive that cannot be restored; the message names the file."""
