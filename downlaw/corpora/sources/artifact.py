"""What is fetched for a corpus: one file or folder, under a name that its pin decides."""

from __future__ import annotations

from dataclasses import dataclass

from downlaw.study.base import Strict


@dataclass(frozen=True)
class Artifact:
    """One thing to fetch.

    `source` names the module that fetches it, `name` is what it is called in the folder of fetched text,
    `key` the config key that asks for it, and `entry` what the study file says of it, its pin and licence.
    """

    source: str
    name: str
    key: str
    entry: Strict
