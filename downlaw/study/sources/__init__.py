"""What a study may say of where the text of a corpus comes from, one module a source."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from .debian import DebianCorpus
from .files import MonolingualFiles, ParallelFiles
from .huggingface import HuggingfaceCorpus
from .mtdata import MtdataCorpus
from .pypi import PypiCorpus
from .sacrebleu import SacrebleuCorpus

__all__ = [
    "FORMS",
    "Corpus",
    "DebianCorpus",
    "HuggingfaceCorpus",
    "MonolingualFiles",
    "MtdataCorpus",
    "ParallelFiles",
    "PypiCorpus",
    "SacrebleuCorpus",
]


def _form(corpus: Any) -> str | None:
    get = corpus.get if isinstance(corpus, dict) else lambda key: getattr(corpus, key, None)
    return f"files {get('kind')}" if get("source") == "files" else get("source")


FORMS = ("pypi", "files monolingual", "files parallel", "huggingface", "mtdata", "sacrebleu", "debian")
Corpus = Annotated[
    Annotated[PypiCorpus, Tag(FORMS[0])]
    | Annotated[MonolingualFiles, Tag(FORMS[1])]
    | Annotated[ParallelFiles, Tag(FORMS[2])]
    | Annotated[HuggingfaceCorpus, Tag(FORMS[3])]
    | Annotated[MtdataCorpus, Tag(FORMS[4])]
    | Annotated[SacrebleuCorpus, Tag(FORMS[5])]
    | Annotated[DebianCorpus, Tag(FORMS[6])],
    Discriminator(
        _form,
        custom_error_type="corpus_form",
        custom_error_message="source must be one of "
        + ", ".join(sorted({form.split()[0] for form in FORMS}))
        + ", and kind monolingual or parallel",
    ),
]
