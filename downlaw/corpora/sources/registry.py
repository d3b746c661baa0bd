"""Every source by the name that a study file gives it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from downlaw.study.sources import Corpus

from . import debian, files, huggingface, mtdata, pypi, sacrebleu
from .artifact import Artifact

SOURCES: dict[str, ModuleType] = {
    "pypi": pypi,
    "files": files,
    "huggingface": huggingface,
    "mtdata": mtdata,
    "sacrebleu": sacrebleu,
    "debian": debian,
}


def source_of(corpus: Corpus) -> ModuleType:
    """The module that fetches and reads a corpus."""
    return SOURCES[corpus.source]


def fetch(artifact: Artifact, destination: Path) -> bool:
    """Fetch an artifact, unless it is there already as its pin says; returns whether anything was downloaded.

    Raises:
        CorpusError: where it cannot be fetched, or is not what its pin says; names the config key.
    """
    return SOURCES[artifact.source].fetch(artifact, destination)
