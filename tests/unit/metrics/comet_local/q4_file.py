"""A made-up encoder at 4 bits, in the format of the wheel: real layout, random weights, some kilobytes."""

from __future__ import annotations

import string
import struct
from typing import Any

import numpy as np

WIDTH, LAYERS, HEADS, FFN, POSITIONS, TYPES = 32, 2, 2, 64, 66, 2
MATRICES = {
    **{name: (WIDTH, WIDTH) for name in ("q", "k", "v", "ao")},
    **{"fi": (FFN, WIDTH), "fo": (WIDTH, FFN)},
}
LETTERS = string.ascii_letters + string.digits + ".,:;-_!?\"'äöüß"
PIECES = [
    *("<s>", "<pad>", "</s>", "<unk>"),
    *("▁", "▁die", "▁der", "▁ba", "kra", "ω", "▁да"),
    *LETTERS,
    "<mask>",
]
EXTRA_ROWS = 3
"""Rows of the embedding beyond the pieces, as the published file has them."""


def weights(seed: int = 1) -> dict[str, np.ndarray]:
    """Tensors by their names in the file; those at 4 bits are given as they unpack."""
    draw = np.random.default_rng(seed)

    def quantized(*shape: int) -> np.ndarray:
        blocks = draw.integers(0, 16, (int(np.prod(shape)) // 32, 32)) - 8.0
        scales = draw.uniform(0.01, 0.05, (len(blocks), 1)).astype(np.float16)
        return (blocks * scales.astype(float)).astype(np.float32).reshape(shape)

    def plain(*shape: int) -> np.ndarray:
        return draw.normal(0, 0.1, shape).astype(np.float32)

    tensors = {"emb.word": quantized(len(PIECES) + EXTRA_ROWS, WIDTH)}
    tensors |= {"emb.pos": plain(POSITIONS, WIDTH), "emb.type": plain(TYPES, WIDTH)}
    tensors |= {"emb.ln.w": 1 + plain(WIDTH), "emb.ln.b": plain(WIDTH)}
    for layer in range(LAYERS):
        for name, shape in MATRICES.items():
            tensors |= {f"l{layer}.{name}.w": quantized(*shape), f"l{layer}.{name}.b": plain(shape[0])}
        for name in ("aln", "oln"):
            tensors |= {f"l{layer}.{name}.w": 1 + plain(WIDTH), f"l{layer}.{name}.b": plain(WIDTH)}
    return tensors


def _packed(values: np.ndarray) -> bytes:
    blocks = values.reshape(-1, 32)
    packed = bytearray()
    for block in blocks:
        scale = _scale(block)
        levels = np.rint(block / scale).astype(int) + 8
        packed += struct.pack("<e", scale) + bytes((levels[:16] | levels[16:] << 4).astype(np.uint8))
    return bytes(packed)


def _scale(block: np.ndarray) -> float:
    """The half-precision number of which all values of a block are multiples between -8 and 7."""
    largest = np.abs(block).max()
    for level in range(8, 0, -1):
        scale = float(np.float16(largest / level))
        if scale and np.allclose(block / scale, np.rint(block / scale), atol=1e-4):
            return scale
    raise AssertionError("no block of four bits")


def build(tensors: dict[str, np.ndarray] | None = None, pieces: list[str] = PIECES, **header: Any) -> bytes:
    """The bytes of a file; `header` replaces fields, such as magic, version and width."""
    tensors = weights() if tensors is None else tensors
    text = [piece.encode() for piece in pieces]
    ends = np.cumsum([0, *map(len, text)]).astype("<u4")
    scores = -np.arange(len(pieces), dtype="<f4")
    out = header.get("magic", b"E5S1") + struct.pack("<I", header.get("version", 1))
    sizes = (header.get("width", WIDTH), LAYERS, header.get("heads", HEADS), FFN)
    out += struct.pack("<7i", *sizes, len(pieces) + EXTRA_ROWS, POSITIONS, TYPES)
    out += struct.pack("<fi", header.get("epsilon", 1e-12), header.get("block", 32))
    out += struct.pack("<5i", len(pieces), *header.get("specials", (0, 2, 1, 3)))
    out += struct.pack("<Q", int(ends[-1])) + ends.tobytes() + scores.tobytes() + b"".join(text)
    characters = struct.pack("<IBI", 0xA0, 1, 0x20)
    out += struct.pack("<iI", 1, len(characters)) + characters
    packed = {
        name: values.astype("<f4").tobytes()
        if name.endswith((".b", "pos", "type", "ln.w"))
        else _packed(values)
        for name, values in tensors.items()
    }
    directory = sum(2 + len(name) + struct.calcsize("<BIQQ") for name in packed)
    offset, entries, data = len(out) + 4 + directory, b"", b""
    for name, content in packed.items():
        kind = 0 if len(content) == 4 * tensors[name].size else 1
        entries += struct.pack("<H", len(name)) + name.encode()
        entries += struct.pack("<BIQQ", kind, tensors[name].size, offset + len(data), len(content))
        data += content
    return out + struct.pack("<i", len(packed)) + entries + data
