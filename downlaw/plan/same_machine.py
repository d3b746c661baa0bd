"""What a calibration depends on beside the machine: whether it is one of this study, as the study is now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from downlaw.engine.flops import parameters
from downlaw.study import LmStudy, Study

from .errors import PlanError
from .throughput import Throughput

_NAMED = {
    "precision": "precision",
    "threads": "threads",
    "parameters": "models of so many weights",
    "tokens_per_update": "updates of so many tokens",
}


def measured_with(study: Study | LmStudy) -> dict[str, Any]:
    """What a calibration of a study says of the study's models and batches, and of how they are trained.

    `parameters` and `tokens_per_update` are lists: of a grid of language models one entry a size, the
    smallest first; else the model, and the batches of pretraining and finetuning.
    """
    if isinstance(study, LmStudy):
        names = sorted(study.overtrain.models, key=lambda name: study.parameters(name).total)
        sizes = [study.parameters(name).total for name in names]
        tokens = [study.overtrain.of(name).tokens_per_update for name in names]
    else:
        sizes = [parameters(study.model, study.tokenizer.vocabulary)]
        tokens = [study.pretrain.tokens_per_update, study.finetune.tokens_per_update]
    return {
        "parameters": sizes,
        "tokens_per_update": tokens,
        "device": study.compute.device,
        "precision": study.compute.precision,
        "threads": study.compute.threads,
    }


def refuse_other_device(study: Study | LmStudy, speed: Throughput, where: str) -> None:
    """Refuse a calibration that was made on another kind of device.

    Raises:
        PlanError: where it was; `where` is named.
    """
    there, here = speed.about.get("device"), study.compute.device
    if there is not None and there != here:
        raise PlanError(
            f"{where}: was measured on {there}, and the study trains on {here}: --calibrate measures anew, "
            "--throughput FILE states speeds"
        )


def differences(study: Study | LmStudy, speed: Throughput | None) -> Iterator[str]:
    """A line for each way in which a calibration was made with something else than the study has now."""
    about, here = speed.about if speed else {}, measured_with(study)
    for key, name in _NAMED.items():
        there = about.get(key)
        if isinstance(there, int) and isinstance(here[key], list):  # of a calibration before there were lists
            there = [there]
        if there is not None and there != here[key]:
            yield (
                f"The calibration was made with {name} {_said(there)}, and this study has "
                f"{_said(here[key])}: speeds may differ; --calibrate measures anew."
            )


def _said(value: Any) -> str:
    if isinstance(value, list):
        return " and ".join(map(_said, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
