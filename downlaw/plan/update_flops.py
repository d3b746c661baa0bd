"""Operations of one update of a study's trainings."""

from __future__ import annotations

from downlaw.engine.flops import language_model_flops, pretraining_flops, training_flops
from downlaw.study import LmStudy, Study

from .jobs_transfer import SENTENCE_PIECES


def flops_of_update(study: Study | LmStudy, model: str = "") -> float:
    """Of the larger kind of update of the transfer track, or of a size of language model."""
    vocabulary = study.tokenizer.vocabulary
    if isinstance(study, LmStudy):
        tokens = study.overtrain.of(model).tokens_per_update
        size = study.overtrain.models[model]
        return language_model_flops(size, vocabulary, tokens, study.overtrain.block_pieces)
    return max(pretraining_flops(study.model, vocabulary, study.pretrain, 1), finetuning_flops(study))


def finetuning_flops(study: Study) -> float:
    """Of a full update of finetuning."""
    full = study.finetune.tokens_per_update
    vocabulary = study.tokenizer.vocabulary
    return training_flops(study.model, vocabulary, full, full, SENTENCE_PIECES, SENTENCE_PIECES)
