from __future__ import annotations

import numpy as np
import pytest
import torch

from downlaw.files import read_json
from downlaw.metrics.base import Translations
from downlaw.metrics.comet.scorer import Scorer
from downlaw.metrics.comet_local.corruption import damage
from downlaw.metrics.comet_local.folder import ModelError, verify
from downlaw.metrics.comet_local.head import _Texts, train
from downlaw.metrics.comet_local.model import make, make_and_measure, scoring
from downlaw.study.comet_local import CometLocal

FROZEN = CometLocal(rows=64, min_references=20, epochs=2)


def silent(line: str) -> None:
    pass


def test_a_model_scores_as_comets_own_api_does(measured, pairs):
    scorer = Scorer(scoring(measured / "model"))
    rows = damage(pairs, 60, [9])
    translations = Translations(
        *([row.pair.source for row in rows], [row.hypothesis for row in rows]),
        *([row.pair.reference for row in rows], "en", "de"),
    )
    ours, truncated = scorer.score(translations)
    sides = zip(translations.sources, translations.hypotheses, translations.references, strict=True)
    samples = [{"src": source, "mt": hypothesis, "ref": reference} for source, hypothesis, reference in sides]
    theirs = scorer.model.predict(samples, batch_size=8, gpus=0, num_workers=0, progress_bar=False).scores
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert truncated == 0


def test_its_name_says_variant_digest_version_precision_and_device(measured):
    how = scoring(measured / "model", threads=2)
    assert how.description == (f"comet-local-tiny@{how.model.version[:12]}|comet:2.2.7|dtype:fp32|device:cpu")
    assert how.threads == 2


def test_the_same_text_and_seed_give_the_same_model_whatever_the_threads(
    measured, pairs, untrained_encoder, section, tmp_path
):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        torch.manual_seed(999)
        again = make_and_measure(pairs, untrained_encoder, section, 1, tmp_path / "again", silent)
    finally:
        torch.set_num_threads(threads)
    assert verify(tmp_path / "again/model") == verify(measured / "model")
    assert again["spearman"] == read_json(measured / "figures.json")["spearman"]
    assert (tmp_path / "again/README.md").read_text() == (measured / "README.md").read_text()


def test_another_seed_gives_another_model(measured, pairs, untrained_encoder, section, tmp_path):
    make(damage(pairs, 64, [2, 1]), untrained_encoder, section, 2, tmp_path / "other", silent)
    assert verify(tmp_path / "other")["digest"] != verify(measured / "model")["digest"]


def test_a_pretrained_encoder_stays_as_it_is_and_its_head_learns(unpacked_encoder, pairs):
    said = []
    model = train(damage(pairs, 200, [1]), unpacked_encoder, FROZEN, 1, said.append)
    errors = [float(line.rsplit(" ", 1)[1]) for line in said if line.startswith("epoch")]
    assert len(errors) == 2 and errors[1] < errors[0]
    from safetensors.torch import load_file

    weights = load_file(unpacked_encoder / "model.safetensors")
    assert all(torch.equal(model.encoder.model.state_dict()[name], value) for name, value in weights.items())


def test_layers_pooled_first_and_mixed_later_give_comets_embedding(unpacked_encoder, pairs):
    rows = damage(pairs, 50, [1])
    model = train(rows, unpacked_encoder, FROZEN, 1, silent)
    texts = _Texts(model, rows)
    numbers = list(texts.index.values())
    with torch.inference_mode():
        direct = texts.embed(numbers)
        texts.encode_once(silent)
        pooled = texts.embed(numbers)
    torch.testing.assert_close(pooled, direct, atol=1e-5, rtol=1e-4)


def test_a_half_written_encoder_or_model_is_refused(measured, pairs, section, tmp_path):
    (tmp_path / "encoder").mkdir()
    with pytest.raises(ModelError, match="encoder: no whole model"):
        make(damage(pairs, 64, [1]), tmp_path / "encoder", section, 1, tmp_path / "model", silent)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/hparams.yaml").write_text((measured / "model/hparams.yaml").read_text())
    with pytest.raises(ModelError, match="model: no whole model"):
        scoring(tmp_path / "model")


def test_too_few_references_and_foreign_letters_are_refused_before_training(
    unpacked_encoder, pairs, tmp_path
):
    with pytest.raises(ModelError, match="min_references"):
        make_and_measure(pairs[:10], unpacked_encoder, FROZEN, 1, tmp_path / "out", silent)
    greek = CometLocal(scripts=["GREEK"])
    with pytest.raises(ModelError, match=r"scripts: 100% of the letters"):
        make_and_measure(pairs, unpacked_encoder, greek, 1, tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()
