"""Where models lie: the cache of a hub as huggingface_hub lays it out, and files of one's own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from downlaw.metrics.comet import CometError, LocalModel, find
from downlaw.metrics.comet.cache import files_of_ones_own
from downlaw.study.metrics import Comet

MODEL, ENCODER = "a" * 40, "b" * 40
COMET = Comet(model="made/tiny-comet", revision=MODEL, encoder="tiny-xlmr", encoder_revision=ENCODER)
RUN = (
    "where the hub can be reached, with the same HF_HOME and --configfile, run: snakemake --cores 1 prefetch"
)


@pytest.fixture
def cache(made: Path, tmp_path: Path) -> Path:
    """A cache that holds all of the model and its encoder."""
    cache = tmp_path / "hub"
    model = cache / f"models--made--tiny-comet/snapshots/{MODEL}"
    shutil.copytree(made / "model", model)
    shutil.copytree(made / "encoder", cache / f"models--tiny-xlmr/snapshots/{ENCODER}")
    hparams = yaml.safe_load((model / "hparams.yaml").read_text())
    (model / "hparams.yaml").write_text(yaml.safe_dump({**hparams, "pretrained_model": "some/tiny-xlmr"}))
    blob = cache / "models--made--tiny-comet/blobs/0123"
    blob.parent.mkdir()
    (model / "checkpoints/model.ckpt").rename(blob)
    (model / "checkpoints/model.ckpt").symlink_to(blob)
    return cache


def message(comet: Comet, cache: Path | None = None) -> str:
    with pytest.raises(CometError) as caught:
        find(comet, cache)
    return str(caught.value)


def test_a_whole_model_of_the_hub_is_found(cache: Path):
    model = find(COMET, cache)
    assert model.checkpoint == cache / f"models--made--tiny-comet/snapshots/{MODEL}/checkpoints/model.ckpt"
    assert model.encoder == cache / f"models--tiny-xlmr/snapshots/{ENCODER}"
    assert (model.name, model.version, model.encoder_version) == ("made/tiny-comet", MODEL, ENCODER)


def test_an_empty_cache_says_what_to_run(tmp_path: Path):
    found = message(COMET, tmp_path)
    assert found == (
        f"evaluate.comet.encoder: tiny-xlmr at bbbbbbbbbbbb is not in the cache {tmp_path}\n{RUN}"
    )


def test_another_commit_does_not_stand_in_for_the_pinned_one(cache: Path):
    found = message(COMET.model_copy(update={"revision": "d" * 40}), cache)
    assert f"made/tiny-comet at dddddddddddd is not in the cache {cache} (it has aaaaaaaaaaaa)" in found
    assert found.endswith(RUN)


@pytest.mark.parametrize("name", ["checkpoints/model.ckpt", "hparams.yaml"])
def test_a_file_that_has_not_come_yet_is_named(cache: Path, name: str):
    (cache / f"models--made--tiny-comet/snapshots/{MODEL}" / name).unlink()
    found = message(COMET, cache)
    assert "made/tiny-comet at aaaaaaaaaaaa is only partly in the cache" in found
    assert f"lacks {name.rpartition('/')[2]}\n{RUN}" in found


def test_a_link_to_a_file_that_has_not_come_yet_is_no_file(cache: Path):
    (cache / "models--made--tiny-comet/blobs/0123").rename(
        cache / "models--made--tiny-comet/blobs/0123.incomplete"
    )
    assert "is only partly in the cache" in message(COMET, cache)


def test_an_empty_file_is_no_file(cache: Path):
    (cache / "models--made--tiny-comet/blobs/0123").write_bytes(b"")
    assert "is only partly in the cache" in message(COMET, cache)


def test_a_checkpoint_cut_short_is_seen_without_loading_it(cache: Path):
    blob = cache / "models--made--tiny-comet/blobs/0123"
    blob.write_bytes(blob.read_bytes()[:-50])
    assert "no checkpoint of torch, or cut short; remove it and run: snakemake" in message(COMET, cache)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_an_encoder_without_config_or_tokenizer_is_incomplete(cache: Path, name: str):
    (cache / f"models--tiny-xlmr/snapshots/{ENCODER}" / name).unlink()
    found = message(COMET, cache)
    assert "tiny-xlmr at bbbbbbbbbbbb is only partly in the cache" in found
    assert "lacks config and tokenizer" in found


def test_an_encoder_that_the_model_does_not_name_is_refused(cache: Path):
    shutil.copytree(cache / "models--tiny-xlmr", cache / "models--other--infoxlm")
    found = message(COMET.model_copy(update={"encoder": "other/infoxlm"}), cache)
    assert "was trained with the encoder some/tiny-xlmr, not other/infoxlm" in found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("class_identifier: referenceless_regression_metric", "which judges without a reference"),
        ("class_identifier: unified_metric", "is a unified_metric, which is another kind of model"),
        ("pool: avg", "names no class_identifier, so this is no model of COMET"),
        ("class_identifier: 3", "names no class_identifier"),
        ("{class_identifier: regression_metric, encoder_model: MiniLM}", "has a MiniLM encoder"),
        ("- 1", "names no class_identifier"),
        ("a: [", "not valid YAML"),
        ("!!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
    ids=["referenceless", "unified", "no class", "a number", "MiniLM", "a list", "no YAML", "code"],
)
def test_hparams_of_something_else_are_named(cache: Path, text: str, says: str):
    (cache / f"models--made--tiny-comet/snapshots/{MODEL}/hparams.yaml").write_text(text)
    assert says in message(COMET, cache)


def test_files_of_ones_own_are_found_and_pinned_by_their_hashes(own: Path):
    checkpoint = str(own / "model/checkpoints/model.ckpt")
    comet = Comet(model=checkpoint, encoder=str(own / "encoder"))
    model = find(comet)
    assert model == LocalModel(checkpoint, Path(checkpoint), own / "encoder")
    assert len(model.version) == 64
    before = model.encoder_version
    (own / "encoder/README.md").write_text("no part of it")
    assert find(comet).encoder_version == before
    (own / "encoder/special_tokens_map.json").write_text("{}")
    assert find(comet).encoder_version != before


def test_a_path_may_be_relative(own: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copy(own / "model/checkpoints/model.ckpt", own / "mine.ckpt")
    shutil.copy(own / "model/hparams.yaml", own)
    monkeypatch.chdir(own)
    comet = Comet(model="mine.ckpt", encoder="encoder")
    assert find(comet).hparams.samefile(own / "hparams.yaml")
    assert {path.name for path in files_of_ones_own(comet)} >= {"mine.ckpt", "hparams.yaml", "config.json"}


def test_files_of_ones_own_that_are_not_there_are_named(made: Path, tmp_path: Path):
    checkpoint = str(made / "model/checkpoints/model.ckpt")
    assert message(Comet(model="gone/x.ckpt", encoder=str(made / "encoder"))) == (
        "evaluate.comet.model: no file gone/x.ckpt here"
    )
    found = message(Comet(model=checkpoint, encoder="xlm-roberta-large"))
    assert "evaluate.comet.encoder: no folder xlm-roberta-large here" in found
    assert "needs evaluate.comet.encoder_revision" in found
    assert "lacks config.json or a tokenizer (tokenizer.json, " in message(
        Comet(model=checkpoint, encoder=str(tmp_path))
    )


def test_looking_for_a_model_loads_neither_torch_nor_comet():
    code = (
        "import sys, downlaw.metrics.comet, downlaw.study; from huggingface_hub import constants;"
        "print([name for name in ('torch', 'comet', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
