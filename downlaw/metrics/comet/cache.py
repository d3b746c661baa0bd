"""Where a COMET model lies, and whether all of it is there: looked at without network and without loading."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from downlaw.files import digest, sha256_of_file
from downlaw.study.metrics import Comet

CHECKPOINT, HPARAMS, CONFIG = "checkpoints/model.ckpt", "hparams.yaml", "config.json"
"""Where comet keeps its files in a model's folder, and transformers an encoder's."""

TOKENIZERS = ("tokenizer.json", "sentencepiece.bpe.model", "sentencepiece.model", "vocab.txt")
ENCODER_FILES = (CONFIG, *TOKENIZERS, "tokenizer_config.json", "special_tokens_map.json")

CLASS = "regression_metric"
PREFETCH = "snakemake --cores 1 prefetch"


class CometError(ValueError):
    """COMET cannot score: the message names the file or the key of the study, and says what to do."""


@dataclass(frozen=True)
class LocalModel:
    """A COMET model on this machine.

    name: as tables show it. checkpoint: a `.ckpt` with its hparams.yaml one folder above it or beside it.
    encoder: the folder with the config and tokenizer of its encoder. revision, encoder_revision: commits
    where both come from a hub.
    """

    name: str
    checkpoint: Path
    encoder: Path
    revision: str | None = None
    encoder_revision: str | None = None

    @property
    def hparams(self) -> Path:
        """hparams.yaml, where comet looks for it or beside the checkpoint. Raises CometError without one."""
        folder = self.checkpoint.absolute().parent
        places = [folder.parent / HPARAMS, folder / HPARAMS]
        for path in places:
            if path.is_file():
                return path
        raise CometError(f"{self.checkpoint}: no hparams.yaml beside it or one folder above it")

    @cached_property
    def version(self) -> str:
        """What pins the weights: the commit, or the SHA-256 of the checkpoint, which is read for it."""
        return self.revision or sha256_of_file(self.checkpoint)

    @cached_property
    def encoder_version(self) -> str:
        """What pins the tokenizer: the commit, or a digest of the encoder's files."""
        here = [self.encoder / name for name in ENCODER_FILES]
        return self.encoder_revision or digest(
            {path.name: sha256_of_file(path) for path in here if path.is_file()}
        )


def find(comet: Comet, cache: Path | str | None = None) -> LocalModel:
    """The model that a study asks for, if all of it is here; reads no weights and needs no network.

    Args:
        cache: the folder of models of the hub; default: where huggingface_hub keeps them (HF_HUB_CACHE,
            HF_HOME).

    Raises:
        CometError: where a file is missing, cut short or of another kind of model.
    """
    encoder = _encoder(comet, cache)
    if comet.is_file:
        checkpoint = Path(comet.model)
        if not checkpoint.is_file():
            raise CometError(f"evaluate.comet.model: no file {checkpoint} here")
        model = LocalModel(comet.model, checkpoint, encoder, None, comet.encoder_revision)
    else:
        assert comet.revision  # the study is refused without it
        folder = _snapshot("model", comet.model, comet.revision, cache)
        for name in (CHECKPOINT, HPARAMS):
            _present(folder / name, "model", comet.model, comet.revision)
        model = LocalModel(comet.model, folder / CHECKPOINT, encoder, comet.revision, comet.encoder_revision)
    check(model, None if comet.encoder_revision is None else comet.encoder)
    return model


def files_of_ones_own(comet: Comet) -> list[Path]:
    """The files of a model that no commit pins, as far as they are here: where one changes, so do scores."""
    paths = []
    if comet.is_file:
        folder = Path(comet.model).parent
        paths += [Path(comet.model), folder / HPARAMS, folder.parent / HPARAMS]
    if comet.encoder_revision is None:
        paths += [Path(comet.encoder) / name for name in ENCODER_FILES]
    return [path for path in paths if path.is_file()]


def check(model: LocalModel, encoder_name: str | None = None) -> None:
    """Look at a model's files without reading its weights.

    Args:
        encoder_name: the encoder's name on the hub, None for one of one's own.

    Raises:
        CometError: where hparams.yaml names another class of model or another encoder, or the checkpoint is
            no whole file of torch.
    """
    try:
        hparams = yaml.safe_load(model.hparams.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CometError(f"{model.hparams}: not valid YAML: {error}") from None
    kind = hparams.get("class_identifier") if isinstance(hparams, dict) else None
    if not isinstance(kind, str):
        raise CometError(f"{model.hparams}: names no class_identifier, so this is no model of COMET")
    if kind != CLASS:
        why = "judges without a reference" if kind.startswith("referenceless") else "is another kind of model"
        raise CometError(
            f"evaluate.comet.model: {model.name} is a {kind}, which {why}; only a {CLASS} scores a "
            "translation against its source and reference (Unbabel/wmt22-comet-da is one)"
        )
    if hparams.get("encoder_model") == "MiniLM":
        raise CometError(
            f"evaluate.comet.model: {model.name} has a MiniLM encoder, for which comet takes a tokenizer "
            "that nothing pins (xlm-roberta-base); such models are not supported"
        )
    named = hparams.get("pretrained_model")
    if model.revision and encoder_name and _last(named) != _last(encoder_name):
        raise CometError(
            f"evaluate.comet.encoder: {model.name} was trained with the encoder {named}, not {encoder_name}"
        )
    if not zipfile.is_zipfile(model.checkpoint):  # its directory stands at the end: a cut file has none
        remedy = f"remove it and run: {PREFETCH}" if model.revision else "copy it again"
        raise CometError(
            f"{model.checkpoint}: no checkpoint of torch, or cut short; {remedy} (what torch saved before "
            "1.6 has to be saved anew)"
        )


def _encoder(comet: Comet, cache: Path | str | None) -> Path:
    if comet.encoder_revision is None:
        folder = Path(comet.encoder)
        if not folder.is_dir():
            raise CometError(
                f"evaluate.comet.encoder: no folder {folder} here; a model of the hub needs "
                "evaluate.comet.encoder_revision, its commit"
            )
    else:
        folder = _snapshot("encoder", comet.encoder, comet.encoder_revision, cache)
    if not (folder / CONFIG).is_file() or not any((folder / name).is_file() for name in TOKENIZERS):
        if comet.encoder_revision:
            raise _incomplete(
                "encoder", comet.encoder, comet.encoder_revision, folder, "config and tokenizer"
            )
        raise CometError(
            f"evaluate.comet.encoder: {folder} lacks {CONFIG} or a tokenizer ({', '.join(TOKENIZERS)})"
        )
    return folder


def _snapshot(key: str, name: str, revision: str, cache: Path | str | None) -> Path:
    folder = hub_cache(cache) / f"models--{name.replace('/', '--')}"
    snapshot = folder / "snapshots" / revision
    if snapshot.is_dir():
        return snapshot
    others = sorted(path.name[:12] for path in folder.glob("snapshots/*"))
    instead = f" (it has {', '.join(others)})" if others else ""
    raise CometError(
        f"evaluate.comet.{key}: {name} at {revision[:12]} is not in the cache {hub_cache(cache)}{instead}\n"
        f"{_REMEDY}"
    )


def _present(path: Path, key: str, name: str, revision: str) -> None:
    if not path.is_file() or not path.stat().st_size:
        raise _incomplete(key, name, revision, path.parent, path.name)


def _incomplete(key: str, name: str, revision: str, folder: Path, what: str) -> CometError:
    return CometError(
        f"evaluate.comet.{key}: {name} at {revision[:12]} is only partly in the cache: {folder} lacks "
        f"{what}\n{_REMEDY}"
    )


_REMEDY = f"where the hub can be reached, with the same HF_HOME and --configfile, run: {PREFETCH}"


def hub_cache(cache: Path | str | None = None) -> Path:
    """The folder of models of the hub, as huggingface_hub finds it."""
    if cache is not None:
        return Path(cache)
    from huggingface_hub import constants

    return Path(os.path.expanduser(constants.HF_HUB_CACHE))


def _last(name: object) -> str:
    return str(name).rsplit("/", 1)[-1]
