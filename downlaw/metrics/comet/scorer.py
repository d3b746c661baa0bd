"""A loaded COMET model that scores translations: comet's own layers, in batches of similar length.

Each text is encoded once: all systems that translate a segment share its source and its reference, which
saves up to two thirds of the work. A batch holds texts of one side of one test set, of similar length, so
that neither other systems nor the order of segments can change a score.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from downlaw.metrics.base import Translations

from .cache import CometError
from .checkpoint import load

if TYPE_CHECKING:
    import torch

    from .scoring import Scoring

CPU_BATCH_TOKENS = 1024
_HEAD_SEGMENTS = 4096
_SAY_EVERY = 10.0  # seconds


class Scorer:
    """A COMET model in memory, and the progress of what it scores.

    Args:
        ahead: everything that will be scored, for the time that is left.
        say: takes lines of progress.

    Raises:
        CometError: where the device is missing or the model cannot be loaded.
    """

    def __init__(
        self,
        scoring: Scoring,
        ahead: Sequence[Translations] = (),
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        import torch

        if scoring.device == "cuda" and not torch.cuda.is_available():
            raise CometError(
                "compute.device: cuda, but torch sees no GPU here; start the job on a machine with one, or "
                "set compute.device: cpu"
            )
        torch.set_num_threads(scoring.threads)
        say(f"loading {scoring.model.name}")
        self.scoring = scoring
        self.model = load(scoring.model)
        if scoring.precision == "bf16":
            self.model.encoder.bfloat16()
        self.model.to(scoring.device)
        self.longest = self.model.encoder.max_positions - 2  # as comet itself cuts
        self.batch_tokens = scoring.batch_tokens or self._fitting_tokens()
        self._test_sets: dict[tuple[str, ...], tuple[torch.Tensor, NDArray[np.bool_]]] = {}
        self._say, self._begun, self._said = say, time.monotonic(), time.monotonic()
        self._done, self._ahead = 0, _texts_ahead(ahead)
        self._segments = 0

    def score(self, translations: Translations) -> tuple[NDArray[np.float64], int]:
        """The score of each segment, shape (segments,), and how many segments have a text that was cut.

        Raises:
            CometError: where a score is not finite or the memory of the GPU does not suffice.
        """
        import torch

        with torch.inference_mode():
            try:
                sources = self._shared(translations.sources)
                references = self._shared(translations.references)
                hypotheses = self._encode(translations.hypotheses)
                scores = self._estimate(translations, sources[0], hypotheses[0], references[0])
            except torch.cuda.OutOfMemoryError:
                raise CometError(
                    f"evaluate.comet.batch_tokens: {self.batch_tokens} pieces at once do not fit into the "
                    "memory of this GPU; set fewer"
                ) from None
        wrong = np.flatnonzero(~np.isfinite(scores))
        if len(wrong):
            raise CometError(
                f"{self.scoring.model.name} gives no finite score for segment {wrong[0] + 1}: "
                f"{len(wrong)} of {len(scores)} segments; the checkpoint is damaged, or needs precision: fp32"
            )
        self._segments += len(scores)
        return scores, int((sources[1] | hypotheses[1] | references[1]).sum())

    def finish(self) -> None:
        """Say how much was scored, and how fast."""
        seconds = max(time.monotonic() - self._begun, 1e-9)
        self._say(
            f"{self._segments:,} segments scored in {seconds:.0f} s "
            f"({self._segments / seconds:.1f} segments/s)"
        )

    def _shared(self, texts: Sequence[str]) -> tuple[torch.Tensor, NDArray[np.bool_]]:
        """A side of a test set: encoded for the first system, and kept for the others."""
        key = tuple(texts)
        if key not in self._test_sets:
            self._test_sets[key] = self._encode(key)
        return self._test_sets[key]

    def _encode(self, texts: Sequence[str]) -> tuple[torch.Tensor, NDArray[np.bool_]]:
        """Sentence embeddings, shape (segments, width), and whether each text was cut."""
        import torch

        unique = list(dict.fromkeys(texts))
        encoder = self.model.encoder
        pieces = encoder.tokenizer(unique, truncation=False, verbose=False)["input_ids"]
        length = {text: len(ids) for text, ids in zip(unique, pieces, strict=True)}
        ordered = sorted(unique, key=lambda text: (length[text], text))
        cut_lengths = [min(length[text], self.longest) for text in ordered]
        vectors = []
        for begin, end in batches(cut_lengths, self.batch_tokens):
            inputs = encoder.prepare_sample(ordered[begin:end]).to(self.scoring.device)
            embedded = self.model.get_sentence_embedding(inputs["input_ids"], inputs["attention_mask"])
            vectors.append(embedded.float())
            self._progress(end - begin)
        place = {text: index for index, text in enumerate(ordered)}
        rows = torch.tensor([place[text] for text in texts], device=self.scoring.device)
        return torch.cat(vectors)[rows], np.array([length[text] > self.longest for text in texts])

    def _estimate(
        self,
        translations: Translations,
        sources: torch.Tensor,
        hypotheses: torch.Tensor,
        references: torch.Tensor,
    ) -> NDArray[np.float64]:
        """Scores by comet's head; segments stand in one order there, whatever the order of the test set."""
        texts = zip(translations.sources, translations.hypotheses, translations.references, strict=True)
        order = [index for _, index in sorted((text, index) for index, text in enumerate(texts))]
        scores = np.empty(len(order))
        for begin in range(0, len(order), _HEAD_SEGMENTS):
            some = order[begin : begin + _HEAD_SEGMENTS]
            estimate = self.model.estimate(sources[some], hypotheses[some], references[some])
            scores[some] = estimate.score.double().cpu().numpy()
        return scores

    def _fitting_tokens(self) -> int:
        """Pieces a batch: all layers are kept and mixed, and take an eighth of a GPU's memory at most."""
        if self.scoring.device != "cuda":
            return CPU_BATCH_TOKENS
        import torch

        memory = torch.cuda.get_device_properties(self.model.device).total_memory
        kept = 3 * 4 * self.model.encoder.num_layers * self.model.encoder.output_units  # bytes a piece
        return max(self.longest, memory // 8 // kept)

    def _progress(self, texts: int) -> None:
        self._done += texts
        now = time.monotonic()
        if now - self._said >= _SAY_EVERY:
            self._said = now
            rate = self._done / (now - self._begun)
            left = max(self._ahead - self._done, 0) / rate
            self._say(
                f"{self._done:,} of {self._ahead:,} texts encoded, {rate:.0f} a second, "
                f"about {left:.0f} s left"
            )


def batches(lengths: Sequence[int], tokens: int) -> Iterable[tuple[int, int]]:
    """(begin, end) of batches of texts, sorted by length, of at most `tokens` pieces with padding each; a
    text that is longer than that is a batch of its own."""
    begin = 0
    for end in range(1, len(lengths) + 1):
        if end == len(lengths) or (end + 1 - begin) * lengths[end] > tokens:
            yield begin, end
            begin = end


def _texts_ahead(ahead: Iterable[Translations]) -> int:
    hypotheses, shared = 0, {}
    for translations in ahead:
        hypotheses += len(set(translations.hypotheses))
        for side in (translations.sources, translations.references):
            shared[tuple(side)] = len(set(side))
    return hypotheses + sum(shared.values())
