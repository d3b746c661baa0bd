"""One file that holds a finished study, and the way back from it to a results folder."""

from .errors import ArchiveError
from .reading import Restored, restore
from .writing import Archived, write_archive

__all__ = ["ArchiveError", "Archived", "Restored", "restore", "write_archive"]
