"""A COMET of random weights after a few updates, with a tokenizer of a few lines: real files, in seconds."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import yaml

TEXT = "the open file was closed and a window could not be saved die Datei wurde geöffnet ein Fenster"


def sentences(count: int, seed: int = 1, longest: int = 14) -> list[str]:
    """Made-up sentences of 1 to `longest` words."""
    draw, words = random.Random(seed), TEXT.split()
    return [" ".join(draw.choices(words, k=draw.randint(1, longest))) for _ in range(count)]


def make_encoder(folder: Path, width: int = 16, layers: int = 2, positions: int = 130) -> None:
    """Config and tokenizer of a tiny XLM-R; its weights are nowhere."""
    from tokenizers import SentencePieceUnigramTokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import XLMRobertaConfig, XLMRobertaTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained = SentencePieceUnigramTokenizer()
    trained.train_from_iterator(
        sentences(300), vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    marks = [(mark, trained.token_to_id(mark)) for mark in ("<s>", "</s>")]
    trained._tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=marks)
    folder.mkdir(parents=True)
    trained.save(str(folder / "bare.json"))
    XLMRobertaTokenizerFast(tokenizer_file=str(folder / "bare.json")).save_pretrained(folder)
    (folder / "bare.json").unlink()
    XLMRobertaConfig(
        vocab_size=trained.get_vocab_size() + 5,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=positions,
        attn_implementation="sdpa",
    ).save_pretrained(folder)


def make_checkpoint(folder: Path, encoder: Path, updates: int = 5) -> None:
    """A regression model of comet in comet's own layout, trained for a few updates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from comet.models import RegressionMetric

    torch.manual_seed(1)
    model = RegressionMetric(
        nr_frozen_epochs=0,
        keep_embeddings_frozen=False,
        pretrained_model=str(encoder),
        load_pretrained_weights=False,
        layer_transformation="sparsemax",
        layer_norm=False,
        hidden_sizes=[24, 8],
        train_data=["train.csv"],
        validation_data=["dev.csv"],
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    texts = sentences(24, seed=2)
    for update in range(updates):
        rows = [
            {"src": texts[n], "mt": texts[n if n % 2 else n - 1], "ref": texts[n], "score": float(n % 2)}
            for n in range(update, update + 8)
        ]
        inputs, target = model.prepare_sample(rows)
        loss = model.compute_loss(model(**inputs), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    hparams = {**dict(model.hparams), "class_identifier": "regression_metric"}
    weights = model.state_dict()
    weights["encoder.model.embeddings.position_ids"] = torch.arange(130).expand(
        1, -1
    )  # as published ones have
    (folder / "checkpoints").mkdir(parents=True)
    torch.save(
        {
            "state_dict": weights,
            "hyper_parameters": hparams,
            "pytorch-lightning_version": "2.6.6",
            "epoch": 0,
            "global_step": updates,
            "callbacks": {
                "ModelCheckpoint{'monitor': 'val_kendall'}": {"best_model_score": torch.tensor(0.5)}
            },
        },
        folder / "checkpoints/model.ckpt",
    )
    (folder / "hparams.yaml").write_text(yaml.safe_dump(hparams))
