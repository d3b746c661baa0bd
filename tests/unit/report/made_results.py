"""Results folders with records of trainings that nobody made."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from downlaw.engine.training import finetuning_identity, pretraining_identity
from downlaw.files import digest, write_json
from downlaw.study import Study
from downlaw.study.matrix import Run, Segment, Start, runs, segments, starts

MIXTURE = {"vocabulary": 200, "sha256": {"bin": "0", "idx": "0"}, "tokens": 100_000}
VERSIONS = {"torch": ["2.13.0"], "downlaw": ["0.1.0"]}


def subset(pairs: int) -> dict[str, Any]:
    return {"vocabulary": 200, "sha256": {"train.en": str(pairs), "valid.en": "0"}}


class MadeResults:
    """The results of a study, as far as a test makes them."""

    def __init__(self, study: Study) -> None:
        self.study, self.results = study, study.results

    def subsets(self) -> MadeResults:
        """What identities are made from."""
        for name in self.study.mixtures:
            write_json(self.results / f"subsets/mixtures/{name}/manifest.json", MIXTURE)
        for task in self.study.tasks:
            for pairs in self.study.finetune.pairs:
                write_json(self.results / f"subsets/tasks/{task}/{pairs}/manifest.json", subset(pairs))
        return self

    def segment_identity(self, segment: Segment) -> str:
        return digest(pretraining_identity(self.study, segment, MIXTURE))

    def segment_folder(self, segment: Segment) -> Path:
        return self._record(segment).with_suffix("") / self.segment_identity(segment)

    def _record(self, segment: Segment) -> Path:
        return self.results / f"pretrain/{segment.mixture}/seed{segment.seed}/{segment.tokens_asked}.json"

    def pretrain(self, chosen: Iterable[Segment], **changes: Any) -> None:
        for segment in chosen:
            record = {
                "identity": self.segment_identity(segment),
                "status": "ok",
                "reason": "",
                "tokens": segment.tokens,
                "updates": segment.updates,
                "versions": VERSIONS,
            }
            write_json(self._record(segment), record | changes)

    def run_identity(self, run: Run) -> str:
        known = {Start(s.mixture, s.seed, s.tokens_asked): s for s in segments(self.study)}
        start = None if run.start.is_baseline else self.segment_identity(known[run.start])
        return digest(finetuning_identity(self.study, run, subset(run.pairs), start))

    def batch_record(self, stage: str, task: str, start: Start) -> Path:
        return self.results / f"{stage}/{task}/{start.mixture}/seed{start.seed}/{start.tokens_asked}.json"

    def run_folder(self, run: Run) -> Path:
        return self.batch_record("finetune", run.task, run.start).with_suffix("") / self.run_identity(run)

    def run_record(self, run: Run, **changes: Any) -> dict[str, Any]:
        return {
            "identity": self.run_identity(run),
            "status": "ok",
            "reason": "",
            "finetune_pairs": run.pairs,
            "learning_rate": run.learning_rate,
            "finetuning_seed": run.seed,
            "target_tokens_a_update": 100.0,
            "versions": VERSIONS,
            **changes,
        }

    def finetune(self, task: str, start: Start, **changes: Any) -> None:
        records = [self.run_record(run, **changes) for run in runs(self.study, task, start)]
        write_json(self.batch_record("finetune", task, start), records)

    def evaluate(self, task: str, start: Start) -> None:
        rows = [self.run_record(run) for run in runs(self.study, task, start)]
        write_json(self.batch_record("evaluate", task, start), rows)

    def everything(self) -> MadeResults:
        """All trainings done, all runs scored."""
        self.subsets().pretrain(segments(self.study))
        for task in self.study.tasks:
            for start in starts(self.study):
                self.finetune(task, start)
                self.evaluate(task, start)
        return self

    def log(self, name: str, text: str) -> None:
        path = self.results / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def history(self, folder: Path, *entries: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "history.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
