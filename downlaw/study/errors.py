"""Validation errors as a person reads them: the path of the key, what is wrong, the nearest known key."""

from __future__ import annotations

import typing
from typing import Any

from pydantic import BaseModel, ValidationError

from .base import nearest
from .overtrain import TASK_KINDS
from .sources import FORMS


class StudyError(ValueError):
    """A study that cannot be run. Each line of the message starts with the path of the key at fault."""


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models_in(part)]


def _fields_at(study: type[BaseModel], location: tuple[int | str, ...]) -> set[str]:
    """Names of the keys that the config knows in the mapping at `location`."""
    models: list[type[BaseModel]] = [study]
    for step in location:
        fields = [model.model_fields[step] for model in models if step in model.model_fields]
        inner = [found for field in fields for found in _models_in(field.annotation)]
        models = inner or models
    return {field for model in models for field in model.model_fields}


def _key_path(location: tuple[int | str, ...]) -> str:
    path = ""
    for depth, step in enumerate(location):
        is_form = location[0] == "corpora" and depth == 2 and step in FORMS
        is_kind = location[:2] == ("evaluate", "tasks") and depth == 3 and step in TASK_KINDS
        if is_form or is_kind or step == "[key]":
            continue
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def explain(error: ValidationError, study: type[BaseModel]) -> str:
    """One line a problem, each starting with the path of the key.

    Args:
        study: the model that refused.
    """
    lines: list[str] = []
    for item in error.errors():
        location = item["loc"]
        path = _key_path(location)
        if item["type"] == "extra_forbidden":
            lines.append(f"{path}: unknown key{nearest(str(location[-1]), _fields_at(study, location[:-1]))}")
        elif item["type"] == "missing":
            lines.append(f"{path}: this key is missing")
        elif item["type"] == "value_error":
            text = str(item["ctx"]["error"])
            lines += [f"{path}: {line}" if path else line for line in text.splitlines()]
        else:
            shown = repr(item["input"])
            lines.append(f"{path}: {item['msg']}, found {shown if len(shown) < 80 else shown[:77] + '...'}")
    return "\n".join(dict.fromkeys(lines))
