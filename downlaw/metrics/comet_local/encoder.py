"""Encoders for a small COMET, written as a folder that transformers reads as XLM-RoBERTa.

One comes unpacked from a file at 4 bits; the other has random weights and a tokenizer learnt from text.
"""

from __future__ import annotations

import io
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizerFast

from downlaw.files import read_json, write_json
from downlaw.study.comet_local import CometLocal

from .folder import ModelError, whole_folder
from .q4 import Q4File

SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
"""The first ids of every vocabulary here, as XLM-R orders them; `<mask>` is the last."""

MASK = "<mask>"
_PAD = 1
_POSITIONS_BEFORE = 2
"""XLM-R numbers positions from the padding's id + 1; BERT from 0."""

_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def scripts_of(text: str) -> set[str]:
    """The scripts of the letters in a text, by the first word of their Unicode names."""
    return {unicodedata.name(letter, "UNKNOWN").split()[0] for letter in text if letter.isalpha()}


MOST_FOREIGN = 0.05
"""Share of the letters of a text that may be in scripts whose pieces were left out."""


def check_scripts(texts: Iterable[str], scripts: Sequence[str]) -> None:
    """Raises ModelError where too much of a text is in scripts whose pieces an encoder leaves out."""
    letters = Counter(letter for text in texts for letter in text if letter.isalpha())
    by_script: Counter[str] = Counter()
    for letter, count in letters.items():
        by_script.update({script: count for script in scripts_of(letter)})
    foreign = {script: count for script, count in by_script.most_common() if script not in scripts}
    share = sum(foreign.values()) / max(1, by_script.total())
    if share > MOST_FOREIGN:
        raise ModelError(
            f"evaluate.comet_local.scripts: {100 * share:.0f}% of the letters of the tasks' validation text "
            f"are in other scripts ({', '.join(foreign)}); add them"
        )


def unpack(data: bytes, where: str, scripts: Sequence[str], folder: Path, licence: str = "MIT") -> None:
    """Write the encoder of a file at 4 bits to `folder`, with the pieces of `scripts` alone.

    Pieces without letters are all kept. `where` names the file in messages.

    Raises:
        EncoderFileError: where the file is damaged or of another kind.
        ModelError: where it has no piece in one of the scripts.
    """
    file = Q4File(data, where)
    if file.specials != (0, 2, 1, 3) or tuple(file.pieces[:4]) != SPECIALS or file.pieces[-1] != MASK:
        raise ModelError(f"{where}: its pieces do not begin with {SPECIALS} and end with {MASK}")
    last = len(file.pieces) - 1
    found = [scripts_of(piece) for piece in file.pieces]
    for script in scripts:
        if not any(script in piece for piece in found[4:last]):
            raise ModelError(f"evaluate.comet_local.scripts: no piece is written in {script}")
    kept = np.array([i for i in range(last + 1) if i < 4 or i == last or found[i] <= set(scripts)])
    pieces = [(file.pieces[i], float(file.scores[i])) for i in kept]
    sizes = file.sizes
    config = _config(
        len(pieces), sizes.width, sizes.layers, sizes.heads, sizes.ffn_width, sizes.positions, sizes.epsilon
    )
    with whole_folder(folder, {"from": where, "scripts": list(scripts), "licence": licence}) as aside:
        _write(aside, config, pieces, _weights(file, kept))


def _weights(file: Q4File, kept: np.ndarray) -> dict[str, torch.Tensor]:
    """XLM-R's names of the weights of a BERT encoder; the unused first positions are zero."""
    sizes = file.sizes
    width, ffn = sizes.width, sizes.ffn_width
    positions = file.tensor("emb.pos", sizes.positions, width)
    found = {
        "embeddings.word_embeddings.weight": file.tensor("emb.word", sizes.vocabulary, width, rows=kept),
        "embeddings.position_embeddings.weight": np.pad(positions, ((_POSITIONS_BEFORE, 0), (0, 0))),
        "embeddings.token_type_embeddings.weight": file.tensor("emb.type", sizes.types, width)[:1],
        "embeddings.LayerNorm.weight": file.tensor("emb.ln.w", width),
        "embeddings.LayerNorm.bias": file.tensor("emb.ln.b", width),
    }
    shapes = {"fi": (ffn, width), "fo": (width, ffn), "aln": (width,), "oln": (width,)}
    for layer in range(sizes.layers):
        for short, name in _LAYER_NAMES.items():
            shape = shapes.get(short, (width, width))
            full = f"encoder.layer.{layer}.{name}"
            found[f"{full}.weight"] = file.tensor(f"l{layer}.{short}.w", *shape)
            found[f"{full}.bias"] = file.tensor(f"l{layer}.{short}.b", shape[0])
    return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in found.items()}


def untrained(text: Iterable[str], section: CometLocal, seed: int, folder: Path) -> None:
    """Write an encoder of random weights to `folder`, with a unigram tokenizer learnt from `text`.

    Raises:
        ModelError: naming `evaluate.comet_local.vocabulary` where there is too little text for it.
    """
    pieces = _learn_pieces(list(text), section.vocabulary)
    config = _config(
        len(pieces), section.width, section.layers, section.heads, 4 * section.width, 512, epsilon=1e-5
    )
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0  # few epochs: it only slows
    about = {"from": "random weights", "seed": seed}
    with whole_folder(folder, about) as aside, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _write(aside, config, pieces, None)


def _learn_pieces(sentences: list[str], vocabulary: int) -> list[tuple[str, float]]:
    learnt = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=learnt,
            model_type="unigram",
            vocab_size=vocabulary - len(SPECIALS),  # with <unk>; <s>, <pad>, </s> and <mask> are ours
            character_coverage=0.9995,
            num_threads=1,  # the pieces learnt depend on the number of threads
            unk_id=0,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            minloglevel=2,
        )
    except RuntimeError as error:
        said = str(error).strip().splitlines()[-1]
        raise ModelError(
            f"evaluate.comet_local.vocabulary: {vocabulary} pieces cannot be learnt from the "
            f"{len(sentences):,} training sentences of the tasks; ask for another number ({said})"
        ) from None
    processor = sentencepiece.SentencePieceProcessor(model_proto=learnt.getvalue())
    own = [(processor.id_to_piece(i), processor.get_score(i)) for i in range(1, processor.get_piece_size())]
    return [*((special, 0.0) for special in SPECIALS), *own, (MASK, 0.0)]


def _config(
    vocabulary: int, width: int, layers: int, heads: int, ffn_width: int, positions: int, epsilon: float
) -> XLMRobertaConfig:
    return XLMRobertaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=ffn_width,
        max_position_embeddings=positions + _POSITIONS_BEFORE,
        type_vocab_size=1,
        layer_norm_eps=epsilon,
        bos_token_id=0,
        pad_token_id=_PAD,
        eos_token_id=2,
    )


def _write(
    folder: Path,
    config: XLMRobertaConfig,
    pieces: list[tuple[str, float]],
    weights: dict[str, torch.Tensor] | None,
) -> None:
    model = XLMRobertaModel(config, add_pooling_layer=False)
    if weights is not None:
        model.load_state_dict(weights, strict=True)
    model.save_pretrained(folder)
    # Nothing here is newer than XLM-R itself; of a large vocabulary written by 4.57.3 or later transformers
    # warns that it might be Mistral's.
    config_file = folder / "config.json"
    write_json(config_file, {**read_json(config_file), "transformers_version": "4.0.0"})
    _tokenizer(pieces).save_pretrained(folder)


def _tokenizer(pieces: list[tuple[str, float]]) -> XLMRobertaTokenizerFast:
    """XLM-R's tokenizer over a unigram vocabulary: nmt_nfkc, runs of spaces as one, `<s> text </s>`."""
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=SPECIALS.index("<unk>"), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return XLMRobertaTokenizerFast(tokenizer_object=tokenizer, model_max_length=512)
