"""What runs again when something changes (docs/reruns.md), by dry runs of a study that is done."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Workplace, copy_of

pytestmark = pytest.mark.pipeline

STARTS = 5
FIGURES = {"figures": 1, "costs": 1, "page": 1, "summary": 1, "all": 1}
ALIGNMENT = {"alignment_relations": 1}
LAWS = {"laws": 1, **ALIGNMENT, **FIGURES}
TABLES = {"comparisons": 1, "resamples": 1, "runs": 1, **LAWS}


def scored(starts: int) -> dict[str, int]:
    return {"evaluate": starts, **TABLES}


def finetuned(starts: int) -> dict[str, int]:
    return {"finetune": starts, **scored(starts)}


def below(**jobs: int) -> dict[str, int]:
    """All jobs below the tokenizer, and `jobs`."""
    subsets = {"task": 1, "finetuning_subset": 1, "pool": 3, "mixture": 2}
    subsets |= {"alignment": 2, "contamination": 1}
    return {**subsets, "pretrain": 4, **finetuned(STARTS), **jobs}


# English is shuffled already, French only for the first place in a mixture.
A_MIXTURE = {"pool": 1, "mixture": 1, "alignment": 1, "contamination": 1}
MIXED = {"shares": {"mono.en": 0.5, "mono.fr": 0.5}}
READ_NOW = ["mono.de", "mono.en", "mono.fr", "pairs.de-en"]
HOW_IT_RUNS = {
    "compute": {"threads": 2, "scratch": "/tmp"},
    "pretrain__save_every_updates": 3,
    "pretrain__keep_optimizer": "all",
    "finetune__save_every_updates": 5,
    "resources": {"pretrain": {"minutes": 5, "memory_mb": 9000}, "laws": {"minutes": 2}},
    "archive": {"checkpoints": "last"},
    "tokenizer__text": READ_NOW,
}

CHANGES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "how it runs": (HOW_IT_RUNS, {}),
    "a larger Dp": ({"pretrain__tokens": [1000, 2000, 3000]}, {"pretrain": 2, **finetuned(2)}),
    # The segment after it reads its record, for it now continues another one.
    "a Dp in between": ({"pretrain__tokens": [1000, 1500, 2000]}, {"pretrain": 4, **finetuned(4)}),
    "a Dp less": ({"pretrain__tokens": [1000]}, TABLES),
    "a pretraining seed": ({"pretrain__seeds": [1, 2]}, {"pretrain": 4, **finetuned(4)}),
    "a pretraining learning rate": ({"pretrain__learning_rate": 0.002}, {"pretrain": 4, **finetuned(4)}),
    "a mixture of text that is read": (
        {"mixtures__mixed": MIXED},
        {**A_MIXTURE, "pretrain": 2, **finetuned(2)},
    ),
    "a mixture and a learning rate": (
        {"mixtures__mixed": MIXED, "finetune__learning_rates": [0.005, 0.01]},
        {**A_MIXTURE, "pretrain": 2, **finetuned(STARTS + 2)},
    ),
    "a Df": ({"finetune__pairs": [200, 600]}, {"finetuning_subset": 1, **finetuned(STARTS)}),
    "a learning rate": ({"finetune__learning_rates": [0.005, 0.01]}, finetuned(STARTS)),
    "a finetuning seed": ({"finetune__seeds": [1, 2]}, finetuned(STARTS)),
    "the test text": (
        {"tasks__en-de__test_segments": 30},
        {"task": 1, "alignment": 2, "contamination": 1, "finetuning_subset": 1, **finetuned(STARTS)},
    ),
    "a metric": ({"evaluate__metrics": ["bleu", "chrf"]}, scored(STARTS)),
    "the beam": ({"evaluate__beam": 3}, scored(STARTS)),
    "a law option": ({"laws": {"interval_level": 0.8}}, LAWS),
    "a plot option": ({"figures": {"formats": ["pdf"], "dpi": 300}}, {**ALIGNMENT, **FIGURES}),
    "a cleaning option": (
        {"cleaning": {"identify_language": False, "min_words": 4}},
        below(split_corpus=4, decontaminate_corpus=4, tokenizer=1),
    ),
    "how one corpus is read": (
        {"corpora__mono__document_lines": 50},
        {**below(split_corpus=3, decontaminate_corpus=3, tokenizer=1)},
    ),
}


@pytest.fixture(scope="module")
def done(small: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return copy_of(small, tmp_path_factory.mktemp("reruns") / "done")


@pytest.mark.parametrize(("changes", "jobs"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_of_the_study_runs_what_depends_on_it(
    changes: dict[str, Any], jobs: dict[str, int], done: Workplace
):
    assert Workplace(done.folder, done.study).configure(**changes).planned() == jobs


def test_a_pinned_tokenizer_stays_when_mixtures_change(done: Workplace):
    fewer = {"mixtures": {"en+de": done.study["mixtures"]["en+de"]}}
    learned_anew = below(tokenizer=1, pool=2, mixture=1, alignment=1, pretrain=2, finetune=3, evaluate=3)
    assert Workplace(done.folder, done.study).configure(**fewer).planned() == learned_anew
    pinned = {**fewer, "tokenizer__text": READ_NOW}
    tables = {"contamination": 1, **TABLES}  # of the mixtures that are left
    assert Workplace(done.folder, done.study).configure(**pinned).planned() == tables


def test_a_comment_in_code_and_another_environment_run_nothing(done: Workplace, tmp_path: Path):
    for name in ("rules", "scripts", "profiles", "envs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "Snakefile", tmp_path)
    (tmp_path / "downlaw").symlink_to(ROOT / "downlaw")
    for pattern in ("scripts/*.py", "rules/*.smk", "envs/*.yaml"):
        files = list(tmp_path.glob(pattern))
        assert files
        for path in files:
            path.write_text("# Another comment.\n" + path.read_text())
    here = Workplace(done.folder, done.study).configure()
    snakemake, *arguments = here.command("--dry-run", "--quiet", "rules")
    copied = [argument.replace(str(ROOT), str(tmp_path)) for argument in arguments]
    assert str(tmp_path / "Snakefile") in copied
    assert here.announced([snakemake, *copied]) == {}


def shifted(seconds: float) -> Callable[[float], float]:
    return lambda time: time + seconds


TIMES: dict[str, tuple[str, Callable[[float], float]]] = {
    "a file system with a clock of two seconds": ("results", lambda time: time // 2 * 2),
    "checkpoints from a host an hour ahead": ("results/pretrain", shifted(3600)),
    "models from a host an hour behind": ("results/finetune", shifted(-3600)),
    "subsets from a host an hour ahead": ("results/subsets", shifted(3600)),
    "corpora from a host an hour behind": ("results/corpora", shifted(-3600)),
    "text that was copied anew": ("text", shifted(7200)),
}


@pytest.mark.parametrize(("folder", "moved"), TIMES.values(), ids=TIMES.keys())
def test_times_of_files_alone_run_nothing(
    folder: str, moved: Callable[[float], float], small: Workplace, tmp_path: Path
):
    place = copy_of(small, tmp_path / "copy")
    for path in (place.folder / folder).rglob("*"):
        time = moved(path.stat().st_mtime)
        os.utime(path, (time, time))
    assert place.planned() == {}
