"""What a training's record says beside its result."""

from __future__ import annotations

import json
from types import SimpleNamespace

from downlaw.engine.once import HISTORY, _versions


def test_a_record_names_the_versions_of_its_start_and_of_every_time_that_it_ran(tmp_path):
    stretches = [
        {"versions": {"torch": "2.13.0", "fairseq": "0.12.3"}},
        {"versions": {"torch": "2.14.0"}},
        {},
    ]
    (tmp_path / HISTORY).write_text("".join(json.dumps(entry) + "\n" for entry in stretches))
    started = {"torch": ["2.12.0", "2.13.0"], "python": ["3.11.2"]}
    assert _versions(SimpleNamespace(folder=tmp_path, start_versions=started)) == {
        "torch": ["2.12.0", "2.13.0", "2.14.0"],
        "python": ["3.11.2"],
        "fairseq": ["0.12.3"],
    }
    assert _versions(SimpleNamespace(folder=tmp_path, start_versions=None)) == {
        "torch": ["2.13.0", "2.14.0"],
        "fairseq": ["0.12.3"],
    }
