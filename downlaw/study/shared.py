"""What studies of both tracks have: text, mixtures, hardware, and names in them that must agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from .base import Language, Name, Positive, Strict, nearest
from .compute import Compute
from .report import Archive, Figures
from .sources import Corpus, DebianCorpus, MtdataCorpus, ParallelFiles, SacrebleuCorpus
from .text import Cleaning, Split, Tokenizer
from .training import Mixture

BASELINE = "none"
"""The mixture name of the non-pretrained baseline in paths; no mixture may be called so."""


LANGUAGES = "those of all text that is read; also what a text is identified among"


class BlockLayout(NamedTuple):
    """How a mixture is cut: pieces of text a block, blocks an update, and whether documents stay whole and
    end with `</s>`."""

    pieces: int
    per_update: int
    documents: bool


class SharedStudy(Strict):
    """The sections of every study."""

    study: Name = Field(description="what the study is called, in tables and titles")
    results: Path = Field(Path("results"), description="everything that is made goes here")
    seed: Positive = Field(1, description="splits, shuffles and subsets; trainings have seeds of their own")
    languages: Annotated[list[Language], Field(min_length=1)] = Field(description=LANGUAGES)
    corpora: dict[Name, Corpus] = Field(description="text by name, from one of several sources")
    cleaning: Cleaning = Cleaning()
    split: Split = Split()
    decontaminate: bool = Field(
        True,
        description="leave out of training text what overlaps with test text; false keeps it",
    )
    tokenizer: Tokenizer = Tokenizer()
    mixtures: dict[Name, Mixture]
    compute: Compute = Compute()
    figures: Figures = Figures()
    archive: Archive = Archive()

    def mixture_problems(self, section: str, mixtures: Mapping[str, Mixture]) -> Iterator[str]:
        """What is wrong with the names in mixtures of a section, one line each."""
        for name, mixture in mixtures.items():
            if name == BASELINE:
                yield f"{section}.{name}: this name is kept for the non-pretrained baseline"
            for corpus, language, _ in mixture.components():
                key = f"{section}.{name}.shares.{corpus}.{language}"
                yield from self.text_problems(key, corpus, language)

    def text_problems(self, key: str, corpus: str, language: str) -> Iterator[str]:
        """What is wrong with a key that names monolingual text."""
        yield from self.language_problems(key, language)
        if corpus not in self.corpora:
            yield f"{key}: no corpus is called {corpus!r}{nearest(corpus, self.corpora)}"
        elif self.corpora[corpus].kind != "monolingual":
            yield f"{key}: corpus {corpus} is parallel; pretraining reads monolingual corpora"
        elif language not in self.corpora[corpus].languages():
            yield f"{key}: corpus {corpus} has no text in {language!r}"

    def pair_problems(self, key: str, name: str, source: str, target: str) -> Iterator[str]:
        """What is wrong with a key that names a parallel corpus, for a direction."""
        corpus = self.corpora.get(name)
        if corpus is None:
            yield f"{key}: no corpus is called {name!r}{nearest(name, self.corpora)}"
        elif corpus.kind != "parallel":
            yield f"{key}: corpus {name} is monolingual; a task needs a parallel one"
        elif not _has_pair(corpus, frozenset((source, target))):
            what = "files" if isinstance(corpus, ParallelFiles) else "text"
            yield f"{key}: corpus {name} has no {source}-{target} {what}"

    def tokenizer_problems(self) -> Iterator[str]:
        for index, (name, part) in enumerate(self.tokenizer.parts()):
            key, languages = f"tokenizer.text[{index}]", part.split("-")
            for language in languages:
                yield from self.language_problems(key, language)
            corpus = self.corpora.get(name)
            if corpus is None:
                yield f"{key}: no corpus is called {name!r}{nearest(name, self.corpora)}"
            elif (corpus.kind == "parallel") != (len(languages) == 2):
                parallel = f"parallel; write {name}.language-language"
                yield f"{key}: corpus {name} is {parallel if corpus.kind == 'parallel' else 'monolingual'}"
            elif not _has_part(corpus, part):
                hint = "; the languages of a pair are sorted" if len(languages) == 2 else ""
                yield f"{key}: corpus {name} has no {part} text{hint}"

    def language_problems(self, key: str, language: str) -> Iterator[str]:
        if language not in self.languages:
            yield f"{key}: language {language!r} is not in languages {self.languages}"


def process_problems(stage: str, batches: int, processes: int) -> Iterator[str]:
    """What is wrong where the batches of an update cannot be shared by a stage's processes."""
    if batches % processes:
        yield (
            f"resources.{stage}.processes: {processes} processes cannot share the {batches} batches "
            f"of an update; {stage}.batches_per_update must be a multiple"
        )


def refuse(problems: Iterable[str]) -> None:
    """Raise ValueError, one line a problem, where there are any."""
    found = list(problems)
    if found:
        raise ValueError("\n".join(found))


def _has_part(corpus: Corpus, part: str) -> bool:
    """Whether a corpus can have a part; what catalogs hold is known once they are read."""
    languages = part.split("-")
    if languages != sorted(languages):
        return False
    if corpus.kind == "parallel":
        return _has_pair(corpus, frozenset(languages))
    return part in corpus.languages()


def _has_pair(corpus: Corpus, pair: frozenset[str]) -> bool:
    """Whether a parallel corpus can have a language pair; catalogs tell theirs once they are read."""
    named = isinstance(corpus, DebianCorpus | ParallelFiles | MtdataCorpus | SacrebleuCorpus)
    return not named or pair in corpus.language_pairs()
