"""Tables of text between the stages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from downlaw.corpora.segments import BATCH_ROWS, Row, RowWriter, open_table, row_batches, text_batches


def test_rows_come_back_in_batches(tmp_path: Path) -> None:
    rows = [Row(f"d{n // 3}", (f"line {n}",)) for n in range(BATCH_ROWS + 5)]
    with RowWriter(tmp_path / "text.parquet", ["en"]) as writer:
        for row in rows:
            writer.add(row)
    batches = list(row_batches(tmp_path / "text.parquet"))
    assert [len(batch) for batch in batches] == [BATCH_ROWS, 5]
    assert [(row.document, *row.texts) for batch in batches for row in batch] == [
        (row.document, *row.texts) for row in rows
    ]
    assert [text for batch in text_batches(tmp_path / "text.parquet", "en") for text in batch] == [
        row.texts[0] for row in rows
    ]


def test_what_was_read_is_not_kept(tmp_path: Path) -> None:
    path, generator = tmp_path / "text.parquet", np.random.default_rng(1)
    with RowWriter(path, ["en"]) as writer:
        for _ in range(16 * BATCH_ROWS):
            writer.add(Row("d", (generator.bytes(100).hex(),)))
    before, held = pa.total_allocated_bytes(), []
    with open_table(path) as table:
        assert table.num_row_groups == 16
        for _ in table.iter_batches(BATCH_ROWS, use_threads=False):
            held.append(pa.total_allocated_bytes() - before)
    assert max(held) < path.stat().st_size
