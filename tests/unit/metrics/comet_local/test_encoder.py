from __future__ import annotations

import numpy as np
import pytest

from downlaw.files import read_json, sha256_of_file
from downlaw.metrics.comet_local.encoder import check_scripts, unpack, untrained
from downlaw.metrics.comet_local.folder import ModelError, verify

WHERE = "toy.whl: toy.bin"
TEXT = "Die kra ba, 7 der."


def loaded(folder):
    from transformers import XLMRobertaModel, XLMRobertaTokenizerFast

    tokenizer = XLMRobertaTokenizerFast.from_pretrained(folder, local_files_only=True)
    return XLMRobertaModel.from_pretrained(folder, add_pooling_layer=False).eval(), tokenizer


def bert(q4, pieces):
    """transformers' BERT with the weights of the made-up file: positions from 0, as it was trained."""
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=len(pieces) + q4.EXTRA_ROWS,
        hidden_size=q4.WIDTH,
        num_hidden_layers=q4.LAYERS,
        num_attention_heads=q4.HEADS,
        intermediate_size=q4.FFN,
        max_position_embeddings=q4.POSITIONS,
        type_vocab_size=q4.TYPES,
        layer_norm_eps=1e-12,
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    tensors = {name: torch.from_numpy(values) for name, values in q4.weights().items()}
    names = {
        "embeddings.word_embeddings.weight": "emb.word",
        "embeddings.position_embeddings.weight": "emb.pos",
        "embeddings.token_type_embeddings.weight": "emb.type",
        "embeddings.LayerNorm.weight": "emb.ln.w",
        "embeddings.LayerNorm.bias": "emb.ln.b",
    }
    parts = {
        "attention.self.query": "q",
        "attention.self.key": "k",
        "attention.self.value": "v",
        "attention.output.dense": "ao",
        "attention.output.LayerNorm": "aln",
        "intermediate.dense": "fi",
        "output.dense": "fo",
        "output.LayerNorm": "oln",
    }
    for layer in range(q4.LAYERS):
        for name, short in parts.items():
            for end, letter in (("weight", "w"), ("bias", "b")):
                names[f"encoder.layer.{layer}.{name}.{end}"] = f"l{layer}.{short}.{letter}"
    model.load_state_dict({name: tensors[short] for name, short in names.items()}, strict=True)
    return model


def test_an_unpacked_encoder_gives_what_bert_gives_with_the_same_weights(q4, unpacked_encoder):
    import torch

    model, tokenizer = loaded(unpacked_encoder)
    inputs = tokenizer(TEXT, return_tensors="pt")
    pieces = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    original = torch.tensor([[q4.PIECES.index(piece) for piece in pieces]])
    with torch.inference_mode():
        ours = model(**inputs).last_hidden_state
        theirs = bert(q4, q4.PIECES)(original).last_hidden_state
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    assert torch.cosine_similarity(ours.mean(1), theirs.mean(1)).item() > 0.99999


def test_pieces_of_other_scripts_are_left_out_and_unknown(q4, unpacked_encoder):
    _, tokenizer = loaded(unpacked_encoder)
    assert len(tokenizer) == len(q4.PIECES) - 2
    assert tokenizer.convert_ids_to_tokens([0, 1, 2, 3]) == ["<s>", "<pad>", "</s>", "<unk>"]
    assert tokenizer.convert_ids_to_tokens(len(tokenizer) - 1) == "<mask>"
    assert tokenizer("ω")["input_ids"][-2] == 3
    assert tokenizer("ba")["input_ids"] == [0, q4.PIECES.index("▁ba"), 2]


def test_the_same_file_gives_the_same_folder(q4, unpacked_encoder, tmp_path):
    unpack(q4.build(), WHERE, ["LATIN"], tmp_path / "again")
    assert verify(tmp_path / "again")["files"] == verify(unpacked_encoder)["files"]


def test_another_script_keeps_its_pieces(q4, tmp_path):
    unpack(q4.build(), WHERE, ["LATIN", "GREEK"], tmp_path / "greek")
    _, tokenizer = loaded(tmp_path / "greek")
    assert "ω" in tokenizer.get_vocab() and "▁да" not in tokenizer.get_vocab()
    with pytest.raises(ModelError, match=r"comet_local.scripts: no piece is written in HEBREW"):
        unpack(q4.build(), WHERE, ["HEBREW"], tmp_path / "hebrew")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["greek"]


def test_a_file_of_other_pieces_or_cut_leaves_nothing_behind(q4, tmp_path):
    with pytest.raises(ModelError, match="its pieces do not begin with"):
        unpack(q4.build(pieces=["a", "b", "c", "d", "e"]), WHERE, ["LATIN"], tmp_path / "out")
    with pytest.raises(ValueError, match=r"tensor 'l1.oln.b' of 128 bytes"):
        unpack(q4.build()[:-1], WHERE, ["LATIN"], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_text_in_scripts_that_are_left_out_is_refused():
    check_scripts(["Wörter mit einem ω darin, sonst nichts."], ["LATIN"])
    with pytest.raises(ModelError, match=r"scripts: 50% of the letters .* other scripts \(CYRILLIC\); add"):
        check_scripts(["aaaa", "дада"], ["LATIN"])
    check_scripts(["12 % 3", ""], ["LATIN"])


def test_random_weights_are_the_same_for_a_seed(section, untrained_encoder, tmp_path, pairs):
    text = [pair.reference for pair in pairs] * 5
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        untrained(text, section, seed, tmp_path / name)
    weights = [sha256_of_file(tmp_path / name / "model.safetensors") for name in ("one", "same", "other")]
    assert weights[0] == weights[1] != weights[2]
    assert verify(tmp_path / "one")["digest"] == verify(tmp_path / "same")["digest"]
    config = read_json(untrained_encoder / "config.json")
    assert (config["hidden_size"], config["num_hidden_layers"], config["vocab_size"]) == (16, 1, 120)
    _, tokenizer = loaded(untrained_encoder)
    assert len(tokenizer) == 120 and tokenizer("kra")["input_ids"][0] == 0


def test_a_vocabulary_beyond_the_text_names_its_key(section, tmp_path):
    with pytest.raises(
        ModelError, match=r"evaluate.comet_local.vocabulary: 120 pieces cannot be learnt from"
    ):
        untrained(["ba be"], section, 1, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
