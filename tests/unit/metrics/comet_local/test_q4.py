from __future__ import annotations

import struct

import numpy as np
import pytest

from downlaw.metrics.comet_local.q4 import EncoderFileError, Q4File

WHERE = "toy.whl: toy.bin"


def test_sizes_pieces_and_tensors_come_back(q4):
    tensors = q4.weights()
    file = Q4File(q4.build(tensors), WHERE)
    assert file.sizes.width == 32 and file.sizes.layers == 2 and file.sizes.positions == 66
    assert file.pieces == q4.PIECES
    assert file.scores[5] == -5
    for name, values in tensors.items():
        np.testing.assert_allclose(file.tensor(name, *values.shape), values, rtol=1e-3, atol=1e-6)


def test_rows_of_a_matrix_are_unpacked_alone(q4):
    tensors = q4.weights()
    rows = np.array([0, 7, 3])
    found = Q4File(q4.build(tensors), WHERE).tensor("emb.word", *tensors["emb.word"].shape, rows=rows)
    np.testing.assert_allclose(found, tensors["emb.word"][rows], rtol=1e-3, atol=1e-6)


def test_a_block_is_a_scale_and_two_halves_a_byte():
    from downlaw.metrics.comet_local.q4 import _BLOCK_TYPE, _unpack

    raw = struct.pack("<e", 0.5) + bytes([0x0F]) + bytes([0x88] * 15)
    block = np.frombuffer(raw, _BLOCK_TYPE).reshape(1, 1)
    assert _unpack(block).tolist() == [[3.5] + [0.0] * 15 + [-4.0] + [0.0] * 15]


@pytest.mark.parametrize(
    "header, message",
    [
        ({"magic": b"GGUF"}, "not an encoder at 4 bits"),
        ({"version": 2}, "version 2 of the format; only 1 can be read"),
        ({"width": 0}, "damaged: impossible sizes"),
        ({"width": 1 << 30}, "damaged: impossible sizes"),
        ({"epsilon": -1.0}, "damaged: impossible sizes"),
        ({"width": 48}, "damaged: width 48"),
        ({"heads": 5}, "damaged: width 32, 64 and 5 heads"),
        ({"block": 64}, "in blocks of 64"),
        ({"specials": (0, 2, 1, 9999)}, "special pieces"),
        ({"pieces": ["<s>", "<pad>", "", "<unk>"]}, "do not follow one another"),
        ({"pieces": ["<s>", "<pad>", "<s>", "<unk>"]}, "a piece is there twice"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value.replace(" ", "-"),
)
def test_another_format_or_a_damaged_header_is_refused(q4, header, message):
    with pytest.raises(EncoderFileError, match=message) as caught:
        Q4File(q4.build(**header), WHERE)
    assert str(caught.value).startswith(WHERE)


def test_a_file_cut_anywhere_is_refused(q4):
    data = q4.build()
    for end in (0, 3, 6, 30, 60, 200, 700, len(data) // 4, len(data) // 2, len(data) - 1):
        with pytest.raises(EncoderFileError, match=WHERE):
            Q4File(data[:end], WHERE)


def test_a_piece_that_is_not_utf8_is_refused(q4):
    data = q4.build()
    at = data.index("ω".encode())
    with pytest.raises(EncoderFileError, match="a piece is not UTF-8"):
        Q4File(data[:at] + b"\xff\xff" + data[at + 2 :], WHERE)


def test_a_tensor_that_is_missing_of_another_size_or_not_finite_is_named(q4):
    tensors = q4.weights()
    file = Q4File(q4.build(tensors), WHERE)
    with pytest.raises(EncoderFileError, match=r"tensor 'l9.q.w' is missing"):
        file.tensor("l9.q.w", 32, 32)
    with pytest.raises(EncoderFileError, match=r"'l0.q.w' has 1,024 weights, not 2,048"):
        file.tensor("l0.q.w", 64, 32)
    tensors["emb.ln.w"][3] = np.inf
    with pytest.raises(EncoderFileError, match=r"'emb.ln.w' holds a number that is not finite"):
        Q4File(q4.build(tensors), WHERE).tensor("emb.ln.w", 32)


def test_an_unknown_type_of_tensor_is_refused(q4):
    data = q4.build()
    at = data.index(b"emb.pos") + len(b"emb.pos")
    with pytest.raises(EncoderFileError, match=r"'emb.pos' of 2,112 weights has the unknown type 7"):
        Q4File(data[:at] + b"\x07" + data[at + 1 :], WHERE)
