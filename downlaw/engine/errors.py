"""How a training can end without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from downlaw.engine.log import TrainingLog


class EngineError(RuntimeError):
    """fairseq stopped for a reason that is not in the study."""


class StoppedError(EngineError):
    """A signal asked a training to stop; it has saved its last update."""


class DivergedError(RuntimeError):
    """A loss or gradient that is not finite: a result, not a crash. Carries the log up to there."""

    def __init__(self, reason: str, log: TrainingLog) -> None:
        super().__init__(reason)
        self.log = log
