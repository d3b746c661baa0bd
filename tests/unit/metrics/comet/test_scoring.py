"""All runs of a study, each scored once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tiny_comet import sentences

from downlaw.files import read_json, write_json
from downlaw.metrics.comet import CometError, LocalModel, Scoring, evaluated, score_study, write_scores
from downlaw.metrics.comet import scorer as scorer_module
from downlaw.metrics.resampling import interval, resampled_totals

SEGMENTS = 12
NAMES = ["task", "finetune_pairs", "mixture", "pretrain_tokens", "pretraining_seed", "finetuning_seed"]


class Place:
    """Runs of one task, as evaluation leaves them."""

    def __init__(self, folder: Path, local: LocalModel) -> None:
        self.folder, self.scoring, self.loads = folder, Scoring(local), 0
        self.test = folder / "test"
        for side, seed in (("source", 50), ("target", 51)):
            self.write(self.test / f"test.{side}.txt", sentences(SEGMENTS, seed))
        self.rows: list[dict[str, Any]] = []

    def write(self, path: Path, lines: list[str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))

    def add(self, tokens: int, **changes: Any) -> Path:
        """One more run; its hypotheses are the lines of its number of tokens."""
        row = {
            **{"task": "en-de", "src": "en", "tgt": "de", "finetune_pairs": 200, "finetuning_seed": 1},
            **{"mixture": "fr" if tokens else None, "pretraining_seed": 1 if tokens else None},
            **{"pretrain_tokens": tokens, "selected": True, "evaluation": "0a1b"},
        } | changes
        path = self.folder / f"evaluate/{tokens}.json"
        self.write(path.with_suffix("") / "0a1b/hypotheses.txt", sentences(SEGMENTS, tokens))
        write_json(path, [row, row | {"selected": False, "evaluation": None}])
        return path

    @property
    def paths(self) -> list[Path]:
        return sorted((self.folder / "evaluate").glob("*.json"))

    def score(self, **changes: Any) -> tuple[list[dict[str, Any]], pd.DataFrame, list[str]]:
        said: list[str] = []
        rows, table = score_study(
            evaluated(self.paths),
            {"en-de": self.test},
            replace(self.scoring, **changes),
            "comet",
            100,
            said.append,
        )
        return rows, table, said


@pytest.fixture
def place(tmp_path: Path, local: LocalModel, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A baseline and a run, and a count of how often a model is loaded."""
    place = Place(tmp_path, local)
    load = scorer_module.load

    def counted(model: LocalModel) -> Any:
        place.loads += 1
        return load(model)

    monkeypatch.setattr(scorer_module, "load", counted)
    for tokens in (0, 1000):
        place.add(tokens)
    return place


def kept(place: Place) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in place.folder.rglob("comet-*.json")}


def test_rows_hold_the_mean_its_interval_and_what_scored_it(place: Place):
    rows, table, _ = place.score()
    assert [row["pretrain_tokens"] for row in rows] == [0, 1000]
    assert rows[0]["mixture"] is None
    version = place.scoring.model.version[:12]
    for row, (_, segments) in zip(rows, table.groupby("pretrain_tokens"), strict=True):
        scores = segments["comet_sum"].to_numpy()
        totals = resampled_totals(scores[:, None], 100, 12345)[:, 0] / SEGMENTS
        assert row["comet"] == round(scores.mean(), 4)
        assert (row["comet_low"], row["comet_high"]) == tuple(round(end, 4) for end in interval(totals))
        assert row["comet_low"] < row["comet"] < row["comet_high"]
        assert row["comet_model"] == f"tiny.ckpt@{version}|comet:2.2.7|dtype:fp32|device:cpu"
        assert row["comet_truncated_segments"] == 0
    assert {*NAMES} <= rows[0].keys()


def test_the_table_has_a_row_a_segment(place: Place):
    _, table, _ = place.score()
    assert list(table.columns) == [*NAMES, "segment", "comet_sum", "scored_segments"]
    assert list(table["segment"]) == [*range(SEGMENTS)] * 2
    assert (table["scored_segments"] == 1).all()
    assert table["mixture"].isna().sum() == SEGMENTS
    assert (table["comet_sum"].round(6) == table["comet_sum"]).all()


def test_the_model_is_loaded_once_and_scores_nothing_twice(place: Place):
    first_rows, first, _ = place.score()
    assert place.loads == 1
    before = kept(place)
    assert len(before) == 2
    rows, table, said = place.score()
    assert place.loads == 1
    assert said == ["comet: 2 of 2 runs are scored already"]
    assert rows == first_rows
    pd.testing.assert_frame_equal(table, first)
    assert kept(place) == before


def test_a_new_run_scores_only_itself_and_changes_no_other(place: Place):
    place.score()
    before = kept(place)
    place.add(2000)
    rows, table, said = place.score()
    assert place.loads == 2
    assert said[0] == "comet: 2 of 3 runs are scored already"
    assert said[-1].startswith(f"comet: {SEGMENTS} segments scored in ")
    assert {path: at for path, at in kept(place).items() if path in before} == before
    for path in kept(place):
        path.unlink()
    anew_rows, anew, _ = place.score()
    assert anew_rows == rows
    pd.testing.assert_frame_equal(anew, table)


@pytest.mark.parametrize("changes", [{"precision": "bf16"}, {"model": None}], ids=["precision", "model"])
def test_another_precision_or_model_scores_anew_and_keeps_both(place: Place, changes: dict[str, Any]):
    place.score()
    if "model" in changes:
        changes = {"model": replace(place.scoring.model, revision="e" * 40)}
    place.score(**changes)
    assert place.loads == 2
    assert len(kept(place)) == 4
    place.score()
    assert place.loads == 2


def test_what_cannot_change_a_score_scores_nothing_anew(place: Place):
    place.score()
    place.score(batch_tokens=50, threads=2, device="cuda")
    assert place.loads == 1


@pytest.mark.parametrize("changed", ["hypotheses.txt", "test.source.txt", "test.target.txt"])
def test_other_text_scores_anew(place: Place, changed: str):
    place.score()
    for path in place.folder.rglob(changed):
        place.write(path, sentences(SEGMENTS, 77))
    place.score()
    assert place.loads == 2
    assert len(kept(place)) == 4


@pytest.mark.parametrize("content", ["{", '{"scores": [1, 2]}', '{"scores": [NaN]}', "[]"])
def test_kept_scores_that_are_damaged_are_made_anew(place: Place, content: str):
    rows, _, _ = place.score()
    next(iter(kept(place))).write_text(content)
    assert place.score()[0] == rows
    assert place.loads == 2


def test_a_model_that_moved_has_its_present_name_in_every_row(place: Place):
    place.score()
    rows, _, _ = place.score(model=replace(place.scoring.model, name="moved.ckpt"))
    assert place.loads == 1
    assert all(row["comet_model"].startswith("moved.ckpt@") for row in rows)


def test_a_study_without_a_scored_run_has_empty_tables(place: Place):
    for path in place.paths:
        write_json(path, [row | {"selected": False} for row in read_json(path)])
    rows, table, _ = place.score()
    assert rows == [] and place.loads == 0
    assert list(table.columns) == [*NAMES, "segment", "comet_sum", "scored_segments"]
    assert table["segment"].dtype == np.int64


def test_cut_segments_are_counted(place: Place):
    path = place.folder / "evaluate/1000/0a1b/hypotheses.txt"
    place.write(path, ["", "file " * 10_000, "\x00\x07", *sentences(SEGMENTS - 3, 4)])
    rows, _, _ = place.score()
    assert [row["comet_truncated_segments"] for row in rows] == [0, 1]


def test_counts_that_differ_are_named(place: Place):
    place.write(place.folder / "evaluate/1000/0a1b/hypotheses.txt", sentences(SEGMENTS - 1))
    with pytest.raises(CometError, match=r"1000/0a1b/hypotheses\.txt .*11 hypotheses but 12 references"):
        place.score()
    assert place.loads == 0


def test_an_empty_test_set_is_refused(place: Place):
    for path in [*place.test.iterdir(), *place.folder.rglob("hypotheses.txt")]:
        place.write(path, [])
    with pytest.raises(CometError, match="no segments to score"):
        place.score()


def test_an_empty_reference_is_named(place: Place):
    place.write(place.test / "test.target.txt", [*sentences(SEGMENTS - 1), " "])
    with pytest.raises(CometError, match="reference 12 of 12 is empty"):
        place.score()


def test_hypotheses_that_are_gone_are_named(place: Place):
    (place.folder / "evaluate/1000/0a1b/hypotheses.txt").unlink()
    with pytest.raises(CometError, match=r"0a1b/hypotheses\.txt: no such file; run the study again"):
        place.score()


def test_rows_of_an_older_evaluation_are_named(place: Place):
    place.add(1000, evaluation=None)
    with pytest.raises(CometError, match=r"1000\.json: names no folder of hypotheses; remove it"):
        place.score()


def test_what_is_written_is_read_back(place: Place):
    rows, table, _ = place.score()
    write_scores(rows, table, place.folder / "comet.json", place.folder / "comet.parquet")
    assert read_json(place.folder / "comet.json") == rows
    pd.testing.assert_frame_equal(pd.read_parquet(place.folder / "comet.parquet"), table)
