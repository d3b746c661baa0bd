from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from downlaw.metrics.comet_local.folder import ModelError
from downlaw.references import check_references, read_pairs


@pytest.fixture
def valid(toy_study, tmp_path: Path):
    """Writes a validation text, and gives a study that has it."""

    def write(sources: list[str], references: list[str], **section: object):
        study = toy_study(results=str(tmp_path), evaluate__comet_local=section or None)
        task = study.tasks["en-de"]
        path = tmp_path / "corpora" / task.corpus / task.part / "valid.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({task.source: sources, task.target: references}).to_parquet(path)
        return study, path

    return write


def test_a_study_with_enough_references_passes(valid):
    study, path = valid([f"a {i}" for i in range(12)], [f"b {i}" for i in range(12)], min_references=12)
    check_references(study)
    assert len(read_pairs(study, [path])) == 12
    assert read_pairs(study, [path])[3].reference == "b 3"


def test_too_few_distinct_references_are_refused_with_the_key(valid):
    study, _ = valid(["a"] * 30, ["b"] * 30, variant="tiny", min_references=10)
    with pytest.raises(ModelError, match=r"^evaluate\.comet_local\.min_references: .* has 1 distinct"):
        check_references(study)


def test_text_in_a_script_that_the_encoder_leaves_out_is_refused(valid):
    study, _ = valid([f"file {i}" for i in range(30)], [f"файл {i}" for i in range(30)], min_references=10)
    with pytest.raises(ModelError, match=r"^evaluate\.comet_local\.scripts: .*CYRILLIC"):
        check_references(study)


def test_a_study_without_comet_local_needs_no_references(valid):
    study, path = valid(["a"], ["b"])
    path.unlink()
    check_references(study)
