"""The plan beside Snakemake's own: what is left of a study, and what it took."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from conftest import BIN, TINY, Workplace, copy_of, make_workplace

from downlaw.plan import Machine, plan_study
from downlaw.study import load_study

pytestmark = pytest.mark.pipeline


def left(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Jobs by rule that the plan says would run."""
    monkeypatch.chdir(place.folder)
    made = plan_study(load_study(place.folder / "study.yaml"), Machine(2))
    return {rule.whole.rule: rule.jobs for rule in made.rules if rule.jobs}


def announced(place: Workplace) -> dict[str, int]:
    return {rule: jobs for rule, jobs in place.planned().items() if rule != "all"}


NEW_TEXT = {
    "mono": {
        "source": "files",
        "kind": "monolingual",
        "files": [{"language": "fr", "path": "text/mono.fr.txt"}],
    },
    "pairs": {
        "source": "files",
        "kind": "parallel",
        "files": [{"languages": ["de", "en"], "tsv": "text/pairs.de-en.tsv"}],
    },
}
"""Corpora that the study did not read before; that the files are the same is found when they are read."""

GROWN = {
    "nothing new": {},
    "a larger Dp": {"pretrain__tokens": [1000, 2000, 4000]},
    "a Dp in between": {"pretrain__tokens": [1000, 1500, 2000]},
    "a learning rate": {"finetune__learning_rates": [0.005, 0.01]},
    "a Df": {"finetune__pairs": [200, 600]},
    "a pretraining seed": {"pretrain__seeds": [1, 2]},
    "other pretraining": {"pretrain__learning_rate": 0.002},
    "a mixture of new text": {
        "corpora__new": NEW_TEXT["mono"],
        "mixtures__new": {"shares": {"new.fr": 1.0}},
    },
    "a task of text that is read already": {
        "tasks__de-en": {**TINY["tasks"]["en-de"], "source": "de", "target": "en"}
    },
    "a task of new text": {
        "corpora__new": NEW_TEXT["pairs"],
        "tasks__new": {**TINY["tasks"]["en-de"], "corpus": "new"},
    },
}


@pytest.mark.parametrize("changes", GROWN.values(), ids=GROWN.keys())
def test_what_is_left_is_what_snakemake_would_run(small: Workplace, tmp_path: Path, monkeypatch, changes):
    place = copy_of(small, tmp_path / "grown").configure(**changes)
    assert left(place, monkeypatch) == announced(place)


def test_a_plan_is_measured_kept_and_compared(tmp_path: Path):
    """In a folder where nothing ran yet."""
    place = make_workplace(tmp_path)
    done = place.snakemake("plan", cores=1)
    assert done.returncode == 0, done.stderr
    assert "Wall time" in done.stdout + done.stderr
    results = tmp_path / "results"
    assert {path.name for path in (results / "plan").iterdir()} == {"calibration.json", "plan.json"}
    beside = place.run([str(BIN / "downlaw"), "plan", "--configfile", "study.yaml", "--actual"])
    assert beside.returncode == 0, beside.stderr
    table = pd.read_csv(results / "plan.csv").set_index("rule")
    assert table.loc["pretrain", "jobs_planned"] > 0 and (table["jobs"].dropna() == 0).all()
    assert (table["seconds_planned"].dropna() > 0).all()
