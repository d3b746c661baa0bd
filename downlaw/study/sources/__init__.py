"""What a study may say of where the text of a corpus comes from, one module a source."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from .files import MonolingualFiles, ParallelFiles
from .pypi import PypiCorpus

__all__ = ["FORMS", "Corpus", "MonolingualFiles", "ParallelFiles", "PypiCorpus"]


def _form(corpus: Any) -> str | None:
    get = corpus.get if isinstance(corpus, dict) else lambda key: getattr(corpus, key, None)
    return f"files {get('kind')}" if get("source") == "files" else get("source")


FORMS = ("pypi", "files monolingual", "files parallel")
Corpus = Annotated[
    Annotated[PypiCorpus, Tag(FORMS[0])]
    | Annotated[MonolingualFiles, Tag(FORMS[1])]
    | Annotated[ParallelFiles, Tag(FORMS[2])],
    Discriminator(
        _form,
        custom_error_type="corpus_form",
        custom_error_message="source must be pypi or files, and kind monolingual or parallel",
    ),
]
