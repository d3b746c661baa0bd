"""The metrics that there are. A new one is a module with a class, and a line here.

The name of a group is what `evaluate.metrics` of a study lists.
"""

from __future__ import annotations

from collections.abc import Sequence

from .base import MeanScore, Metric, SummedMetric
from .bleu import Bleu
from .chrf import Chrf
from .crossentropy import CrossEntropy, CrossEntropyPerCharacter
from .degenerate import CopiedOutput, EmptyOutput, LoopingOutput, WrongLanguageOutput
from .rouge import Rouge1, Rouge2, RougeL
from .ter import Ter
from .translation_choice import TranslationChoiceError, TranslationChoiceErrorRaw

GROUPS: dict[str, tuple[type[Metric], ...]] = {
    "bleu": (Bleu,),
    "chrf": (Chrf,),
    "ter": (Ter,),
    "rouge": (Rouge1, Rouge2, RougeL),
    "degenerate": (EmptyOutput, CopiedOutput, WrongLanguageOutput, LoopingOutput),
}
"""Metrics of the text of hypotheses."""


class Comet(MeanScore):
    """The mean of a COMET model's scores; `comet_model` says which."""

    name = "comet"


class CometLocal(MeanScore):
    """The mean of the scores of a small model made by the study itself."""

    name = "comet_local"


METRICS: dict[str, SummedMetric] = {
    metric.name: metric()
    for metric in (
        CrossEntropy,
        CrossEntropyPerCharacter,
        TranslationChoiceError,
        TranslationChoiceErrorRaw,
        *(metric for group in GROUPS.values() for metric in group),
        Comet,
        CometLocal,
    )
}
"""Every score that is a function of sums over segments, by its column in a table of runs."""


def text_metrics(groups: Sequence[str], bleu_tokenize: str = "13a") -> list[Metric]:
    """The metrics of the groups named, in the order of GROUPS.

    Raises:
        KeyError: for a name that is no group.
    """
    wanted = {name: GROUPS[name] for name in groups}
    return [
        Bleu(bleu_tokenize) if metric is Bleu else metric()
        for name in GROUPS
        for metric in wanted.get(name, ())
    ]
