from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sacrebleu.metrics import BLEU, CHRF, TER

from downlaw.corpora.tokenizer import Tokenizer
from downlaw.engine import transformer
from downlaw.engine.distractors import distractors
from downlaw.engine.flops import parameters, training_flops
from downlaw.engine.mmap import read_dataset
from downlaw.engine.once import DIVERGED, OK, Output
from downlaw.engine.training import DIVERGED_IN_PRETRAINING
from downlaw.files import read_json
from downlaw.metrics import (
    GROUPS,
    METRICS,
    RUN_TYPES,
    TextError,
    read_statistics,
    resample_runs,
    text_metrics,
)
from downlaw.runs import COLUMNS, evaluate_batch, finetune_batch, runs_table
from downlaw.study.errors import StudyError
from downlaw.study.matrix import BASELINE_START, Start
from downlaw.versions import in_words, merge, versions

QUIET = Output(None, "test")


# --- A batch of real runs


SETTINGS = {"finetune__pairs": [100], "finetune__updates": 1, "finetune__seeds": [1, 2]}


@pytest.fixture(scope="module")
def batch(once, toy, toy_study) -> Path:
    """Two rates and two seeds from nothing; the larger rate breaks the weights in the very last update."""

    def make(folder: Path) -> None:
        study = toy_study(**SETTINGS, finetune__learning_rates=[0.01, 1e30])
        records = finetuned(study, toy, folder)
        (folder / "records.json").write_text(json.dumps(records))
        rows, statistics = evaluate_batch(study, records, toy.prepared, toy.model, folder / "evaluate")
        (folder / "rows.json").write_text(json.dumps(rows))
        statistics.to_parquet(folder / "segments.parquet", index=False)

    return once("batch", make)


def finetuned(study, toy, folder: Path) -> list[dict]:
    subsets = {100: toy.subset(100)}
    return finetune_batch(
        study, "en-de", BASELINE_START, None, toy.prepared, subsets, folder / "finetune", QUIET
    )


@pytest.fixture
def records(batch) -> list[dict]:
    return read_json(batch / "records.json")


@pytest.fixture
def rows(batch) -> list[dict]:
    return read_json(batch / "rows.json")


@pytest.fixture
def statistics(batch) -> pd.DataFrame:
    return read_statistics(batch / "segments.parquet")


def histories(batch: Path) -> list[str]:
    return sorted(path.read_text() for path in batch.rglob("history.jsonl"))


def test_weights_that_break_in_the_last_update_are_a_divergence(records):
    found = {(one["learning_rate"], one["finetuning_seed"]): one for one in records}
    assert [found[0.01, seed]["status"] for seed in (1, 2)] == [OK, OK]
    assert all(math.isfinite(found[0.01, seed]["valid_cross_entropy"]) for seed in (1, 2))
    for seed in (1, 2):
        broken = found[1e30, seed]
        assert (broken["status"], broken["reason"]) == (DIVERGED, "validation loss is not finite")
        assert broken["valid_cross_entropy"] is None
    assert [one["selected"] for one in records] == [one["learning_rate"] == 0.01 for one in records]


def test_validation_loss_of_a_hardly_trained_model_is_that_of_chance(records):
    for one in records[:2]:
        assert one["valid_cross_entropy"] == pytest.approx(math.log(200), abs=1.0)


def test_finetuning_flops_count_the_tokens_that_were_trained(records, toy, toy_study):
    study = toy_study(**SETTINGS)
    subset = read_json(toy.subset(100) / "manifest.json")
    for one in records[:2]:
        target = one["target_tokens_a_update"]
        assert 0 < target <= 256
        source = target * subset["source_tokens"] / subset["target_tokens"]
        lengths = (subset["source_tokens"] / 100, subset["target_tokens"] / 100)
        assert one["finetune_flops"] == pytest.approx(
            training_flops(study.model, 200, source, target, *lengths)
        )


def test_a_second_batch_trains_only_what_is_new(batch, toy, toy_study, records):
    before = histories(batch)
    again = finetuned(toy_study(**SETTINGS, finetune__learning_rates=[0.01, 1e30]), toy, batch)
    assert again == records
    assert histories(batch) == before
    more = finetuned(toy_study(**SETTINGS, finetune__learning_rates=[0.01, 0.02]), toy, batch)
    assert len(histories(batch)) == len(before) + 2
    assert [one["identity"] for one in more[:2]] == [one["identity"] for one in records[:2]]


def test_selected_runs_are_scored_on_the_test_text(rows, batch, toy):
    references = (toy.prepared / "test.target.txt").read_text().splitlines()
    for row in rows[:2]:
        assert row["selected"] and row["test_segments"] == len(references) == 30
        assert row["cross_entropy_low"] <= row["cross_entropy"] <= row["cross_entropy_high"]
        assert row["cross_entropy"] == pytest.approx(math.log(200), abs=1.0)
        assert "BLEU|nrefs:1|case:mixed" in row["signature"] and "|bs:100|seed:12345" in row["signature"]
        assert row["signature"].endswith(" decoding|beam:2|length-penalty:1|max-length-ratio:2")
    kept = [path.read_text().split("\n")[:-1] for path in sorted(batch.rglob("hypotheses.txt"))]
    assert len(kept) == 2 and all(len(lines) == 30 for lines in kept)
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF()), ("ter", TER())):
        scores = [metric.corpus_score(lines, [references]).score for lines in kept]
        assert sorted(scores) == pytest.approx(sorted(row[name] for row in rows[:2]))
    for row in rows[:2]:
        assert (batch / "evaluate" / row["evaluation"] / "hypotheses.txt").exists()
        for name in ("rouge_l", "empty_output", "copied_output", "wrong_language_output", "looping_output"):
            assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]


def test_cross_entropies_are_in_each_others_units(rows, toy):
    tokens = read_json(toy.prepared / "manifest.json")["splits"]
    for row in rows[:2]:
        for split, prefix in (("test", ""), ("valid", "valid_")):
            text = (toy.prepared / f"{split}.target.txt").read_text()
            characters = len(text.replace("\n", ""))
            nats = row[f"{prefix}cross_entropy"] * tokens[split]["target_tokens"]
            assert row[f"{prefix}cross_entropy_per_character"] == pytest.approx(nats / characters)
            assert row[f"{prefix}perplexity"] == pytest.approx(math.exp(row[f"{prefix}cross_entropy"]))


def test_adding_a_metric_counts_it_alone_and_decodes_nothing(
    batch, toy, toy_study, records, monkeypatch, tmp_path
):
    """And changing what is asked of the metrics moves no run to another folder."""
    few = toy_study(**SETTINGS, evaluate__metrics=["chrf"])
    root = tmp_path / "evaluate"
    shutil.copytree(batch / "evaluate", root, ignore=shutil.ignore_patterns("counts-*"))
    counted = []
    for metric in text_metrics(list(GROUPS)):
        real = type(metric).count

        def spy(self, translations, real=real):
            counted.append(self.name)
            return real(self, translations)

        monkeypatch.setattr(type(metric), "count", spy)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.json*")}
    first, _ = evaluate_batch(few, records, toy.prepared, toy.model, root)
    assert first[0]["bleu"] is None and first[0]["chrf"] is not None
    assert counted == ["chrf", "chrf"]
    more = toy_study(**SETTINGS, evaluate__metrics=["bleu", "chrf"])
    second, _ = evaluate_batch(more, records, toy.prepared, toy.model, root)
    assert counted == ["chrf", "chrf", "bleu", "bleu"]
    assert second[0]["chrf"] == first[0]["chrf"] and second[0]["bleu"] is not None
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_cross_entropy_of_the_table_is_that_of_the_kept_likelihoods(rows, batch):
    found = []
    for path in batch.rglob("test.scores.jsonl"):
        losses, tokens = zip(*map(json.loads, path.read_text().splitlines()), strict=True)
        found.append(math.fsum(losses) / sum(tokens))
    assert sorted(found) == pytest.approx(sorted(row["cross_entropy"] for row in rows[:2]))


def test_selected_runs_alone_leave_statistics_of_every_test_segment(statistics, rows, batch):
    assert len(statistics) == 2 * 30
    for row in rows[:2]:
        here = statistics[statistics["finetuning_seed"] == row["finetuning_seed"]]
        assert list(here["segment"]) == list(range(30))
        assert (here["task"] == "en-de").all() and (here["finetune_pairs"] == 100).all()
        assert (here["pretrain_tokens"] == 0).all() and here["mixture"].isna().all()
        loss = here["negative_log_likelihood"].sum() / here["target_tokens"].sum()
        assert loss == pytest.approx(row["cross_entropy"], rel=1e-12)
    lines = [line for path in batch.rglob("test.scores.jsonl") for line in path.read_text().splitlines()]
    pairs = statistics[["negative_log_likelihood", "target_tokens"]].itertuples(index=False)
    assert sorted(map(tuple, pairs)) == sorted(tuple(json.loads(line)) for line in lines)


def test_the_intervals_of_the_rows_are_those_of_the_kept_statistics(statistics, rows):
    resamples = resample_runs([statistics], 100)
    asked_for = {"comet", "comet_local", "translation_choice_error", "translation_choice_error_raw"}
    assert set(resamples["metric"]) == METRICS.keys() - asked_for
    for row in rows[:2]:
        here = resamples[resamples["finetuning_seed"] == row["finetuning_seed"]]
        for metric in METRICS.keys() - asked_for:
            ends = here.loc[here["metric"] == metric, "value"].quantile([0.025, 0.975])
            assert list(ends) == pytest.approx([row[f"{metric}_low"], row[f"{metric}_high"]], rel=1e-12)
            assert row[f"{metric}_low"] <= row[metric] <= row[f"{metric}_high"]


def test_the_true_translation_is_to_be_likelier_than_three_others(
    batch, toy, toy_study, records, rows, statistics, tmp_path
):
    """All else is as it was: the same folders, files and scores."""
    root = tmp_path / "evaluate"
    shutil.copytree(batch / "evaluate", root)
    before = {path: path.read_bytes() for path in root.rglob("*.json*")}
    study = toy_study(**SETTINGS, evaluate__translation_choices=4)
    found, with_choices = evaluate_batch(study, records, toy.prepared, toy.model, root)
    assert {path: path.read_bytes() for path in before} == before
    new = [name for name in COLUMNS if name.startswith("translation_choice_error")]
    assert len(new) == 6 and COLUMNS.index(new[0]) == COLUMNS.index("bleu") - 6
    assert all(row[name] is None for row in rows for name in new)
    for row, older in zip(found, rows, strict=True):
        assert {name: row[name] for name in row if name not in (*new, "signature")} == {
            name: older[name] for name in older if name not in (*new, "signature")
        }
    assert found[0]["signature"] == rows[0]["signature"] + " translation-choice|choices:4|seed:12345"
    pd.testing.assert_frame_equal(with_choices[statistics.columns], statistics)

    sources, targets = (read_dataset(toy.prepared / f"test.{side}") for side in ("source", "target"))
    others = distractors(targets, 3)
    for record, row in zip(records[:2], found[:2], strict=True):
        model = transformer.load(Path(record["checkpoint"]))
        normalised, raw = [], []
        for source, true, wrong in zip(sources, targets, others, strict=True):
            choices = [true, *(targets[index] for index in wrong)]
            with torch.inference_mode():
                encoded = model.encode([source] * 4)
                nats = model.negative_log_likelihoods(encoded, choices).numpy()
            normalised.append(np.argmin(nats / [len(choice) for choice in choices]) != 0)
            raw.append(np.argmin(nats) != 0)
        assert row["translation_choice_error"] == pytest.approx(np.mean(normalised))
        assert row["translation_choice_error_raw"] == pytest.approx(np.mean(raw))
        for name in ("translation_choice_error", "translation_choice_error_raw"):
            assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
            assert 0.3 < row[name] < 1  # the model knows next to nothing: chance is 0.75


def test_too_few_test_targets_to_choose_among_name_the_task(batch, toy, toy_study, records):
    study = toy_study(**SETTINGS, evaluate__translation_choices=31)
    message = r"task en-de, .*test\.target\.bin: \d+ different targets in the test set, .*choices needs 31"
    with pytest.raises(TextError, match=message):
        evaluate_batch(study, records, toy.prepared, toy.model, batch / "evaluate")


def test_a_study_that_asks_for_no_choices_is_what_it_was_before_there_were_any(toy_study):
    before, asked = (toy_study(**more).evaluate for more in ({}, {"evaluate__translation_choices": 4}))
    assert "translation_choices" not in before.of_a_batch()
    assert asked.of_a_batch() == before.of_a_batch() | {"translation_choices": 4}
    assert asked.decoding() == before.decoding()
    with pytest.raises(StudyError, match=r"evaluate\.translation_choices"):
        toy_study(evaluate__translation_choices=1)


def test_kept_hypotheses_are_those_of_the_kept_ids(batch, toy):
    for path in batch.rglob("hypotheses.json"):
        text = Tokenizer(toy.model).decode(read_json(path))
        assert path.with_suffix(".txt").read_text() == "".join(line + "\n" for line in text)


def test_other_runs_keep_their_row_and_status_without_scores(rows):
    for row in rows[2:]:
        assert (row["selected"], row["status"]) == (False, DIVERGED)
        assert row["bleu"] is None and row["cross_entropy"] is None and row["test_segments"] is None


def test_rows_describe_the_run(rows, toy_study):
    for row in rows:
        assert set(row) <= {*COLUMNS, "evaluation"}
        assert (row["task"], row["src"], row["tgt"], row["finetune_pairs"]) == ("en-de", "en", "de", 100)
        assert (row["mixture"], row["mixture_holds"], row["alignment_score"]) == (None, None, None)
        assert (row["pretrain_tokens"], row["pretrain_flops"], row["pretraining_seed"]) == (0, 0.0, None)
        assert row["params"] == parameters(toy_study().model, 200)
        assert row["device"] == "cpu"
        assert row["versions"] == in_words(merge(None, versions()))


def test_runs_of_records_without_versions_have_none(batch, records, toy, toy_study):
    older = [{**record, "selected": False, "versions": None} for record in records]
    rows, _ = evaluate_batch(toy_study(**SETTINGS), older, toy.prepared, toy.model, batch / "evaluate")
    assert {row["versions"] for row in rows} == {None}


def test_scored_runs_are_not_scored_again(batch, toy, toy_study, records, rows, statistics):
    before = {path: path.stat().st_mtime_ns for path in (batch / "evaluate").rglob("*.json*")}
    study = toy_study(**SETTINGS)
    again, same = evaluate_batch(study, records, toy.prepared, toy.model, batch / "evaluate")
    assert again == rows
    pd.testing.assert_frame_equal(same, statistics)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_another_reference_text_of_the_same_ids_is_counted_anew(
    batch, toy, toy_study, records, rows, tmp_path
):
    prepared = tmp_path / "prepared"
    shutil.copytree(toy.prepared, prepared)
    text = prepared / "test.target.txt"
    text.write_text("".join(f"  {line}\u2026\n" for line in text.read_text().splitlines()))
    again, _ = evaluate_batch(toy_study(**SETTINGS), records, prepared, toy.model, batch / "evaluate")
    assert again[0]["evaluation"] == rows[0]["evaluation"]
    assert again[0]["chrf"] != rows[0]["chrf"]


def test_a_reference_that_cannot_be_scored_is_named_with_its_file(batch, toy, toy_study, records, tmp_path):
    prepared = tmp_path / "prepared"
    shutil.copytree(toy.prepared, prepared)
    text = prepared / "test.target.txt"
    text.write_text("\n" + text.read_text().partition("\n")[2])
    message = r"task en-de, .*test\.target\.txt: reference 1 of 30 is empty"
    with pytest.raises(TextError, match=message):
        evaluate_batch(toy_study(**SETTINGS), records, prepared, toy.model, batch / "evaluate")


# --- Divergence in pretraining, and the table


def test_a_divergence_in_pretraining_reaches_the_table(toy, toy_study, tmp_path):
    study = toy_study(**SETTINGS)
    start = {
        **{"status": DIVERGED, "reason": "training loss is nan at update 3", "identity": "a"},
        **{"mixture": "fr", "seed": 1, "tokens": 512, "tokens_asked": 512, "flops": 7.0, "epochs": 0.5},
    }
    found = finetune_batch(
        study, "en-de", Start("fr", 1, 512), start, toy.prepared, {100: toy.subset(100)}, tmp_path, QUIET
    )
    rows, statistics = evaluate_batch(study, found, toy.prepared, toy.model, tmp_path)
    assert len(statistics) == 0 and "segment" in statistics
    assert [row["finetuning_seed"] for row in rows] == [1, 2]
    for row in rows:
        assert (row["status"], row["reason"]) == (DIVERGED_IN_PRETRAINING, "training loss is nan at update 3")
        assert (row["mixture"], row["mixture_holds"], row["alignment_score"]) == ("fr", "neither", 0.0)
        assert (row["pretrain_tokens"], row["pretrain_epochs"], row["selected"]) == (512, 0.5, False)
    assert list(tmp_path.iterdir()) == []


def test_the_table_has_its_columns_in_order_and_missing_values_empty(rows, tmp_path):
    table = runs_table(rows)
    assert list(table.columns) == COLUMNS
    assert COLUMNS[:4] == ["task", "src", "tgt", "mixture"]
    table.to_csv(tmp_path / "runs.csv", index=False)
    header, first, *_ = (tmp_path / "runs.csv").read_text().splitlines()
    assert header.split(",") == COLUMNS
    assert first.startswith("en-de,en,de,,,,")


def test_scores_of_a_job_of_its_own_join_the_run_that_they_name(rows):
    name = {column: rows[1][column] for column in RUN_TYPES}
    table = runs_table(rows, [{**name, "comet": 0.5, "comet_model": "m"}])
    assert table["comet"].isna().tolist() == [True, False, True, True]
    assert table["comet_model"][1] == "m" and table["bleu"].equals(runs_table(rows)["bleu"])
    with pytest.raises(KeyError):
        runs_table(rows, [{**name, "task": "de-en", "comet": 0.5}])


def test_counts_and_seeds_stay_whole_beside_missing_ones(tmp_path):
    rows = [dict.fromkeys(COLUMNS), {**dict.fromkeys(COLUMNS), "pretraining_seed": 1, "pretrain_tokens": 512}]
    runs_table(rows).to_csv(tmp_path / "runs.csv", index=False)
    text = pd.read_csv(tmp_path / "runs.csv", dtype=str)
    assert list(text["pretraining_seed"].fillna("")) == ["", "1"]
    assert list(text["pretrain_tokens"].fillna("")) == ["", "512"]


def test_an_empty_table_has_its_columns():
    assert list(runs_table([]).columns) == COLUMNS
