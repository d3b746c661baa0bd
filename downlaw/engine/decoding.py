"""Translate with a finetuned model: greedy and beam search, with the results of fairseq's.

The rules are those of fairseq's generator: an end mark counts only among the best k candidates, a source is
done when k hypotheses have ended, and the best one has the highest log-probability over length to the power
of the length penalty. One thing differs: a hypothesis may be as long as its own source allows, not as the
longest source of its batch does. So a translation does not depend on what is decoded beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from downlaw.engine.layers import END, PAD
from downlaw.engine.transformer import Source, State, Transformer

EXTRA_PIECES = 10
"""A hypothesis has at most `max_length_ratio` times the pieces of its source, end mark included, and this."""

_BATCH_TOKENS = 8192
_BATCH_HYPOTHESES = {"cpu": 256, "cuda": 512}
"""Hypotheses that are extended at a time."""

_LIVE_SHARE = 0.8
"""A batch is made smaller when at most this share of it is not done."""


def batches(lengths: Sequence[int], tokens: int, segments: int) -> Iterator[list[int]]:
    """Indices sorted by length, in batches of at most `tokens` with padding and at most `segments`."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if batch and (len(batch) == segments or (len(batch) + 1) * lengths[index] > tokens):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def translate(
    model: Transformer,
    sources: Sequence[np.ndarray],
    beam: int,
    max_length_ratio: float,
    length_penalty: float = 1.0,
    batch_segments: int | None = None,
) -> list[list[int]]:
    """The best hypothesis for every source, as ids without the end mark, in the order of the sources.

    Args:
        sources: ids, each with its end mark.
        max_length_ratio: longest hypothesis in pieces of its source, plus `EXTRA_PIECES`.
        batch_segments: at most so many sources at a time; it changes speed and memory alone.

    Raises:
        ModelError: where a source is longer than the model reads.
    """
    lengths = [len(source) for source in sources]
    bounds = [min(int(max_length_ratio * n + EXTRA_PIECES), model.longest - 1) for n in lengths]
    segments = batch_segments or max(1, _BATCH_HYPOTHESES[model.device] // beam)
    hypotheses: list[list[int]] = [[] for _ in sources]
    with torch.inference_mode():
        for batch in batches(lengths, _BATCH_TOKENS, segments):
            encoded = model.encode([sources[i] for i in batch])
            limits = torch.tensor([bounds[i] for i in batch], device=model.device)
            found = (
                _greedy(model, encoded, limits)
                if beam == 1
                else _beam(model, encoded, limits, beam, length_penalty)
            )
            for index, ids in zip(batch, found, strict=True):
                hypotheses[index] = ids
    return hypotheses


def _greedy(model: Transformer, source: Source, limits: Tensor) -> list[list[int]]:
    n = len(limits)
    written = torch.full((n, int(limits.max()) + 1), END, device=limits.device)
    state, rows = State(source, 1), torch.arange(n, device=limits.device)
    piece, live = torch.full_like(rows, END), torch.ones_like(rows, dtype=torch.bool)
    for step in range(written.shape[1]):
        logits = model.step(state, piece[:, None])[:, 0]
        logits[:, PAD] = -math.inf
        if step == 0:
            logits[:, END] = -math.inf
        piece = torch.where(live, logits.argmax(dim=-1), END)
        written[rows, step] = piece
        live = live & (piece != END) & (step + 1 < limits)
        left = int(live.sum())
        if left == 0:
            break
        if left <= _LIVE_SHARE * len(rows):
            kept = live.nonzero()[:, 0]
            state.select(kept)
            rows, piece, limits, live = rows[kept], piece[kept], limits[kept], live[kept]
    return [_up_to_end(ids) for ids in written.cpu().numpy()]


def _up_to_end(ids: np.ndarray) -> list[int]:
    ends = np.flatnonzero(ids == END)
    return ids[: ends[0]].tolist() if len(ends) else ids.tolist()


def _beam(
    model: Transformer, source: Source, limits: Tensor, beam: int, length_penalty: float
) -> list[list[int]]:
    n, device = len(limits), limits.device
    last = int(limits.max())
    # Pieces and parents of every step: hypotheses are read backwards from where they ended.
    pieces = torch.full((last + 1, n, beam), END, device=device)
    parents = torch.zeros((last + 1, n, beam), dtype=torch.long, device=device)
    best = torch.full((n,), -math.inf, device=device)
    best_step = torch.zeros(n, dtype=torch.long, device=device)
    best_slot = torch.zeros_like(best_step)

    state, rows = State(source, beam), torch.arange(n, device=device)
    piece = torch.full((n, beam), END, device=device)
    scores = torch.full((n, beam), -math.inf, device=device)
    scores[:, 0] = 0.0  # at first all hypotheses are equal: only one of them is continued
    ended = torch.zeros_like(rows)
    for step in range(last + 1):
        logits = model.step(state, piece)
        forced = limits == step
        candidates, piece, parent = _candidates(logits, scores, step, forced)
        ends = (piece == END) & (candidates > -math.inf)
        counted = ends[:, :beam] & (ended[:, None] + ends[:, :beam].cumsum(dim=1) <= beam)
        final = torch.where(counted, candidates[:, :beam] / (step + 1) ** length_penalty, -math.inf)
        top, slot = final.max(dim=1)
        better = top > best[rows]
        at = rows[better]
        best[at], best_step[at] = top[better], step
        best_slot[at] = parent[better, slot[better]]
        ended += ends[:, :beam].sum(dim=1)
        live = (ended < beam) & ~forced
        left = int(live.sum())
        if left == 0:
            break
        # The best candidates that go on: at most one of each hypothesis' candidates is an end.
        order = (torch.arange(2 * beam, device=device) + 2 * beam * ends).topk(beam, largest=False).indices
        scores, piece, parent = (x.gather(1, order) for x in (candidates, piece, parent))
        pieces[step, rows], parents[step, rows] = piece, parent
        state.reorder(parent)
        if left <= _LIVE_SHARE * len(rows):
            kept = live.nonzero()[:, 0]
            state.select(kept)
            rows, piece, scores = rows[kept], piece[kept], scores[kept]
            limits, ended = limits[kept], ended[kept]
    return _trace(*(x.cpu().numpy() for x in (pieces, parents, best_step, best_slot)))


def _candidates(logits: Tensor, scores: Tensor, step: int, forced: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The best 2 k continuations of each source, best first: log-probability, piece, hypothesis; (n, 2 k)."""
    n, beam, vocabulary = logits.shape
    gains = torch.log_softmax(logits, dim=-1)
    gains[..., PAD] = -math.inf
    if step == 0:
        gains[..., END] = -math.inf
    if forced.any():
        kept = gains[forced][..., END].clone()
        gains[forced] = -math.inf
        gains[forced, :, END] = kept
    gains += scores[..., None]
    top = gains.view(n, -1).topk(2 * beam, dim=1)
    return top.values, top.indices % vocabulary, top.indices // vocabulary


def _trace(pieces: np.ndarray, parents: np.ndarray, steps: np.ndarray, slots: np.ndarray) -> list[list[int]]:
    """Each source's best hypothesis: it ended at `steps` after the hypothesis in `slots`."""
    found = []
    for source, (step, slot) in enumerate(zip(steps.tolist(), slots.tolist(), strict=True)):
        ids = []
        for before in range(step - 1, -1, -1):
            ids.append(int(pieces[before, source, slot]))
            slot = int(parents[before, source, slot])
        found.append(ids[::-1])
    return found
