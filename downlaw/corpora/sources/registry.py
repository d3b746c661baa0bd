"""Every source by the name that a study file gives it, which is that of its module.

A source is imported where a study reads from it: some bring clients of hubs with them.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from downlaw.study.sources import Corpus

from .artifact import Artifact


def source_of(corpus: Corpus) -> ModuleType:
    """The module that fetches and reads a corpus."""
    return import_module(f".{corpus.source}", __package__)


def fetch(artifact: Artifact, destination: Path) -> bool:
    """Fetch an artifact, unless it is there already as its pin says; returns whether anything was downloaded.

    Raises:
        CorpusError: where it cannot be fetched, or is not what its pin says; names the config key.
    """
    return import_module(f".{artifact.source}", __package__).fetch(artifact, destination)
