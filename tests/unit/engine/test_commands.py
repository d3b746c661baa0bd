"""Real fairseq parses the arguments, and its own names say what they mean there."""

from __future__ import annotations

from pathlib import Path

import pytest

from downlaw.engine import commands


@pytest.fixture(scope="module")
def parse():
    from fairseq import options

    return lambda arguments: options.parse_args_and_arch(options.get_training_parser(), arguments)


def pretraining(study, **changes):
    settings = {"data": Path("d"), "save_dir": Path("s"), "updates": 40, "seed": 3, "continue_from": None}
    return commands.pretraining(study, **settings | changes)


def finetuning(study, weights=None):
    return commands.finetuning(study, "en-de", Path("d"), Path("s"), 0.02, 5, weights)


def test_pretraining_asks_for_what_the_study_says(parse, toy_study, toy):
    study = toy_study(
        model={
            **{"encoder_layers": 2, "decoder_layers": 3, "width": 24, "heads": 4, "ffn_width": 40},
            "max_pieces": 99,
        },
        pretrain={
            **{"tokens": [2560], "block_pieces": 34, "blocks_per_update": 8, "learning_rate": 0.02},
            **{"warmup_updates": 7, "dropout": 0.2, "clip_norm": 0.5, "weight_decay": 0.1},
            **{"mask": 0.25, "mean_span": 2.5, "save_every_updates": 11},
        },
    )
    found = parse(pretraining(study, data=toy.mixture("fr")))
    assert (found.encoder_layers, found.decoder_layers) == (2, 3)
    assert (found.encoder_embed_dim, found.decoder_embed_dim) == (24, 24)
    assert (found.encoder_attention_heads, found.decoder_attention_heads) == (4, 4)
    assert (found.encoder_ffn_embed_dim, found.decoder_ffn_embed_dim) == (40, 40)
    assert (found.max_source_positions, found.max_target_positions) == (99, 99)
    assert found.encoder_normalize_before and found.decoder_normalize_before and found.share_all_embeddings
    assert (found.tokens_per_sample, found.batch_size) == (34, 8)
    assert (found.lr, found.warmup_updates, found.dropout) == ([0.02], 7, 0.2)
    assert (found.clip_norm, found.weight_decay) == (0.5, 0.1)
    assert (found.mask, found.poisson_lambda, found.mask_length, found.replace_length) == (
        0.25,
        2.5,
        "span-poisson",
        1,
    )
    assert (found.mask_random, found.permute_sentences, found.rotate, found.insert) == (0, 0, 0, 0)
    assert (found.max_update, found.seed, found.save_interval_updates) == (40, 3, 11)
    assert (found.distributed_world_size, found.num_workers, found.data_buffer_size) == (1, 0, 0)
    assert found.cpu and not found.fp16 and not found.bf16 and found.disable_validation
    assert found.restore_file == "checkpoint_last.pt"


def test_a_segment_continues_the_one_before(parse, toy_study, toy):
    found = parse(
        pretraining(toy_study(), data=toy.mixture("fr"), continue_from=Path("before/checkpoint.pt"))
    )
    assert found.restore_file == "before/checkpoint.pt"
    assert found.finetune_from_model is None
    assert not (
        found.reset_optimizer or found.reset_dataloader or found.reset_lr_scheduler or found.reset_meters
    )


def test_finetuning_asks_for_what_the_study_says(parse, toy_study):
    found = parse(finetuning(toy_study(finetune__label_smoothing=0.1), Path("w.pt")))
    assert (found.task, found.source_lang, found.target_lang) == ("translation", "en", "de")
    assert (found.criterion, found.label_smoothing) == ("label_smoothed_cross_entropy", 0.1)
    assert (found.lr, found.lr_scheduler, found.warmup_updates) == ([0.02], "fixed", 2)
    assert (found.max_tokens, found.max_update, found.seed, found.dropout) == (256, 6, 5, 0.1)
    assert found.finetune_from_model == "w.pt"
    assert found.disable_validation


def test_the_baseline_starts_from_no_weights(parse, toy_study):
    assert parse(finetuning(toy_study())).finetune_from_model is None


@pytest.mark.parametrize(
    ("label_smoothing", "criterion", "metric"),
    [(0.0, "cross_entropy", "loss"), (0.1, "label_smoothed_cross_entropy", "nll_loss")],
)
def test_the_best_checkpoint_is_judged_by_likelihood(label_smoothing, criterion, metric, parse, toy_study):
    """The smoothed criterion's own loss is not a likelihood."""
    study = toy_study(
        finetune__checkpoint="best",
        finetune__validate_every_updates=3,
        finetune__label_smoothing=label_smoothing,
    )
    found = parse(finetuning(study))
    assert (found.criterion, found.best_checkpoint_metric) == (criterion, metric)
    assert found.save_interval_updates == 3
    assert not found.disable_validation and not found.maximize_best_checkpoint_metric
    assert int(found.max_tokens_valid) == 512  # validation segments may be longer than an update of training


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_precision_on_a_gpu(precision, parse, toy_study, toy):
    study = toy_study(compute={"device": "cuda", "precision": precision})
    for arguments in (pretraining(study, data=toy.mixture("fr")), finetuning(study)):
        found = parse(arguments)
        assert not found.cpu
        assert (found.fp16, found.bf16) == (precision == "fp16", precision == "bf16")


@pytest.mark.parametrize(("updates", "interval"), [(1, 1), (4, 1), (30, 7), (500, 10)])
def test_short_trainings_report_more_often(updates, interval, parse, toy_study, toy):
    assert parse(pretraining(toy_study(), data=toy.mixture("fr"), updates=updates)).log_interval == interval
