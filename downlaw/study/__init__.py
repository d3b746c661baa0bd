"""The study file: what a `config.yaml` may say, checked before the first job.

`load_study` turns a parsed config, or the path of one, into a frozen and validated `Study` or `LmStudy`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from .config import BASELINE, Study
from .errors import StudyError, explain
from .lm import LmStudy
from .yaml_file import refuse_repeated_keys, repeated_keys

__all__ = ["BASELINE", "TRACKS", "LmStudy", "Study", "StudyError", "load_study", "refuse_repeated_keys"]

TRACKS: dict[str, type[Study] | type[LmStudy]] = {"transfer": Study, "lm": LmStudy}
"""What a study file's `track` may say."""


def load_study(config: dict[str, Any] | Path | str) -> Study | LmStudy:
    """A validated study from a parsed config, or from the path of a YAML file; `track` says of which kind.

    Raises:
        StudyError: one line a problem, each starting with the path of the key (`pretrain.tokens[2]: ...`).
    """
    if not isinstance(config, dict):
        path = Path(config)
        try:
            config = yaml.safe_load(path.read_text(encoding="utf-8"))
            repeated = repeated_keys(path)
        except OSError as error:
            raise StudyError(f"{path}: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise StudyError(f"{path}: not UTF-8 text: {error}") from None
        except yaml.YAMLError as error:
            raise StudyError(f"{path}: not valid YAML: {error}") from None
        if not isinstance(config, dict):
            raise StudyError(f"{path}: a study is a mapping of keys, found {type(config).__name__}")
        if repeated:
            raise StudyError("\n".join(repeated))
    track = config.get("track", "transfer")
    if not isinstance(track, str) or track not in TRACKS:
        raise StudyError(f"track: there are {' and '.join(TRACKS)}, found {track!r}")
    try:
        return TRACKS[track].model_validate(config)
    except ValidationError as error:
        raise StudyError(explain(error, TRACKS[track])) from None
