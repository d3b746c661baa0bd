"""The whole workflow on a tiny study: what it makes, what it does not do twice, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import RESAMPLES, Workplace, copy_of, make_workplace

from downlaw.engine import checkpoints
from downlaw.plan import plan
from downlaw.runs import COLUMNS
from downlaw.study import load_study

pytestmark = pytest.mark.pipeline


@pytest.fixture
def runs(finished: Workplace) -> pd.DataFrame:
    return pd.read_csv(finished.folder / "results/runs.csv")


def test_runs_table_has_every_run_of_the_study(finished: Workplace, runs: pd.DataFrame):
    assert list(runs.columns) == COLUMNS
    starts = 1 + 2 * 5
    assert len(runs) == starts * 2 * 2 * 2
    assert (runs["status"] == "ok").all()
    baseline = runs[runs["pretrain_tokens"] == 0]
    assert len(baseline) == 8
    assert baseline["mixture"].isna().all()
    assert set(runs["mixture_holds"].dropna()) == {"both languages", "neither"}
    per_update = 8 * 32
    assert set(runs["pretrain_tokens"]) == {0} | {
        asked // per_update * per_update for asked in finished.study["pretrain"]["tokens"]
    }


def test_one_learning_rate_is_selected_for_all_seeds_and_only_that_is_scored(runs: pd.DataFrame):
    groups = runs.groupby(["finetune_pairs", "pretrain_tokens", "mixture"], dropna=False)
    assert len(groups) == 2 * 11
    for _, group in groups:
        chosen = group[group["selected"]]
        assert len(chosen) == 2
        assert chosen["learning_rate"].nunique() == 1
        best = group.groupby("learning_rate")["valid_cross_entropy"].mean().idxmin()
        assert chosen["learning_rate"].iloc[0] == best
    scored = runs["selected"]
    for column in (
        "cross_entropy",
        "perplexity",
        "bleu",
        "chrf",
        "ter",
        "rouge_l",
        "brevity_penalty",
        "empty_output",
        "looping_output",
        "signature",
    ):
        assert runs.loc[scored, column].notna().all()
        assert runs.loc[~scored, column].isna().all()


def test_scores_lie_in_their_intervals(runs: pd.DataFrame):
    scored = runs[runs["selected"]]
    for metric in ("cross_entropy", "cross_entropy_per_character", "chrf", "ter", "rouge_1"):
        assert (scored[f"{metric}_low"] <= scored[metric]).all()
        assert (scored[metric] <= scored[f"{metric}_high"]).all()
    assert scored["bleu"].between(0, 100).all()
    assert (scored["test_segments"] == 40).all()


def test_pretraining_flops_grow_with_the_chain_and_the_baseline_has_none(runs: pd.DataFrame):
    one = runs[runs["mixture"] == "fr"].drop_duplicates("pretrain_tokens").sort_values("pretrain_tokens")
    ratio = one["pretrain_flops"] / one["pretrain_tokens"]
    assert ratio.max() == pytest.approx(ratio.min())
    assert (runs.loc[runs["mixture"].isna(), "pretrain_flops"] == 0).all()


def test_figures_costs_page_and_summary_are_made(finished: Workplace):
    results = finished.folder / "results"
    assert "en+de" in (results / "report/report.html").read_text()
    assert len(list((results / "report/report_tables").glob("*.csv"))) > 20
    for pairs in (200, 600):
        for metric in ("cross_entropy", "bleu", "chrf", "rouge_l", "metrics"):
            for ending in ("png", "svg"):
                assert (results / f"report/figures/en-de_{pairs}_{metric}.{ending}").stat().st_size > 1000
    assert "en+de" in (results / "report/summary.txt").read_text()
    costs = pd.read_csv(results / "costs.csv")
    assert {"pretrain", "finetune", "rule evaluate", "rule laws", "rule figures"} <= set(costs["stage"])
    assert (costs.loc[costs["stage"] == "pretrain", "tokens_per_second"] > 0).all()


def test_every_job_has_a_log_and_a_benchmark_and_the_command_is_in_it(finished: Workplace):
    results = finished.folder / "results"
    benchmarks = {
        path.relative_to(results / "benchmarks").with_suffix("")
        for path in results.glob("benchmarks/*/*.tsv")
    }
    logs = {path.relative_to(results / "logs").with_suffix("") for path in results.glob("logs/*/*.log")}
    assert benchmarks == logs
    command = (results / "logs/pretrain/fr-seed1-1000.log").read_text().splitlines()[0]
    assert command.startswith(
        "$ env TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 fairseq-train results/subsets/mixtures/fr "
    )


def test_plan_counts_the_jobs_that_snakemake_runs(tmp_path: Path):
    place = make_workplace(tmp_path)
    expected = {stage.rule: stage.jobs for stage in plan(load_study(tmp_path / "study.yaml")) if stage.jobs}
    assert {rule: n for rule, n in place.planned().items() if rule != "all"} == expected


def test_pretraining_updates_are_the_longest_chains_alone(finished: Workplace):
    assert finished.updates("pretrain") == 2 * (16000 // 256)
    assert finished.updates("finetune") == 11 * 8 * 12


def test_a_second_run_has_nothing_to_do(finished: Workplace):
    assert finished.planned() == {}
    assert {run["state"] for run in finished.status()} == {"done"}


@pytest.fixture
def copied(finished: Workplace, tmp_path: Path) -> Workplace:
    return copy_of(finished, tmp_path / "copy")


def test_a_larger_dp_trains_one_segment_a_mixture_and_its_finetunings(copied: Workplace):
    pretrained, finetuned = copied.updates("pretrain"), copied.updates("finetune")
    copied.configure(pretrain__tokens=[*copied.study["pretrain"]["tokens"], 18000])
    planned = copied.planned()
    assert {rule: planned[rule] for rule in ("pretrain", "finetune", "evaluate")} == {
        "pretrain": 2,
        "finetune": 2,
        "evaluate": 2,
    }
    untouched = {"split_corpus", "decontaminate_corpus", "tokenizer", "mixture", "task", "finetuning_subset"}
    assert untouched.isdisjoint(planned)
    assert copied.snakemake().returncode == 0
    resamples = pd.read_parquet(copied.folder / RESAMPLES)
    assert (resamples["pretrain_tokens"] == 18000 // 256 * 256).sum() == 2 * 2 * 2 * 4 * 100
    assert copied.updates("pretrain") - pretrained == 2 * (18000 // 256 - 16000 // 256)
    assert copied.updates("finetune") - finetuned == 2 * 8 * 12
    assert copied.planned() == {}


def test_a_mixture_and_a_learning_rate_train_what_is_new_in_one_call(small: Workplace, tmp_path: Path):
    place = copy_of(small, tmp_path / "copy")
    pretrained, finetuned = place.updates("pretrain"), place.updates("finetune")
    assert finetuned == 5 * 12
    mixed = {"shares": {"mono.en": 0.5, "mono.fr": 0.5}}
    done = place.configure(mixtures__mixed=mixed, finetune__learning_rates=[0.005, 0.01]).snakemake()
    assert done.returncode == 0, done.stderr
    assert place.updates("pretrain") - pretrained == 2000 // 256
    assert place.updates("finetune") - finetuned == (5 + 2 * 2) * 12
    assert place.planned() == {}
    assert_same_runs(place, small, "valid_cross_entropy")


def assert_same_runs(one: Workplace, other: Workplace, *columns: str) -> None:
    """The runs that two studies share have the same figures to the last digit; there are some."""
    keys = ["mixture", "pretrain_tokens", "finetune_pairs", "learning_rate", "finetuning_seed"]
    tables = [pd.read_csv(place.folder / "results/runs.csv") for place in (one, other)]
    both = tables[0].merge(tables[1], on=keys, suffixes=("", "_other"))
    assert len(both) == 5
    for column in columns:
        assert both[column].notna().all()
        assert (both[column] == both[f"{column}_other"]).all()


def test_the_same_run_of_two_studies_gives_the_same_figures(finished: Workplace, small: Workplace):
    assert_same_runs(finished, small, "valid_cross_entropy", "pretrain_flops", "finetune_flops")


def test_a_killed_segment_resumes_and_ends_as_an_undisturbed_one(small: Workplace, tmp_path: Path):
    tokens, target = 76_800, "results/pretrain/fr/seed1/76800.json"
    updates = tokens // 256
    for name in ("killed", "undisturbed"):
        copy_of(small, tmp_path / name).configure(
            pretrain__tokens=[1000, 2000, tokens],
            pretrain__allow_repeats=True,
            pretrain__save_every_updates=20,
        )
    killed, undisturbed = (Workplace(tmp_path / name, small.study) for name in ("killed", "undisturbed"))

    process = subprocess.Popen(
        killed.command(target, cores=1),
        cwd=killed.folder,
        env=killed.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    segment = Path(target).with_suffix("")
    deadline = time.monotonic() + 120
    while not list((killed.folder / segment).glob("*/checkpoint_*_*.pt")):
        assert time.monotonic() < deadline and process.poll() is None, "no checkpoint was saved"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed.folder / target).exists()
    (crashed,) = (run for run in killed.status() if run["state"] == "crashed")
    assert (crashed["stage"], crashed["mixture"], crashed["tokens"]) == ("pretrain", "fr", tokens)
    assert 20 <= crashed["update"] < updates

    assert killed.snakemake("--unlock").returncode == 0
    for place in (killed, undisturbed):
        done = place.snakemake(target)
        assert done.returncode == 0, done.stderr
    (interrupted, rest), (untouched,) = (history(place.folder / segment) for place in (killed, undisturbed))
    assert (untouched["from_update"], untouched["to_update"]) == (2000 // 256, updates)
    assert (interrupted["from_update"], interrupted["ended"]) == (2000 // 256, "interrupted")
    assert crashed["update"] == interrupted["to_update"] == rest["from_update"]
    assert rest["to_update"] == updates
    resumed, whole = (
        checkpoints.load(next((place.folder / segment).glob("*/checkpoint.pt")))["model"]
        for place in (killed, undisturbed)
    )
    assert all((resumed[name] == weights).all() for name, weights in whole.items())


def history(segment: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in next(segment.glob("*/history.jsonl")).read_text().splitlines()]


def test_a_diverged_training_is_a_row_and_does_not_stop_the_others(small: Workplace, tmp_path: Path):
    place = copy_of(small, tmp_path / "copy").configure(finetune__learning_rates=[0.01, 1e30])
    done = place.snakemake()
    assert done.returncode == 0, done.stderr
    results = place.folder / "results"
    runs = pd.read_csv(results / "runs.csv")
    assert (runs.loc[runs["learning_rate"] == 1e30, "status"] == "diverged").all()
    assert (runs.loc[runs["learning_rate"] == 0.01, "status"] == "ok").all()
    assert runs.loc[runs["learning_rate"] == 0.01, "selected"].all()
    assert runs.loc[runs["status"] == "diverged", "reason"].str.contains("finite").all()
    trained = place.updates("finetune")
    (results / "finetune/en-de/none/seed0/0.json").unlink()
    assert place.snakemake().returncode == 0
    assert place.updates("finetune") == trained


def test_pretraining_that_diverged_passes_its_status_on(small: Workplace, tmp_path: Path):
    place = copy_of(small, tmp_path / "copy").configure(pretrain__learning_rate=1e30)
    trained = place.updates("finetune")
    done = place.snakemake()
    assert done.returncode == 0, done.stderr
    runs = pd.read_csv(place.folder / "results/runs.csv")
    pretrained = runs[runs["pretrain_tokens"] > 0]
    assert (pretrained["status"] == "diverged in pretraining").all()
    assert (runs[runs["pretrain_tokens"] == 0]["status"] == "ok").all()
    assert place.updates("finetune") == trained


def test_sizes_beyond_the_text_are_refused_before_any_training(small: Workplace, tmp_path: Path):
    place = copy_of(small, tmp_path / "copy").configure(
        pretrain__tokens=[1000, 3000, 10_000_000], finetune__pairs=[200, 1_000_000]
    )
    trained = place.updates("pretrain"), place.updates("finetune")
    messages = (
        "pretrain.tokens[2]: 10,000,000 tokens are asked for, mixture fr holds",
        "finetune.pairs[1]: 1,000,000 pairs are asked for, task en-de has",
    )
    # The study grew, then the same as a new study: one job after the corpora stops everything.
    grown = place.snakemake()
    (place.folder / "results/subsets/sizes.json").unlink()
    new = place.snakemake()
    for done in (grown, new):
        assert done.returncode != 0
        assert all(message in done.stderr + done.stdout for message in messages)
    assert "pretrain fr" not in new.stderr + new.stdout
    assert (place.updates("pretrain"), place.updates("finetune")) == trained
    assert (place.folder / "results/runs.csv").exists()


def test_a_wrong_config_is_refused_before_the_first_job(tmp_path: Path):
    place = make_workplace(tmp_path, pretrain__sede=[1])
    done = place.snakemake()
    assert done.returncode != 0
    assert "pretrain.sede: unknown key (did you mean 'seeds'?)" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()
