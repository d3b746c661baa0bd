"""Write a finished study into one file: a tar archive, compressed by zstd.

The same folder gives the same bytes: files are sorted, owners and modes are fixed, times are the files' own,
and no clock is asked.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import yaml
import zstandard

import downlaw
from downlaw.files import read_json, write_aside
from downlaw.study import LmStudy, Study
from downlaw.versions import versions

from .contents import ABOUT, CONFIGS, CRATE, LOCK, MANIFEST, RECORDS, STUDY, Contents, belongs, contents
from .crate import Described, crate_metadata
from .errors import ArchiveError
from .records import records
from .stream import seal

FORMAT = 1
LEVEL = 9

Say = Callable[[str], object]
_CODE = Path(downlaw.__file__).resolve().parents[1]
_SAY_SECONDS = 10


@dataclass(frozen=True)
class Archived:
    """path: the archive. files, bytes: what it holds, unpacked. left_out: files and bytes by kind."""

    path: Path
    files: int
    bytes: int
    left_out: dict[str, dict[str, int]]

    def lines(self) -> list[str]:
        """What to say of it."""
        told = [
            f"left out: {kind}, {counted['files']:,} files, {counted['bytes'] / 2**20:,.1f} MiB"
            for kind, counted in self.left_out.items()
        ]
        packed = self.path.stat().st_size / 2**20
        return [
            f"{self.path}: {packed:,.1f} MiB, {self.files:,} files of {self.bytes / 2**20:,.1f} MiB",
            *told,
        ]


def write_archive(
    study: Study,
    config: Mapping[str, Any],
    configfiles: Sequence[Path | str] = (),
    *,
    folder: Path = Path(),
    say: Say = lambda line: None,
) -> Archived:
    """Archive a finished study as `<results>.tar.zst`, beside its results folder.

    Args:
        config: what the study was validated from, merged from all config files and options.
        configfiles: the files that it came from.
        folder: where Snakemake runs, with its records; relative paths start there.
        say: is told of progress, for studies that take long.

    Raises:
        ArchiveError: where the folder is not that of a finished study, a file changes while it is read, or
            the archive cannot be written. An earlier archive stays as it was.
    """
    results = folder / study.results
    if study.results.name in ("", ".."):
        raise ArchiveError(f"results: {study.results}: only a folder of its own can be archived")
    runs = "lm_runs.csv" if isinstance(study, LmStudy) else "runs.csv"
    for needed in (runs, "laws.csv", "report/summary.txt"):
        if not (results / needed).is_file():
            raise ArchiveError(f"{results / needed} is not there; only a finished study can be archived")
    path = results.with_name(results.name + ".tar.zst")
    found = contents(study, results)
    given = {_below(folder, Path(file)): folder / file for file in configfiles}
    made = _made_here(config, given)
    try:
        with write_aside(path) as aside, aside.open("wb") as stream, tempfile.TemporaryFile() as lines:
            _write_records(study, folder, lines)
            return _write(path, stream, study, list(given), found, made, lines, say)
    except OSError as error:
        where = error.filename or path
        raise ArchiveError(f"{path} cannot be written: {where}: {error.strerror or error}") from None


def _made_here(config: Mapping[str, Any], configfiles: Mapping[str, Path]) -> dict[str, bytes]:
    """The study as it was run and the environment that it ran in, by name."""
    plain = json.loads(json.dumps(config, default=str))
    made = {STUDY: yaml.safe_dump(plain, sort_keys=False, allow_unicode=True).encode()}
    for name, file in configfiles.items():
        if file.is_file():
            made[f"{CONFIGS}/{name}"] = file.read_bytes()
    if (_CODE / "requirements.lock").is_file():
        made[LOCK] = (_CODE / "requirements.lock").read_bytes()
    return made


def _write_records(study: Study, folder: Path, stream: BinaryIO) -> None:
    """Snakemake's records of the study's files, also of those that are left out: one line each."""
    start = f"{study.results}/"
    for name, record in records(folder):
        if name.startswith(start) and belongs(name.removeprefix(start)):
            line = json.dumps({"file": name, "record": record}, ensure_ascii=False)
            stream.write(line.encode() + b"\n")


def _write(
    path: Path,
    stream: BinaryIO,
    study: Study,
    configfiles: list[str],
    found: Contents,
    made: Mapping[str, bytes],
    lines: BinaryIO,
    say: Say,
) -> Archived:
    size = sum(file.stat().st_size for file in found.files.values())
    newest = max(file.stat().st_mtime_ns for file in found.files.values())
    total = size + sum(map(len, made.values())) + lines.tell()
    commit = _commit()
    about = {
        "format": "downlaw archive",
        "version": FORMAT,
        "downlaw": versions()["downlaw"],
        "commit": commit,
        "study": study.study,
        "results": str(study.results),
        "configfiles": configfiles,
        "checkpoints": study.archive.checkpoints,
        "text": study.archive.text,
        "files": len(found.files),
        "bytes": total,
        "left_out": found.left_out,
    }
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    sealed = _Sealed(stream)
    with compressor.stream_writer(sealed, closefd=False) as packed:
        tar = tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8")  # noqa: SIM115
        writer = _Writer(tar, study.study, total, say)
        writer.add_bytes(ABOUT, _json(about), newest)
        for name, file in found.files.items():
            writer.add_file(name, file)
        for name, content in sorted(made.items()):
            writer.add_bytes(name, content, newest)
        writer.add_stream(RECORDS, lines, newest)
        described = Described(
            study,
            writer.files | {MANIFEST: {"mtime_ns": newest}},
            [read_json(file) for name, file in found.files.items() if _is_corpus_manifest(name)],
            versions(),
            commit,
        )
        writer.add_bytes(CRATE, _json(crate_metadata(described)), newest)
        writer.add_bytes(MANIFEST, _json({"files": writer.files}), newest)
        tar.close()
    sealed.end()
    return Archived(path, len(found.files), size, found.left_out)


def _below(folder: Path, file: Path) -> str:
    """The path of a file from `folder`; of a file elsewhere the name alone."""
    path = (folder / file).resolve()
    return str(path.relative_to(folder.resolve())) if path.is_relative_to(folder.resolve()) else path.name


def _is_corpus_manifest(name: str) -> bool:
    return name.startswith("corpora/") and name.endswith("/manifest.json")


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _commit() -> str | None:
    """The commit of downlaw's code, with `+` where files differ from it; None outside a clone."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(_CODE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != _CODE:
            return None
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


class _Writer:
    """Adds members to a tar archive, and keeps the hash, size and time of each."""

    def __init__(self, tar: tarfile.TarFile, top: str, total: int, say: Say) -> None:
        self._tar, self._top, self._total, self._say = tar, top, total, say
        self._done, self._said = 0, time.monotonic()
        self.files: dict[str, dict[str, Any]] = {}

    def add_file(self, name: str, path: Path) -> None:
        with path.open("rb") as stream:
            before = path.stat()
            self._add(name, stream, before.st_size, before.st_mtime_ns)
            after = path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise ArchiveError(f"{path} changed while it was archived; wait until nothing runs there")

    def add_bytes(self, name: str, content: bytes, mtime_ns: int) -> None:
        self._add(name, io.BytesIO(content), len(content), mtime_ns)

    def add_stream(self, name: str, stream: BinaryIO, mtime_ns: int) -> None:
        """What was written into `stream`, from its start."""
        size = stream.tell()
        stream.seek(0)
        self._add(name, stream, size, mtime_ns)

    def _add(self, name: str, stream: BinaryIO, size: int, mtime_ns: int) -> None:
        member = tarfile.TarInfo(f"{self._top}/{name}")
        seconds, fraction = divmod(mtime_ns, 10**9)
        member.size, member.mtime, member.mode = size, seconds, 0o644
        member.pax_headers = {"mtime": f"{seconds}.{fraction:09d}"}
        hashed = _Hashed(stream, self._progress)
        try:
            self._tar.addfile(member, hashed)
        except OSError as error:
            if str(error) != "unexpected end of data":
                raise
            raise ArchiveError(
                f"{name} became shorter while it was archived; wait until nothing runs there"
            ) from None
        self._tar.members.clear()  # it would keep them all
        self.files[name] = {"sha256": hashed.sha256.hexdigest(), "size": size, "mtime_ns": mtime_ns}

    def _progress(self, size: int) -> None:
        self._done += size
        if time.monotonic() - self._said > _SAY_SECONDS:
            self._said = time.monotonic()
            self._say(f"archive: {self._done / 2**20:,.0f} of {self._total / 2**20:,.0f} MiB")


class _Sealed:
    """A file that ends with the hash of what was written into it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._sha256 = stream, hashlib.sha256()

    def write(self, content: bytes) -> int:
        self._sha256.update(content)
        return self._stream.write(content)

    def end(self) -> None:
        self._stream.write(seal(self._sha256.digest()))


class _Hashed:
    """A stream that is hashed while it is read."""

    def __init__(self, stream: BinaryIO, progress: Callable[[int], None]) -> None:
        self._stream, self._progress = stream, progress
        self.sha256 = hashlib.sha256()

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self.sha256.update(chunk)
        self._progress(len(chunk))
        return chunk
