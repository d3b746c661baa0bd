"""Results folders of studies that nobody ran, for pages."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd

from downlaw.laws import fit_runs, predict_runs, verdict_runs
from downlaw.laws.relations import relate_runs
from downlaw.laws.valuation import value_runs
from downlaw.report.lines import law_lines

SAMPLES = 60


def runs_table(
    mixtures: list[str], *, tasks: tuple[str, ...] = ("en-de",), points: int = 5, baseline: bool = True
) -> pd.DataFrame:
    """Runs with intervals of mixtures that all help, the first the most."""
    rng = np.random.default_rng(3)
    rows = []
    for task in tasks:
        starts = [("", 0)] if baseline else []
        starts += [(mixture, 2**15 * 2**step) for mixture in mixtures for step in range(points)]
        for mixture, tokens in starts:
            ease = 1 - (mixtures.index(mixture) / len(mixtures) if mixture else 1) / 2
            loss = 5.1 if not mixture else 3.2 + (1 - ease) + 60 * tokens**-0.35 + 0.01 * rng.normal()
            bleu = 1.9 if not mixture else ease * (np.log(tokens) - 8) ** 1.2 + 0.05 * rng.normal()
            row = {"task": task, "finetune_pairs": 8000, "mixture": mixture, "pretrain_tokens": tokens}
            row |= {
                "cross_entropy": loss,
                "cross_entropy_low": loss - 0.06,
                "cross_entropy_high": loss + 0.06,
            }
            row |= {"bleu": bleu, "bleu_low": bleu - 0.4, "bleu_high": bleu + 0.4}
            row |= {
                "selected": True,
                "status": "ok",
                "reason": None,
                "looping_output": 0.3 if mixture else 0.6,
            }
            row |= {"pretraining_seed": 1 if mixture else None, "finetuning_seed": 1, "test_segments": 500}
            rows.append(row | {"signature": "BLEU|tok:13a", "versions": "downlaw 0.1.0, torch 2.13.0"})
    return pd.DataFrame(rows)


def write_results(folder: Path, runs: pd.DataFrame) -> Path:
    """A results folder with the tables that the laws of these runs give."""
    folder.mkdir(parents=True, exist_ok=True)
    verdicts = verdict_runs(runs, samples=SAMPLES)
    tables = {
        "runs": runs,
        "laws": fit_runs(runs, samples=SAMPLES),
        "law_lines": law_lines(runs, samples=SAMPLES),
        "predictions": predict_runs(runs, samples=SAMPLES),
        "verdicts": verdicts,
        "valuations": value_runs(runs, verdicts=verdicts, samples=SAMPLES),
        "metric_relations": relate_runs(runs),
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


MORE = ("chrf", "rouge_l", "comet_local")


def _with_more_metrics(table: pd.DataFrame) -> list[pd.DataFrame]:
    """The same with three more scores that are what BLEU is."""
    if "metric" in table:
        bleu = table[table["metric"] == "bleu"]
        return [table, *(bleu.assign(metric=metric) for metric in MORE)]
    if "bleu" not in table:
        return [table]
    ends = ("", "_low", "_high")
    return [table.assign(**{f"{metric}{end}": table[f"bleu{end}"] for metric in MORE for end in ends})]


def multiplied(study: Path, folder: Path, *, tasks: int, copies: int) -> Path:
    """The tables of a study, its first two mixtures and tasks so many times over, and of five scores."""
    folder.mkdir(parents=True)
    for path in study.glob("*.csv"):
        table = pd.read_csv(path, keep_default_na=False)
        baseline = table[table["mixture"] == ""]
        mixtures = [table[table["mixture"] == mixture] for mixture in ("en+de", "en")]
        here = [
            baseline,
            *(each.assign(mixture=each["mixture"] + f" {n}") for each in mixtures for n in range(copies)),
        ]
        here = [each for one in here for each in _with_more_metrics(one)]
        whole = pd.concat([each.assign(task=f"task {n}") for n in range(tasks) for each in here])
        if "best_mixture" in whole:
            whole["best_mixture"] = whole["best_mixture"] + " 0"
        whole.to_csv(folder / path.name, index=False)
    return folder


class Page(HTMLParser):
    """What a page holds: ids, links, texts of plots, scripts; and all its elements are closed."""

    VOID = frozenset({"meta", "link", "br", "img", "hr", "input", "path", "circle", "rect", "use"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: list[str] = []
        self.links: list[str] = []
        self.alts: list[str] = []
        self.tags: list[str] = []
        self.labelled: list[str] = []
        self.scripts: dict[str, str] = {}
        self.words: list[str] = []
        self._open: list[str] = []
        self._script: str | None = None
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.append(tag)
        if "id" in told:
            self.ids.append(told["id"])
        if tag == "a":
            self.links.append(told["href"])
        if told.get("role") == "img":
            self.alts.append(told.get("aria-label") or "")
        self.labelled += (told.get("aria-labelledby") or "").split()
        if tag == "script":
            self._script = told.get("id", "")
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self._open.pop() == tag
        if tag == "script":
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data
        elif self._open and self._open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())
