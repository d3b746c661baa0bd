"""One SentencePiece model for all languages of a study, and the ids that fairseq gives its pieces."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import sentencepiece

from downlaw.files import write_aside
from downlaw.study.text import Tokenizer as TokenizerConfig

from .segments import text_batches

MASK = "<mask>"
BOS, PAD, EOS, UNKNOWN = 0, 1, 2, 3
"""The ids that fairseq's dictionary gives its own symbols, ahead of those in `dict.txt`."""

_SPECIAL = 4
_SENTENCEPIECE_UNKNOWN = 1


class TokenizerError(ValueError):
    """The vocabulary asked for cannot be learnt from the text."""


def train_tokenizer(
    text: Mapping[str, Sequence[str]], config: TokenizerConfig, seed: int, model: Path, dictionary: Path
) -> None:
    """Learn a unigram model on equally many sentences of each language.

    Args:
        text: training sentences by language; at most `config.sentences_per_language` of each are drawn.
        model: where the SentencePiece model goes.
        dictionary: where fairseq's `dict.txt` goes. `<mask>` stands in it, so that pretraining and finetuning
            share one dictionary and a checkpoint loads without resizing.

    Raises:
        TokenizerError: naming `tokenizer.vocabulary` where there is too little text for it.
    """
    sentences = [
        lines[index]
        for lines in text.values()
        for index in _drawn(len(lines), config.sentences_per_language, seed)
    ]
    learnt = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=learnt,
            model_type="unigram",
            vocab_size=config.vocabulary
            - _SPECIAL,  # with <unk>; fairseq adds <s>, <pad>, </s> and we <mask>
            character_coverage=config.character_coverage,
            num_threads=1,  # the pieces learnt depend on the number of threads
            unk_id=0,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            minloglevel=2,
        )
    except RuntimeError as error:
        said = str(error).strip().splitlines()[-1]
        too_small = "smaller than required_chars" in said
        raise TokenizerError(
            f"tokenizer.vocabulary: {config.vocabulary} pieces cannot be learnt from {len(sentences):,} "
            f"sentences; ask for {'more' if too_small else 'fewer or give more text'} ({said})"
        ) from None
    with write_aside(model) as aside:
        aside.write_bytes(learnt.getvalue())
    pieces = Tokenizer(model).pieces()
    with write_aside(dictionary) as aside:
        aside.write_text("".join(f"{piece} 1\n" for piece in [*pieces, MASK]), encoding="utf-8")


def _drawn(there: int, count: int, seed: int) -> np.ndarray:
    if there <= count:
        return np.arange(there)
    return np.sort(np.random.default_rng(seed).choice(there, size=count, replace=False))


def sample(paths: Sequence[Path], language: str, count: int, seed: int) -> list[str]:
    """So many sentences of a language, or all there are, drawn at random from tables of any size.

    They are the ones that `train_tokenizer` would draw from all sentences.
    """
    chosen = _drawn(sum(pq.read_metadata(path).num_rows for path in paths), count, seed)
    found: list[str] = []
    begin = 0
    for path in paths:
        for batch in text_batches(path, language):
            first, last = np.searchsorted(chosen, (begin, begin + len(batch)))
            found += [batch[index] for index in chosen[first:last] - begin]
            begin += len(batch)
    return found


class Tokenizer:
    """Text to fairseq ids and back."""

    def __init__(self, model: Path | str) -> None:
        self._processor = sentencepiece.SentencePieceProcessor(model_file=str(model))

    @property
    def vocabulary(self) -> int:
        """Number of ids, with fairseq's own symbols and `<mask>`."""
        return self._processor.get_piece_size() + _SPECIAL

    def pieces(self) -> list[str]:
        """The pieces in the order of `dict.txt`."""
        count = self._processor.get_piece_size()
        return [self._processor.id_to_piece(i) for i in range(_SENTENCEPIECE_UNKNOWN, count)]

    def encode(self, sentences: list[str]) -> list[np.ndarray]:
        """The ids of each sentence, without `<s>` and `</s>`."""
        ids, lengths = self.encode_flat(sentences)
        return np.split(ids, np.cumsum(lengths)[:-1]) if len(lengths) else []

    def encode_flat(self, sentences: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """The ids of all sentences one after the other (int32), and how many each has (int64)."""
        found = self._processor.encode(sentences, num_threads=1)
        lengths = np.fromiter(map(len, found), np.int64, len(found))
        ids = np.fromiter(chain.from_iterable(found), np.int32, int(lengths.sum()))
        ids += _SPECIAL - _SENTENCEPIECE_UNKNOWN  # <unk> is 0 there and 3 here; the others move alike
        return ids, lengths

    def encode_lines(self, sentences: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """As `encode_flat`, with `</s>` at the end of each sentence."""
        ids, lengths = self.encode_flat(sentences)
        return np.insert(ids, np.cumsum(lengths), EOS), lengths + 1

    def decode(self, sentences: list[list[int]]) -> list[str]:
        """Text of lists of ids; `<s>`, `<pad>`, `</s>` and `<mask>` are left out."""
        shift = _SPECIAL - _SENTENCEPIECE_UNKNOWN
        last = self.vocabulary - 1
        return self._processor.decode([[i - shift for i in ids if UNKNOWN <= i < last] for ids in sentences])
