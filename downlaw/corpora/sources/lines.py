"""Lines of text files, plain or compressed, with errors that name file and line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import zstandard

from ..errors import CorpusError

_CHUNK = 1 << 20


def _plain_chunks(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _zstandard_chunks(path: Path) -> Iterator[bytes]:
    frame = None
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            while chunk:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                yield frame.decompress(chunk)
                chunk = frame.unused_data
                if frame.eof:
                    frame = None
    if frame is not None:
        raise EOFError("the file ends within a compressed frame")


def _raw_lines(path: Path) -> Iterator[bytes]:
    rest = b""
    for chunk in (_zstandard_chunks if path.suffix == ".zst" else _plain_chunks)(path):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest


def read_lines(path: Path, key: str) -> Iterator[tuple[int, str]]:
    """(line number from 1, line without its end) of a UTF-8 file: plain, `.gz` or `.zst`.

    Args:
        key: the config key that names the file, for messages.

    Raises:
        CorpusError: naming the file, and the line where there is one, for a missing or damaged file, bytes
            that are not UTF-8, and NUL bytes.
    """
    number = 0
    try:
        for number, raw in enumerate(_raw_lines(path), 1):
            if b"\0" in raw:
                raise CorpusError(f"{path}: line {number}: NUL byte: is this a text file in UTF-8?")
            line = raw.decode("utf-8").removesuffix("\r")
            yield number, line.removeprefix("\ufeff") if number == 1 else line
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: line {number}: not UTF-8 (byte {error.start + 1} of the line)") from None
    except FileNotFoundError:
        raise CorpusError(f"{key}: no such file: {path}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise CorpusError(f"{path}: damaged after line {number}: {error}") from None
    except OSError as error:
        raise CorpusError(f"{key}: {path}: {error.strerror}") from None
