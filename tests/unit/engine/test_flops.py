from __future__ import annotations

import pytest

from downlaw.engine.flops import parameters, pretraining_flops, training_flops
from downlaw.study.training import Model, Pretrain

SMALL = Model(encoder_layers=2, decoder_layers=3, width=16, heads=2, ffn_width=48)


@pytest.mark.parametrize(
    "model", [SMALL, Model(encoder_layers=1, decoder_layers=1, width=8, heads=1, ffn_width=8)]
)
def test_parameters_are_the_unique_weights_of_the_model_that_fairseq_builds(model, toy, toy_study, tmp_path):
    from fairseq import options, tasks

    from downlaw.engine import commands

    study = toy_study(model=model.model_dump())
    arguments = commands.pretraining(
        study, toy.mixture("fr"), tmp_path, updates=1, seed=1, continue_from=None
    )
    parsed = options.parse_args_and_arch(options.get_training_parser(), arguments)
    built = tasks.setup_task(parsed).build_model(parsed)
    weights = {weight.data_ptr(): weight.numel() for weight in built.parameters()}
    assert parameters(model, vocabulary=200) == sum(weights.values())


def matrices_flops(model: Model, vocabulary: int, source: float, target: float) -> float:
    """6 operations a weight and token, with the weights listed one matrix at a time."""
    w, f = model.width, model.ffn_width
    seen_by_source = model.encoder_layers * ([w * w] * 4 + [w * f] * 2) + model.decoder_layers * [w * w] * 2
    seen_by_target = model.decoder_layers * ([w * w] * 4 + [w * w] * 2 + [w * f] * 2) + [vocabulary * w]
    return 6 * (sum(seen_by_source) * source + sum(seen_by_target) * target)


def test_flops_count_every_matrix_where_segments_are_short():
    counted = training_flops(SMALL, 200, 1000, 400, source_length=0, target_length=0)
    assert counted == matrices_flops(SMALL, 200, 1000, 400)


def test_flops_are_proportional_to_tokens():
    once = training_flops(SMALL, 200, 1000, 400, 20, 15)
    assert training_flops(SMALL, 200, 3000, 1200, 20, 15) == pytest.approx(3 * once)


def test_attention_grows_with_the_length_of_segments():
    def attention(source_length: float, target_length: float) -> float:
        return training_flops(SMALL, 200, 1000, 400, source_length, target_length) - matrices_flops(
            SMALL, 200, 1000, 400
        )

    # 12 x width for each pair: 2 encoder layers over the source, 3 decoder layers over both.
    assert attention(20, 15) == 12 * 16 * (2 * 1000 * 20 + 3 * 400 * (15 + 20))
    assert attention(40, 30) == 2 * attention(20, 15)


def test_the_output_matrix_counts_for_targets_only():
    def with_vocabulary(vocabulary: int, source: float, target: float) -> float:
        return training_flops(SMALL, vocabulary, source, target, 20, 15)

    assert with_vocabulary(300, 1000, 400) - with_vocabulary(200, 1000, 400) == 6 * 100 * 16 * 400
    assert with_vocabulary(300, 1000, 0) == with_vocabulary(200, 1000, 0)


def test_pretraining_flops_are_proportional_to_updates_and_blocks():
    pretrain = Pretrain(tokens=[100_000], block_pieces=34, blocks_per_update=8)
    larger = Pretrain(tokens=[100_000], block_pieces=34, blocks_per_update=16)
    once = pretraining_flops(SMALL, 200, pretrain, 10)
    assert pretraining_flops(SMALL, 200, pretrain, 50) == pytest.approx(5 * once)
    assert pretraining_flops(SMALL, 200, larger, 10) == pytest.approx(2 * once)


def test_the_masked_source_is_shorter_than_the_block():
    pretrain = Pretrain(tokens=[100_000], block_pieces=34, blocks_per_update=8, mask=0.3, mean_span=3.0)
    source = 34 - 32 * 0.3 * 2 / 3
    assert pretraining_flops(SMALL, 200, pretrain, 5) == training_flops(
        SMALL, 200, 40 * source, 40 * 34, source, 34
    )
