"""Fetch a COMET model, and the config and tokenizer of its encoder, from a hub into the shared cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from downlaw.study.metrics import Comet

from .cache import CHECKPOINT, CONFIG, ENCODER_FILES, HPARAMS, CometError, LocalModel, find, hub_cache

MODEL_FILES = (CHECKPOINT, HPARAMS, "LICENSE", "README.md")


def prefetch(comet: Comet, say: Callable[[str], None] = lambda line: None) -> LocalModel:
    """Fetch what the study asks for and is not cached yet, and check that all of it has come.

    The weights of the encoder are in the model's checkpoint and are not fetched again. Progress of each file
    is shown by huggingface_hub itself.

    Raises:
        CometError: where the hub cannot be reached, refuses, or has no such model or commit.
    """
    if not comet.is_file:
        _fetch("model", comet.model, comet.revision, (MODEL_FILES,), (CHECKPOINT, HPARAMS), say)
    if comet.encoder_revision:
        # Its config comes last: where a fetch was cut short, the tokenizer is not whole without a sign of it.
        tokenizer = tuple(name for name in ENCODER_FILES if name != CONFIG)
        _fetch("encoder", comet.encoder, comet.encoder_revision, (tokenizer, (CONFIG,)), (CONFIG,), say)
    found = find(comet)
    say(f"{comet.model} and its encoder {comet.encoder} are complete on this machine")
    return found


def _fetch(
    key: str,
    name: str,
    revision: str | None,
    steps: tuple[tuple[str, ...], ...],
    needed: tuple[str, ...],
    say: Callable[[str], None],
) -> None:
    from huggingface_hub import HfApi, constants, errors, snapshot_download

    where = f"evaluate.comet.{key}: {name}"
    if constants.HF_HUB_OFFLINE:
        raise CometError(
            f"{where} cannot be fetched: HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set; unset it"
        )
    try:
        # Asked first, as snapshot_download takes what part of a commit is cached for all of it where the
        # hub does not answer.
        about: Any = HfApi().model_info(name, revision=revision, files_metadata=True)
        sizes = {file.rfilename: file.size or 0 for file in about.siblings or ()}
        lacking = [file for file in needed if file not in sizes]
        if lacking:
            raise CometError(f"{where} has no {lacking[0]} at {revision}: no {_KINDS[key]}")
        total = sum(sizes.get(file, 0) for step in steps for file in step)
        say(f"fetching {name} at {str(revision)[:12]} ({total / 1e6:,.1f} MB) into {hub_cache()}")
        for step in steps:
            snapshot_download(name, revision=revision, allow_patterns=list(step))
    except errors.HFValidationError as error:
        raise CometError(f"{where} is no name of the hub: {error}") from None
    except OSError as error:  # those of requests among them
        raise CometError(f"{where}: {_explain(error, name, revision)}") from None


_KINDS = {"model": "COMET model", "encoder": "encoder of transformers"}


def _explain(error: Exception, name: str, revision: str | None) -> str:
    """What went wrong between this machine and the hub, and what to do."""
    from huggingface_hub import constants, errors

    hub = constants.ENDPOINT
    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # why a file, which is not cached, was not fetched
    if isinstance(error, errors.GatedRepoError):
        return f"gated: accept its licence with your account at {hub}/{name}, then log in here: hf auth login"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"has no commit {revision}: see {hub}/{name}/commits/main"
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"{hub} has no model of this name, or does not show it to you: check the name; if it is private, "
            "log in: hf auth login"
        )
    response = getattr(error, "response", None)
    if response is not None:
        code = response.status_code
        if code in (401, 403):
            return (
                f"{hub} answers {code}: your token may not read it, or there is none; log in: hf auth login"
            )
        return f"{hub} answers {code}: try again later"
    of_network = type(error).__module__.partition(".")[0] in ("requests", "huggingface_hub", "hf_xet")
    if of_network or isinstance(error, ConnectionError | TimeoutError):
        return (
            f"{hub} cannot be reached ({type(error).__name__}): run this on a machine with network, a login "
            "node, with the same HF_HOME; behind a proxy, set HTTPS_PROXY; if it is only the host of large "
            "files that a firewall stops, set HF_HUB_DISABLE_XET=1"
        )
    return f"cannot be kept in {hub_cache()} ({error}): make room there, or set HF_HOME"
