"""A finished study in one file, and what goes on from it in an empty folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from conftest import BIN, Workplace, copy_of

pytestmark = pytest.mark.pipeline

ARCHIVE = "results.tar.zst"
SEGMENT = "results/pretrain/fr/seed1/4000.json"


def archive(place: Workplace, **options: object) -> Path:
    place.configure(archive=options)
    done = place.snakemake("archive")
    assert done.returncode == 0, done.stderr
    return place.folder / ARCHIVE


def restore(archived: Path, folder: Path, study: dict) -> Workplace:
    """An empty folder with a study file, into which the archive is restored."""
    folder.mkdir()
    place = Workplace(folder, study).configure()
    command = [str(BIN / "downlaw"), "restore", str(archived)]
    done = subprocess.run(command, cwd=folder, env=place.environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def archived(small: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """The small study with its archive, which holds neither checkpoints nor text."""
    place = copy_of(small, tmp_path_factory.mktemp("archived") / "study")
    archive(place)
    return place


@pytest.fixture
def restored(archived: Workplace, tmp_path: Path) -> Workplace:
    return restore(archived.folder / ARCHIVE, tmp_path / "restored", archived.study)


def checkpoints(place: Workplace) -> list[str]:
    return sorted(path.name for path in (place.folder / "results").rglob("*.pt"))


def test_a_restored_study_is_done_with_and_without_the_text_that_it_was_made_from(
    archived: Workplace, restored: Workplace
):
    results, before = restored.folder / "results", archived.folder / "results"
    assert checkpoints(restored) == [] and not list(results.glob("subsets/pools/*.bin"))
    assert restored.planned() == {}
    for table in ("runs.csv", "laws.csv", "costs.csv"):
        assert (results / table).read_bytes() == (before / table).read_bytes()
    shutil.copytree(archived.folder / "text", restored.folder / "text", copy_function=shutil.copy2)
    assert restored.planned() == {}


def test_archiving_twice_gives_the_same_bytes(archived: Workplace):
    before = (archived.folder / ARCHIVE).read_bytes()
    assert archive(archived).read_bytes() == before


def test_laws_are_refitted_and_kept_hypotheses_scored_anew_without_a_checkpoint(restored: Workplace):
    restored.configure(laws={"bootstrap_samples": 150})
    again = dict.fromkeys(("laws", "alignment_relations", "figures", "costs", "page", "summary", "all"), 1)
    assert restored.planned() == again
    restored.configure(evaluate__bleu_tokenize="intl")
    planned = restored.planned()
    assert planned["evaluate"] == 5 and {"pretrain", "finetune", "task"}.isdisjoint(planned)
    done = restored.snakemake("results/laws.csv")
    assert done.returncode == 0, done.stderr
    runs = pd.read_csv(restored.folder / "results/runs.csv")
    assert runs["signature"].str.contains("tok:intl").all() and runs["bleu"].notna().all()
    assert checkpoints(restored) == []


def test_what_needs_the_text_says_so(restored: Workplace):
    restored.configure(pretrain__tokens=[1000, 2000, 4000])
    done = restored.snakemake("--dry-run")
    assert done.returncode != 0
    assert "corpora.mono.files[2]: no such file: text/mono.fr.txt" in done.stderr
    assert "restored from an archive, without the text" in done.stderr


def test_a_larger_dp_without_checkpoints_trains_from_zero_and_says_so(
    archived: Workplace, restored: Workplace
):
    shutil.copytree(archived.folder / "text", restored.folder / "text", copy_function=shutil.copy2)
    restored.configure(pretrain__tokens=[1000, 2000, 4000])
    before = restored.updates("pretrain")
    done = restored.snakemake(SEGMENT)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("trains from zero") == 1
    assert restored.updates("pretrain") - before == 4000 // 256


def test_a_larger_dp_with_the_last_checkpoints_and_the_text_continues(small: Workplace, tmp_path: Path):
    place = copy_of(small, tmp_path / "study")
    restored = restore(archive(place, checkpoints="last", text=True), tmp_path / "restored", place.study)
    assert checkpoints(restored) == ["checkpoint.pt"] * 2 + ["model.pt"] * 2
    assert restored.planned() == {}
    restored.configure(pretrain__tokens=[1000, 2000, 4000])
    planned = restored.planned()
    assert (planned["pretrain"], planned["finetune"], planned["evaluate"]) == (2, 2, 2)
    assert {"split_corpus", "tokenizer", "pool", "mixture", "task", "finetuning_subset"}.isdisjoint(planned)
    before = restored.updates("pretrain"), restored.updates("finetune")
    done = restored.snakemake("results/finetune/en-de/fr/seed1/4000.json")
    assert done.returncode == 0, done.stderr
    assert restored.updates("pretrain") - before[0] == 4000 // 256 - 2000 // 256
    assert restored.updates("finetune") - before[1] == 12
