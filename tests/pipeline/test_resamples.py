"""The scores of all runs on the same test sets drawn anew, from what evaluation keeps of each segment."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from conftest import RESAMPLES, Workplace, copy_of

pytestmark = pytest.mark.pipeline


def test_every_selected_run_is_scored_on_the_same_resampled_test_sets(finished: Workplace):
    runs = pd.read_csv(finished.folder / "results/runs.csv")
    resamples = pd.read_parquet(finished.folder / RESAMPLES)
    names = ["task", "finetune_pairs", "mixture", "pretrain_tokens", "pretraining_seed", "finetuning_seed"]
    assert list(resamples.columns) == [*names, "metric", "resample", "value"]
    scored = runs[runs["selected"]]
    assert len(resamples) == len(scored) * 4 * 100 == 2 * 11 * 2 * 4 * 100
    resamples = resamples.astype({column: runs[column].dtype for column in names})
    samples = resamples.groupby([*names, "metric"], dropna=False)["value"]
    ends = samples.quantile([0.025, 0.975]).unstack().reset_index().merge(scored, on=names)
    for metric in ("cross_entropy", "bleu", "chrf", "rouge_l"):
        here = ends[ends["metric"] == metric]
        assert len(here) == len(scored)
        assert list(here[0.025]) == pytest.approx(list(here[f"{metric}_low"]), rel=1e-9)
        assert list(here[0.975]) == pytest.approx(list(here[f"{metric}_high"]), rel=1e-9)


def test_broken_statistics_of_test_segments_are_named_and_made_anew_without_decoding(
    small: Workplace, tmp_path: Path
):
    place = copy_of(small, tmp_path / "copy")
    assert place.snakemake(RESAMPLES).returncode == 0
    before = pd.read_parquet(place.folder / RESAMPLES)
    evaluated = place.folder / "results/evaluate/en-de"
    decoded = {path: path.stat().st_mtime_ns for path in evaluated.rglob("hypotheses.json")}
    assert len(decoded) == 5
    broken = evaluated / "fr/seed1/1000.segments.parquet"
    broken.write_bytes(broken.read_bytes()[:500])
    done = place.snakemake(RESAMPLES)
    assert done.returncode != 0
    assert "fr/seed1/1000.segments.parquet: not a table of test segments" in done.stderr
    assert "Traceback" not in done.stderr
    broken.unlink()
    done = place.snakemake(RESAMPLES)
    assert done.returncode == 0, done.stderr
    pd.testing.assert_frame_equal(pd.read_parquet(place.folder / RESAMPLES), before)
    assert {path: path.stat().st_mtime_ns for path in evaluated.rglob("hypotheses.json")} == decoded
