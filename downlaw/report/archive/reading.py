"""Bring an archive back as a results folder: all of it, verified, or nothing.

Names are checked before anything is written, hashes before anything is where Snakemake looks. Nothing is
unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import yaml

from downlaw.files import read_json

from .contents import ABOUT, MANIFEST, RECORDS, STUDY
from .errors import ArchiveError
from .place import bring_in, made, temporary_in
from .records import record_path, write_record
from .stream import Frame, Member, members
from .writing import FORMAT

Say = Callable[[str], object]

_MOST_ABOUT = 2**20
_OVERHEAD = 2**26
_CHUNK = 2**20
_SAY_SECONDS = 10
_LONGEST_LINE = 2**24
_FREE_BYTES = 2**24
_MAY_BE_THERE = {"README.md"}
"""What a clone has in its results folder."""


@dataclass(frozen=True)
class Restored:
    """What was restored.

    Attributes:
        study: its name.
        made_by: the version of downlaw that archived it, with its commit if that is known.
        results: the folder, as the study names it.
        files: how many files, and `bytes` of them.
        left_out: files and bytes by kind that the archive does not hold.
        checkpoints: which checkpoints it holds: none, last or all.
        configfile: the study file to run on with, below the folder that was restored into.
    """

    study: str
    made_by: str
    results: Path
    files: int
    bytes: int
    left_out: dict[str, dict[str, int]]
    checkpoints: str
    configfile: Path


def restore(
    archive: Path, into: Path = Path(), results: Path | None = None, say: Say = lambda line: None
) -> Restored:
    """Restore an archive's results folder and Snakemake's records into a clone.

    Args:
        into: the clone: where Snakemake runs.
        results: needed only where the study's results folder lies outside of the clone, and then the same.
        say: is told of progress, for archives that take long.

    Raises:
        ArchiveError: for an archive that is damaged, unsafe or of another format, or a results folder that
            is not empty. Then nothing is left behind.
    """
    try:
        with archive.open("rb") as stream:
            return _Restoring(archive, stream, into, say).run(results)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise ArchiveError(f"{archive}: {where}{error.strerror or error}; nothing was restored") from None


@dataclass
class _Restoring:
    archive: Path
    stream: BinaryIO
    into: Path
    say: Say
    about: dict[str, Any] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    about_content: bytes = b""

    def run(self, results: Path | None) -> Restored:
        if not self.into.is_dir():
            raise self.refused(f"{self.into} is no folder")
        frame = Frame(self.stream, self.refused)
        try:
            with tarfile.open(fileobj=frame, mode="r|", encoding="utf-8") as tar:
                found = members(tar, frame, self.refused)
                self.read_about(tar, found)
                folder = self.target(results)
                with made(folder), temporary_in(folder) as aside, temporary_in(self.into) as staged:
                    self.extract(tar, found, aside)
                    frame.finish()
                    self.verify(aside)
                    bring_in(aside, folder, staged, self.stage_records(aside, staged), self.into)
        except tarfile.TarError as error:
            raise self.refused(f"it is damaged or cut short: {error}") from None
        return self.report(folder)

    def refused(self, why: str) -> ArchiveError:
        return ArchiveError(f"{self.archive}: {why}; nothing was restored")

    def read_about(self, tar: tarfile.TarFile, found: Iterator[Member]) -> None:
        name, member = next(found, ("", None))
        if member is None or name != ABOUT or member.size > _MOST_ABOUT:
            raise self.refused("it is no archive of downlaw")
        self.about_content = tar.extractfile(member).read()
        self.hashes[name] = hashlib.sha256(self.about_content).hexdigest()
        try:
            about = dict(json.loads(self.about_content))
            version = about["version"]
            if version == FORMAT:
                about |= {"bytes": int(about["bytes"]), "files": int(about["files"])}
                about |= {"results": Path(about["results"])}
        except (ValueError, KeyError, TypeError):
            raise self.refused(f"its {ABOUT} is damaged") from None
        if version != FORMAT:
            raise self.refused(
                f"it has format {version}, and this downlaw reads format {FORMAT}; downlaw "
                f"{about.get('downlaw')}, which wrote it, can restore it"
            )
        self.about = about

    def target(self, given: Path | None) -> Path:
        """The results folder, which is still empty."""
        results = self.about["results"]
        if given is not None and given != results:
            raise self.refused(f"its results folder was {results}, where its records name files, not {given}")
        if given is None and (results.is_absolute() or ".." in results.parts):
            raise self.refused(
                f"its results folder was {results}, outside of the folder to restore into; if it is to go "
                f"there again, say --results {results}"
            )
        folder = self.into / results
        if folder.exists() and not folder.is_dir():
            raise self.refused(f"{folder} is a file")
        there = {path.name for path in folder.iterdir()} - _MAY_BE_THERE if folder.is_dir() else set()
        if there:
            raise self.refused(
                f"{folder} is not empty ({sorted(there)[0]} is there); restore into an empty clone, or move "
                "the folder away"
            )
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        free = shutil.disk_usage(existing).free - _FREE_BYTES
        if self.about["bytes"] > free:
            needs = self.about["bytes"] / 2**20
            raise self.refused(
                f"it holds {needs:,.0f} MiB, and {free / 2**20:,.0f} MiB are free for {folder}"
            )
        return folder

    def extract(self, tar: tarfile.TarFile, found: Iterator[Member], aside: Path) -> None:
        """Write every member below `aside`, and keep its hash."""
        total = self.about["bytes"]
        own = _OVERHEAD + self.about["files"] * 2**10
        most = total + own
        done, said = 0, time.monotonic()
        _open(aside / ABOUT).write(self.about_content)
        for name, member in found:
            if name == MANIFEST and member.size > own:
                raise self.refused("its manifest is longer than it can be")
            try:
                file = _open(aside / name)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                raise self.refused(f"{name!r} is both a file and a folder in it") from None
            sha256, source = hashlib.sha256(), tar.extractfile(member)
            with file:
                while chunk := source.read(_CHUNK):
                    done += len(chunk)
                    if done > most:
                        raise self.refused("it holds more bytes than it tells of")
                    sha256.update(chunk)
                    file.write(chunk)
                    if time.monotonic() - said > _SAY_SECONDS:
                        said = time.monotonic()
                        self.say(f"restore: {done / 2**20:,.0f} of {total / 2**20:,.0f} MiB")
            self.hashes[name] = sha256.hexdigest()

    def verify(self, aside: Path) -> None:
        """Compare everything with the manifest, and set the times."""
        if MANIFEST not in self.hashes:
            raise self.refused("it is cut short: its manifest is missing")
        try:
            listed = read_json(aside / MANIFEST)["files"]
            times = {name: int(facts["mtime_ns"]) for name, facts in listed.items()}
            expected = {name: facts["sha256"] for name, facts in listed.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self.refused("its manifest is damaged") from None
        del self.hashes[MANIFEST]
        if missing := sorted(expected.keys() - self.hashes.keys()):
            raise self.refused(f"{missing[0]} is missing from it ({len(missing)} of {len(expected)} files)")
        if extra := sorted(self.hashes.keys() - expected.keys()):
            raise self.refused(f"it holds {extra[0]}, which its manifest does not know")
        for name, sha256 in self.hashes.items():
            if sha256 != expected[name]:
                raise self.refused(f"{name} is damaged: its SHA-256 is not the one in the manifest")
            os.utime(aside / name, ns=(times[name], times[name]))

    def stage_records(self, aside: Path, staged: Path) -> list[Path]:
        """Write Snakemake's records below `staged`; gives their paths in there."""
        start = f"{self.about['results']}/"
        paths = []
        with (aside / RECORDS).open(encoding="utf-8") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(_LONGEST_LINE), ""), start=1):
                try:
                    entry = json.loads(line)
                    name, record = entry["file"], dict(entry["record"])
                    fits = name.startswith(start) and ".." not in PurePosixPath(name).parts
                except (ValueError, KeyError, TypeError, AttributeError):
                    raise self.refused(f"line {number} of its {RECORDS} is damaged") from None
                if not fits:
                    raise self.refused(f"line {number} of its {RECORDS} is not about the study: {name!r}")
                write_record(staged, name, record)
                paths.append(record_path(name))
        return paths

    def report(self, folder: Path) -> Restored:
        about = self.about
        commit = about.get("commit")
        return Restored(
            study=str(about.get("study")),
            made_by=f"{about.get('downlaw')}" + (f", commit {commit}" if commit else ""),
            results=about["results"],
            files=about["files"],
            bytes=about["bytes"],
            left_out=about.get("left_out", {}),
            checkpoints=str(about.get("checkpoints")),
            configfile=self.configfile(folder),
        )

    def configfile(self, folder: Path) -> Path:
        """The file that the study was run with, if the clone has it unchanged; else the archive's own."""
        given = [Path(str(name)) for name in self.about.get("configfiles", [])]
        if len(given) == 1 and not given[0].is_absolute() and ".." not in given[0].parts:
            with suppress(OSError, ValueError, yaml.YAMLError):
                if _yaml(self.into / given[0]) == _yaml(folder / STUDY):
                    return given[0]
        return self.about["results"] / STUDY


def _open(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("xb")


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
