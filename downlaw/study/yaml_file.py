"""Keys that are written twice in a YAML file: its readers keep the last one without a word."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import yaml

from .errors import StudyError

_MERGE = "tag:yaml.org,2002:merge"


def _repeats(node: yaml.Node | None, path: str, seen: set[int]) -> list[str]:
    if node is None or id(node) in seen:  # an alias is looked at once
        return []
    seen.add(id(node))
    found: list[str] = []
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            found += _repeats(item, f"{path}[{index}]", seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            name = f"{path}.{key.value}" if path else str(key.value)
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                same, line = (key.tag, key.value), key.start_mark.line + 1
                if same in lines:
                    found.append(f"{name}: written twice, in lines {lines[same]} and {line}")
                lines.setdefault(same, line)
            found += _repeats(value, name, seen)
    return found


def repeated_keys(path: Path | str) -> list[str]:
    """One line for each key that a mapping of a YAML file has twice: its path, the file and both lines.

    Raises:
        OSError, UnicodeDecodeError, yaml.YAMLError: as reading it would.
    """
    text = Path(path).read_text(encoding="utf-8")
    found = [line for node in yaml.compose_all(text, yaml.SafeLoader) for line in _repeats(node, "", set())]
    return [f"{line} of {path}" for line in found]


def refuse_repeated_keys(paths: Iterable[Path | str]) -> None:
    """Look at files that another reader has read already.

    Raises:
        StudyError: where a key is written twice.
    """
    found: list[str] = []
    for path in paths:
        with suppress(OSError, UnicodeDecodeError, yaml.YAMLError):  # as in JSON with tabs
            found += repeated_keys(path)
    if found:
        raise StudyError("\n".join(found))
