"""The whole study, and the names in it that must agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from .base import Language, Name, Positive, Strict, nearest, refuse_repeats
from .compute import Compute, Resources
from .report import Archive, Figures
from .text import Cleaning, Corpus, ParallelFiles, Split, Tokenizer
from .training import Evaluate, Finetune, Laws, Mixture, Model, Pretrain, Task

BASELINE = "none"
"""The mixture name of the non-pretrained baseline in paths; no mixture may be called so."""


KEPT_TASKS = ("comet", "comet_local")
"""Names of files and folders beside those of tasks; no task may be called so."""


class Study(Strict):
    """A complete study of the transfer track (Isik et al. 2024, arXiv:2402.04177)."""

    study: Name
    results: Path = Field(Path("results"), description="everything that is made goes here")
    seed: Positive = Field(1, description="splits, shuffles and subsets; trainings have seeds of their own")
    languages: Annotated[list[Language], Field(min_length=2)]
    corpora: dict[Name, Corpus]
    cleaning: Cleaning = Cleaning()
    split: Split = Split()
    tokenizer: Tokenizer = Tokenizer()
    mixtures: dict[Name, Mixture]
    tasks: Annotated[dict[Name, Task], Field(min_length=1)]
    model: Model = Model()
    pretrain: Pretrain
    finetune: Finetune
    evaluate: Evaluate = Evaluate()
    laws: Laws = Laws()
    compute: Compute = Compute()
    resources: Resources = Resources()
    figures: Figures = Figures()
    archive: Archive = Archive()

    @model_validator(mode="after")
    def _names_resolve(self) -> Study:
        refuse_repeats("languages", self.languages)
        problems = [
            *self._mixture_problems(),
            *self._task_problems(),
            *self._tokenizer_problems(),
            *self._length_problems(),
            *self._process_problems(),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _mixture_problems(self) -> Iterator[str]:
        for name, mixture in self.mixtures.items():
            if name == BASELINE:
                yield f"mixtures.{name}: this name is kept for the non-pretrained baseline"
            for corpus, language, _ in mixture.components():
                key = f"mixtures.{name}.shares.{corpus}.{language}"
                yield from self._language_problems(key, language)
                if corpus not in self.corpora:
                    yield f"{key}: no corpus is called {corpus!r}{nearest(corpus, self.corpora)}"
                elif self.corpora[corpus].kind != "monolingual":
                    yield f"{key}: corpus {corpus} is parallel; pretraining reads monolingual corpora"
                elif language not in self.corpora[corpus].languages():
                    yield f"{key}: corpus {corpus} has no text in {language!r}"

    def _task_problems(self) -> Iterator[str]:
        for name, task in self.tasks.items():
            if name in KEPT_TASKS:
                yield f"tasks.{name}: this name is kept for what {name} makes beside the tasks"
            for side in ("source", "target"):
                yield from self._language_problems(f"tasks.{name}.{side}", getattr(task, side))
            key = f"tasks.{name}.corpus"
            corpus = self.corpora.get(task.corpus)
            if corpus is None:
                yield f"{key}: no corpus is called {task.corpus!r}{nearest(task.corpus, self.corpora)}"
            elif corpus.kind != "parallel":
                yield f"{key}: corpus {task.corpus} is monolingual; a task needs a parallel one"
            elif (
                isinstance(corpus, ParallelFiles)
                and frozenset((task.source, task.target)) not in corpus.language_pairs()
            ):
                yield f"{key}: corpus {task.corpus} has no {task.source}-{task.target} files"

    def _tokenizer_problems(self) -> Iterator[str]:
        for index, (name, part) in enumerate(self.tokenizer.parts()):
            key, languages = f"tokenizer.text[{index}]", part.split("-")
            for language in languages:
                yield from self._language_problems(key, language)
            corpus = self.corpora.get(name)
            if corpus is None:
                yield f"{key}: no corpus is called {name!r}{nearest(name, self.corpora)}"
            elif (corpus.kind == "parallel") != (len(languages) == 2):
                parallel = f"parallel; write {name}.language-language"
                yield f"{key}: corpus {name} is {parallel if corpus.kind == 'parallel' else 'monolingual'}"
            elif not _has_part(corpus, part):
                hint = "; the languages of a pair are sorted" if len(languages) == 2 else ""
                yield f"{key}: corpus {name} has no {part} text{hint}"

    def _length_problems(self) -> Iterator[str]:
        block, longest = self.pretrain.block_pieces, self.model.max_pieces
        if block > longest:
            yield f"pretrain.block_pieces: {block} is more than model.max_pieces, {longest}"

    def _process_problems(self) -> Iterator[str]:
        for stage in ("pretrain", "finetune"):
            batches = getattr(self, stage).batches_per_update
            processes = getattr(self.resources, stage).processes
            if batches % processes:
                yield (
                    f"resources.{stage}.processes: {processes} processes cannot share the {batches} batches "
                    f"of an update; {stage}.batches_per_update must be a multiple"
                )
        if self.finetune.tokens_per_update < self.finetune.batches_per_update * 8:
            yield "finetune.batches_per_update: leaves less than 8 tokens a batch"

    def _language_problems(self, key: str, language: str) -> Iterator[str]:
        if language not in self.languages:
            yield f"{key}: language {language!r} is not in languages {self.languages}"


def _has_part(corpus: Corpus, part: str) -> bool:
    """Whether a corpus can have a part; what catalogs hold is known once they are read."""
    languages = part.split("-")
    if languages != sorted(languages):
        return False
    if isinstance(corpus, ParallelFiles):
        return frozenset(languages) in corpus.language_pairs()
    return corpus.kind == "parallel" or part in corpus.languages()
