"""fairseq's memory-mapped dataset format, written and read without importing fairseq.

A dataset is a pair of files. `NAME.bin` holds the items one after the other; `NAME.idx` holds a header, the
length of each item (int32) and its offset in bytes (int64). See `MMapIndexedDataset` in fairseq 0.12.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from downlaw.files import write_aside

_MAGIC = b"MMIDIDX\x00\x00"
_VERSION = 1
_CODES = {np.dtype(np.int32): 4, np.dtype(np.uint16): 8}
_TYPES = {code: dtype for dtype, code in _CODES.items()}


def id_type(vocabulary: int) -> np.dtype:
    """The smallest type of the format that holds the ids 0 to `vocabulary` - 1."""
    return np.dtype(np.uint16) if vocabulary <= 65_000 else np.dtype(np.int32)


def write_dataset(prefix: Path | str, items: Iterable[np.ndarray], dtype: np.dtype) -> None:
    """Write `items`, each a one-dimensional array of ids, to `prefix`.bin and `prefix`.idx."""
    write_joined(prefix, ((item, np.array([len(item)])) for item in items), dtype)


def write_joined(
    prefix: Path | str, batches: Iterable[tuple[np.ndarray, np.ndarray]], dtype: np.dtype
) -> None:
    """As `write_dataset`, of items that come joined: the ids of some of them one after the other, and how
    many each has. 4 bytes an item are held until the end."""
    prefix = Path(prefix)
    lengths: list[np.ndarray] = []
    with write_aside(prefix.with_name(prefix.name + ".bin")) as data, data.open("wb") as stream:
        for ids, counts in batches:
            stream.write(np.ascontiguousarray(ids, dtype=dtype).tobytes())
            lengths.append(np.asarray(counts, np.int32))
    sizes = np.concatenate(lengths) if lengths else np.empty(0, np.int32)
    with write_aside(prefix.with_name(prefix.name + ".idx")) as index, index.open("wb") as stream:
        stream.writelines(index_of(sizes, dtype))


def index_of(sizes: np.ndarray, dtype: np.dtype) -> Iterator[bytes]:
    """The bytes of `NAME.idx` for items of these lengths (int32) that stand one after the other."""
    yield _MAGIC + struct.pack("<QBQ", _VERSION, _CODES[dtype], len(sizes))
    yield sizes.tobytes()
    offsets = np.zeros(len(sizes), dtype=np.int64)
    np.cumsum(sizes[:-1].astype(np.int64) * dtype.itemsize, out=offsets[1:])
    yield offsets.tobytes()


def read_dataset(prefix: Path | str, limit: int | None = None) -> list[np.ndarray]:
    """The items of a dataset, or the first of them, as views of one array of ids.

    Raises:
        ValueError: where the two files are not a dataset that `write_dataset` could have written.
    """
    prefix = Path(prefix)
    index = prefix.with_name(prefix.name + ".idx").read_bytes()
    header = struct.Struct("<QBQ")
    if index[: len(_MAGIC)] != _MAGIC or len(index) < len(_MAGIC) + header.size:
        raise ValueError(f"{prefix}.idx is not a fairseq mmap index")
    version, code, count = header.unpack_from(index, len(_MAGIC))
    if version != _VERSION or code not in _TYPES:
        raise ValueError(f"{prefix}.idx: version {version} with type code {code} is not known here")
    start = len(_MAGIC) + header.size
    if len(index) != start + count * 12:
        raise ValueError(f"{prefix}.idx is not whole: {count} items are announced")
    sizes = np.frombuffer(index, np.int32, count, start)
    data, expected = prefix.with_name(prefix.name + ".bin"), int(sizes.sum()) * _TYPES[code].itemsize
    if data.stat().st_size != expected:
        raise ValueError(f"{data} holds {data.stat().st_size} bytes, its index says {expected}")
    sizes = sizes[:limit]
    ids = np.fromfile(data, _TYPES[code], int(sizes.sum()))
    return np.split(ids, np.cumsum(sizes)[:-1]) if len(sizes) else []
