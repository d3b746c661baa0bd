from __future__ import annotations

import numpy as np
import pytest

from downlaw.engine.mmap import id_type, read_dataset, write_dataset

ITEMS = [[0, 1, 2], [64_999], [], [7] * 50, [3, 4]]


def arrays(items, dtype=np.int32) -> list[np.ndarray]:
    return [np.array(item, dtype=dtype) for item in items]


@pytest.mark.parametrize(
    ("vocabulary", "dtype"), [(300, np.uint16), (65_000, np.uint16), (250_112, np.int32)]
)
def test_fairseq_reads_what_we_write(vocabulary, dtype, tmp_path):
    from fairseq.data.indexed_dataset import MMapIndexedDataset

    assert id_type(vocabulary) == dtype
    items = arrays([*ITEMS, [0, vocabulary - 1]])
    write_dataset(tmp_path / "train", items, id_type(vocabulary))
    found = MMapIndexedDataset(str(tmp_path / "train"))
    assert len(found) == len(items)
    assert found.sizes.tolist() == [len(item) for item in items]
    for one, two in zip(found, items, strict=True):
        assert one.tolist() == two.tolist()


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_we_read_what_fairseq_writes(dtype, tmp_path):
    import torch
    from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder

    items = arrays(ITEMS)
    builder = MMapIndexedDatasetBuilder(str(tmp_path / "train.bin"), dtype=dtype)
    for item in items:
        builder.add_item(torch.from_numpy(item))
    builder.finalize(str(tmp_path / "train.idx"))
    found = read_dataset(tmp_path / "train")
    assert [item.tolist() for item in found] == [item.tolist() for item in items]

    write_dataset(tmp_path / "ours", items, np.dtype(dtype))
    for end in ("bin", "idx"):
        assert (tmp_path / f"ours.{end}").read_bytes() == (tmp_path / f"train.{end}").read_bytes()


def test_a_dataset_without_items_is_read_as_such(tmp_path):
    write_dataset(tmp_path / "train", [], np.dtype(np.uint16))
    assert read_dataset(tmp_path / "train") == []


def test_a_failed_write_leaves_nothing(tmp_path):
    def items():
        yield np.array([1, 2])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_dataset(tmp_path / "train", items(), np.dtype(np.uint16))
    assert list(tmp_path.iterdir()) == []


def spoil(path, change):
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("end", "change", "message"),
    [
        ("idx", lambda data: b"TNTIDX\x00\x00\x00" + data[9:], r"train\.idx is not a fairseq mmap index"),
        ("idx", lambda data: data[:12], r"train\.idx is not a fairseq mmap index"),
        ("idx", lambda data: b"", r"train\.idx is not a fairseq mmap index"),
        ("idx", lambda data: data[:-1], r"train\.idx is not whole: 5 items"),
        ("idx", lambda data: data[:9] + b"\x02" + data[10:], r"train\.idx: version 2 with type code 8"),
        ("idx", lambda data: data[:17] + b"\x05" + data[18:], r"train\.idx: version 1 with type code 5"),
        ("bin", lambda data: data[:-2], r"train\.bin holds 110 bytes, its index says 112"),
        ("bin", lambda data: data + b"\x00", r"train\.bin holds 113 bytes, its index says 112"),
    ],
)
def test_a_corrupt_dataset_is_refused_with_its_file(end, change, message, tmp_path):
    write_dataset(tmp_path / "train", arrays(ITEMS), np.dtype(np.uint16))
    spoil(tmp_path / f"train.{end}", change)
    with pytest.raises(ValueError, match=message):
        read_dataset(tmp_path / "train")
