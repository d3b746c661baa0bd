"""`downlaw paired`: two translations of one test set, compared."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Group, RenderableType

from .errors import CommandError
from .options import CsvOption, FileOption, JsonOption
from .output import Output, number, table_for_people, titled, with_interval

PARTS = ("ln_bleu_change", "ln_brevity_penalty", *(f"ln_precision_{order}" for order in range(1, 5)))
_PART_NAMES = ("ln BLEU", "length", "words", "2-grams", "3-grams", "4-grams")
_SCORE_HEADINGS = ("a", "b", "difference", "p", "sacrebleu p")
_NAMES = {"bleu": "BLEU", "chrf": "chrF"}


class Tokenizer(StrEnum):
    """sacrebleu's tokenizers that need no further package."""

    WMT_13A = "13a"
    INTERNATIONAL = "intl"
    CHINESE = "zh"
    CHARACTERS = "char"
    NONE = "none"


def paired(
    system_a: Annotated[Path, typer.Argument(help="Translations by system a, one a line.")],
    system_b: Annotated[Path, typer.Argument(help="Translations by system b, in the same order.")],
    reference: Annotated[Path, typer.Option("--reference", help="The references.", metavar="FILE")],
    tokenize: Annotated[
        Tokenizer, typer.Option("--tokenize", help="BLEU's tokenizer: zh for Chinese, char for Japanese.")
    ] = Tokenizer.WMT_13A,
    samples: Annotated[
        int, typer.Option("--samples", help="Test sets drawn anew.", min=100, metavar="N")
    ] = 1000,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    output: FileOption = None,
) -> None:
    """Compare two translations of a test set: is the difference noise, and why does BLEU differ?

    Example: downlaw paired new.txt old.txt --reference test.de
    """
    out = Output(as_json, as_csv, output)
    references = _lines(reference)
    if not references:
        raise CommandError(f"{reference}: the file is empty")
    for place, line in enumerate(references, start=1):
        if not line.strip():
            raise CommandError(
                f"{reference}, line {place}: the reference is empty; take the line out of all files"
            )
    outputs = []
    for path in (system_a, system_b):
        outputs.append(_lines(path))
        if len(outputs[-1]) != len(references):
            raise CommandError(
                f"{path} has {len(outputs[-1])} lines, {reference} has {len(references)}; each line needs the"
                " other"
            )
    table = _compare(*outputs, references, tokenize, samples)
    out.write(table, lambda found: _view(found, system_a, system_b, len(references)))


def _compare(
    outputs_a: list[str], outputs_b: list[str], references: list[str], tokenize: str, samples: int
) -> pd.DataFrame:
    # Here, since importing metrics takes longer than most other commands run.
    from downlaw.metrics.base import Translations
    from downlaw.metrics.bleu import Bleu
    from downlaw.metrics.bleu_change import bleu_change
    from downlaw.metrics.chrf import Chrf
    from downlaw.metrics.comparisons import why_within
    from downlaw.metrics.paired import paired_bootstrap

    try:
        a, b = (
            Translations(references, outputs, references, "", "")  # nothing here looks at the source
            for outputs in (outputs_a, outputs_b)
        )
    except ValueError as error:
        raise CommandError(str(error)) from None
    rows = []
    for metric in (Bleu(tokenize), Chrf()):
        counts = metric.count(a), metric.count(b)
        found = paired_bootstrap(metric, *counts, samples=samples)
        row: dict[str, object] = {"metric": metric.name}
        row |= {"score_a": found.score_a, "score_b": found.score_b, "difference": found.difference}
        row |= {"low": found.low, "high": found.high}
        row |= {"p_value": found.p_value, "p_sacrebleu": found.p_sacrebleu}
        if metric.name == "bleu":
            change = bleu_change(*(each.sum(axis=0) for each in counts))
            parts = (change.ln_bleu, change.ln_brevity_penalty, *change.ln_precisions)
            row |= dict(zip(PARTS, parts, strict=True))
            row |= {"smoothed": None if change.reason else change.smoothed}
            row |= {"why": why_within(change, found.p_value)}
        rows.append(row | {"signature": metric.signature})
    return pd.DataFrame(rows)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise CommandError(f"{path}, line {line}: not UTF-8; convert the file first") from None
    lines = text.split("\n")
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]


def _view(table: pd.DataFrame, a: Path, b: Path, segments: int) -> RenderableType:
    scores = table_for_people({"metric": "left"} | dict.fromkeys(_SCORE_HEADINGS, "right"))
    for row in table.to_dict("records"):
        scores.add_row(
            _NAMES[row["metric"]],
            number(row["score_a"], 2),
            number(row["score_b"], 2),
            with_interval(row["difference"], row["low"], row["high"], 2),
            number(row["p_value"], 4),
            number(row["p_sacrebleu"], 4),
        )
    bleu = table.iloc[0]
    parts = table_for_people(dict.fromkeys(_PART_NAMES, "right"))
    parts.add_row(*(number(bleu[part], 4) for part in PARTS))
    caption = "change from b to a: length and n-grams add up to ln BLEU"
    if bleu["smoothed"] is True:
        caption += "; an order without a match is made up by smoothing"
    return Group(
        titled(
            f"a: {a}, b: {b}, {segments:,} segments",
            scores,
            "difference: a minus b, with its 95% interval; p: two-sided, 0.05 calls 5% of equal systems"
            " different;\nsacrebleu p: what sacrebleu --paired-bs prints (about 10%)",
        ),
        titled(f"BLEU: {bleu['why']}", parts, caption),
    )
