"""Lines of text files, plain or compressed, with errors that name file and line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from ..errors import CorpusError

MAX_LINE_BYTES = 16 << 20
"""A longer line is refused before it is read whole: text has none, but files without line ends do."""

_CHUNK = 1 << 20

_MARKS = ((b"\xff\xfe\x00\x00", "UTF-32"), (b"\x00\x00\xfe\xff", "UTF-32"))
_MARKS += ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))


def _plain_chunks(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _zstandard_chunks(path: Path) -> Iterator[bytes]:
    """Arrow's reader, since it gives no more than is asked for and notices where a frame is cut short."""
    with path.open("rb") as file, pa.CompressedInputStream(file, "zstd") as stream:
        while True:
            try:
                chunk = stream.read(_CHUNK)
            except OSError as error:
                raise EOFError(str(error)) from None
            if not chunk:
                return
            yield chunk


def _raw_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    rest: list[bytes] = []
    held, number = 0, 1
    for chunk in (_zstandard_chunks if path.suffix == ".zst" else _plain_chunks)(path):
        *lines, last = chunk.split(b"\n")
        for line in lines:
            _require_short(path, number, held + len(line))
            yield number, b"".join((*rest, line))
            rest, held, number = [], 0, number + 1
        rest.append(last)
        held += len(last)
        _require_short(path, number, held)
    if held:
        yield number, b"".join(rest)


def _require_short(path: Path, number: int, size: int) -> None:
    if size > MAX_LINE_BYTES:
        raise CorpusError(
            f"{path}: line {number}: longer than {MAX_LINE_BYTES >> 20} MiB: is this a text file with one "
            "segment a line?"
        )


def _require_utf8(path: Path, start: bytes) -> None:
    for mark, name in _MARKS:
        if start.startswith(mark):
            raise CorpusError(f"{path}: line 1: in {name}, not UTF-8: {_convert(path, name)}")


def _convert(path: Path, name: str) -> str:
    return f"convert it, as by `iconv -f {name} -t UTF-8 {path.name}`"


def read_lines(path: Path, key: str) -> Iterator[tuple[int, str]]:
    """(line number from 1, line without its end) of a UTF-8 file: plain, `.gz` or `.zst`.

    Args:
        key: the config key that names the file, for messages.

    Raises:
        CorpusError: naming the file, and the line where there is one, for a missing or damaged file, another
            encoding than UTF-8, NUL bytes, and a line of more than `MAX_LINE_BYTES`.
    """
    number = 0
    try:
        for number, raw in _raw_lines(path):
            if number == 1:
                _require_utf8(path, raw)
            if b"\0" in raw:
                raise CorpusError(f"{path}: line {number}: NUL byte: is this a text file in UTF-8?")
            line = raw.decode("utf-8").removesuffix("\r")
            yield number, line.removeprefix("\ufeff") if number == 1 else line
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path}: line {number}: not UTF-8 "
            f"(byte {error.start + 1} of the line, 0x{raw[error.start]:02x}); "
            f"if all of it is in one other encoding, say Windows-1252, {_convert(path, 'WINDOWS-1252')}"
        ) from None
    except FileNotFoundError:
        raise CorpusError(f"{key}: no such file: {path}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorpusError(f"{path}: damaged after line {number}: {error}") from None
    except OSError as error:
        raise CorpusError(f"{key}: {path}: {error.strerror}") from None
