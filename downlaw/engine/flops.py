"""Floating-point operations of a training, counted from the shapes of its matrices.

A matrix of n weights costs 2n operations a token forward and 4n backward: 6n. Encoder matrices see source
tokens, decoder matrices target tokens; cross-attention's key and value projections see source tokens. The
output matrix counts, embedding look-ups do not. Attention scores and sums cost 12 x width operations for each
pair of positions that a layer compares. Norms, biases and activations are left out.
"""

from __future__ import annotations

from downlaw.study.overtrain import DecoderModel
from downlaw.study.training import Model, Pretrain


def parameters(model: Model, vocabulary: int) -> int:
    """All unique weights: one shared embedding, matrices, biases and norms; positions are sinusoids."""
    width, ffn = model.width, model.ffn_width
    attention = 4 * (width * width + width)
    feed_forward = 2 * width * ffn + ffn + width
    norm = 2 * width
    encoder = model.encoder_layers * (attention + feed_forward + 2 * norm)
    decoder = model.decoder_layers * (2 * attention + feed_forward + 3 * norm)
    return vocabulary * width + encoder + decoder + 2 * norm


def training_flops(
    model: Model,
    vocabulary: int,
    source_tokens: float,
    target_tokens: float,
    source_length: float,
    target_length: float,
) -> float:
    """Operations of a forward and backward pass.

    Args:
        vocabulary: rows of the output matrix.
        source_tokens: tokens that the encoder reads, in all.
        target_tokens: tokens that the decoder predicts, in all.
        source_length: mean tokens a source segment.
        target_length: mean tokens a target segment.
    """
    width, ffn = model.width, model.ffn_width
    encoder_matrices = model.encoder_layers * (4 * width * width + 2 * width * ffn)
    cross_keys_values = model.decoder_layers * 2 * width * width
    decoder_matrices = model.decoder_layers * (6 * width * width + 2 * width * ffn) + vocabulary * width
    matrices = 6 * ((encoder_matrices + cross_keys_values) * source_tokens + decoder_matrices * target_tokens)
    positions = (
        model.encoder_layers * source_tokens * source_length
        + model.decoder_layers * target_tokens * (target_length + source_length)
    )
    return matrices + 12 * width * positions


def pretraining_flops(model: Model, vocabulary: int, pretrain: Pretrain, updates: int) -> float:
    """Operations of a chain of `updates` updates of text infilling.

    The masked source is shorter than the block: its expected length is used (one mask stands for a span of
    `mean_span` pieces on average).
    """
    block = pretrain.block_pieces
    text = block - 2
    source = block - text * pretrain.mask * (1 - 1 / pretrain.mean_span)
    segments = updates * pretrain.blocks_per_update
    return training_flops(model, vocabulary, segments * source, segments * block, source, block)


def language_model_flops(model: DecoderModel, vocabulary: int, tokens: float, length: float) -> float:
    """Operations of a forward and backward pass of a decoder-only model, counted as above.

    Args:
        vocabulary: rows of the output matrix.
        tokens: tokens predicted, in all.
        length: tokens a sequence.
    """
    width = model.width
    matrices = model.layers * (4 * width * width + 2 * width * model.inner_width) + vocabulary * width
    return 6 * matrices * tokens + 12 * width * model.layers * tokens * length
