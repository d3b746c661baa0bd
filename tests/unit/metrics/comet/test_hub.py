"""Fetching from a hub: the real client against a small server on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_hub
import yaml

from downlaw.metrics.comet import CometError, find
from downlaw.metrics.comet.checkpoint import load
from downlaw.metrics.comet.hub import prefetch
from downlaw.study.metrics import Comet

MODEL, ENCODER = "a" * 40, "b" * 40
COMET = Comet(model="made/tiny-comet", revision=MODEL, encoder="tiny-xlmr", encoder_revision=ENCODER)


@pytest.fixture
def hub(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tiny_hub.Hub]:
    """A hub that has a tiny model and its encoder, and an empty cache."""
    from huggingface_hub import constants, file_download

    model, encoder = tmp_path / "model", tmp_path / "encoder"
    shutil.copytree(made / "model", model)
    shutil.copytree(made / "encoder", encoder)
    hparams = yaml.safe_load((model / "hparams.yaml").read_text())
    (model / "hparams.yaml").write_text(yaml.safe_dump({**hparams, "pretrained_model": "tiny-xlmr"}))
    (model / "LICENSE").write_text("as you like\n")
    (encoder / "model.safetensors").write_bytes(b"weights that nobody needs")
    with tiny_hub.serve({("made/tiny-comet", MODEL): model, ("tiny-xlmr", ENCODER): encoder}) as served:
        template = served.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", served.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr("time.sleep", lambda _: None)  # before it tries again
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield served


def refused(comet: Comet = COMET) -> str:
    with pytest.raises(CometError) as caught:
        prefetch(comet)
    return str(caught.value)


def test_what_is_fetched_is_found_and_loads(hub: tiny_hub.Hub):
    said: list[str] = []
    model = prefetch(COMET, said.append)
    assert model == find(COMET)
    assert model.version == MODEL and model.encoder_version == ENCODER
    assert load(model).requires_references()
    assert said[0].startswith(f"fetching made/tiny-comet at {MODEL[:12]} (")
    assert said[-1] == "made/tiny-comet and its encoder tiny-xlmr are complete on this machine"


def test_the_weights_of_the_encoder_are_not_fetched(hub: tiny_hub.Hub):
    prefetch(COMET)
    assert set(hub.asked) == {
        *("checkpoints/model.ckpt", "hparams.yaml", "LICENSE"),
        *("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    }
    assert hub.asked[-1] == "config.json"


def test_nothing_is_fetched_twice(hub: tiny_hub.Hub):
    prefetch(COMET)
    hub.asked.clear()
    prefetch(COMET)
    assert hub.asked == []


def test_what_was_cut_short_is_named_offline_and_goes_on(hub: tiny_hub.Hub):
    hub.refusals["model.ckpt"] = (503, "")
    assert "answers 503: try again later" in refused()
    with pytest.raises(CometError, match="tiny-xlmr at bbbbbbbbbbbb is not in the cache"):
        find(COMET)
    hub.refusals = {"tiny-xlmr/resolve": (503, "")}
    assert "evaluate.comet.encoder: tiny-xlmr" in refused()
    hub.refusals.clear()
    hub.asked.clear()
    prefetch(COMET)
    assert "checkpoints/model.ckpt" not in hub.asked


@pytest.mark.parametrize("part", ["/api/", "/resolve/"])
@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (401, "", "answers 401: your token may not read it, or there is none; log in: hf auth login"),
        (401, "RepoNotFound", "has no model of this name, or does not show it to you: check the name"),
        (403, "GatedRepo", "gated: accept its licence with your account at "),
        (403, "", "answers 403: your token may not read it"),
        (404, "RevisionNotFound", f"has no commit {MODEL}: see "),
        (429, "", "answers 429: try again later"),
        (503, "", "answers 503: try again later"),
    ],
    ids=["401", "401 unknown", "403 gated", "403", "404 commit", "429", "503"],
)
def test_a_hub_that_refuses_is_explained(hub: tiny_hub.Hub, part: str, status: int, code: str, says: str):
    hub.refusals[part] = (status, code)
    message = refused()
    assert message.startswith("evaluate.comet.model: made/tiny-comet: ")
    assert says in message


def test_a_name_that_the_hub_does_not_have_is_explained(hub: tiny_hub.Hub):
    message = refused(COMET.model_copy(update={"model": "made/other"}))
    assert message.startswith("evaluate.comet.model: made/other: ")
    assert "check the name" in message


def test_a_commit_that_the_model_does_not_have_is_explained(hub: tiny_hub.Hub):
    message = refused(COMET.model_copy(update={"encoder_revision": "c" * 40}))
    assert "evaluate.comet.encoder: tiny-xlmr: has no commit " + "c" * 40 in message


def test_no_network_is_explained_and_a_part_of_a_model_is_not_taken_for_it(
    hub: tiny_hub.Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from huggingface_hub import constants

    (tmp_path / f"cache/models--made--tiny-comet/snapshots/{MODEL}").mkdir(parents=True)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    message = refused()
    assert (
        "http://127.0.0.1:9 cannot be reached (ConnectionError): run this on a machine with network"
        in message
    )


def test_offline_mode_is_said(hub: tiny_hub.Hub, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set; unset it" in refused()


def test_a_model_of_something_else_is_refused_before_it_is_fetched(hub: tiny_hub.Hub):
    message = refused(COMET.model_copy(update={"model": "tiny-xlmr", "revision": ENCODER}))
    assert f"has no checkpoints/model.ckpt at {ENCODER}: no COMET model" in message
    assert hub.asked == []


def test_a_name_that_no_model_can_have_is_refused(hub: tiny_hub.Hub):
    assert "is no name of the hub" in refused(COMET.model_copy(update={"model": "made/tiny--comet"}))


def test_a_cache_that_cannot_be_written_is_named(
    hub: tiny_hub.Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from huggingface_hub import constants

    (tmp_path / "file").write_text("")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file/hub"))
    assert "make room there, or set HF_HOME" in refused()


def test_a_model_of_ones_own_needs_the_hub_for_its_encoder_alone(hub: tiny_hub.Hub, made: Path):
    checkpoint = str(made / "model/checkpoints/model.ckpt")
    comet = Comet(model=checkpoint, encoder="tiny-xlmr", encoder_revision=ENCODER)
    assert prefetch(comet).checkpoint == Path(checkpoint)
    assert "checkpoints/model.ckpt" not in hub.asked
