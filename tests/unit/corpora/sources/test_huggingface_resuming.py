"""A stream from a hub that breaks, or whose reader is killed, goes on without a gap or a repeat."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from itertools import pairwise

import pytest
from toy_web import FOLDER, KEY, corpus, names, only, urls

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.sources import huggingface


def test_a_hub_that_stops_mid_stream_is_asked_for_the_rest_alone(web, tmp_path):
    whole = tmp_path / "whole" / only(corpus()).name
    huggingface.fetch(only(corpus()), whole)
    web.asked.clear()
    name = f"{FOLDER}/c4-de.tfrecord-00001-of-00003.json.gz"
    web.cuts[name] = [100, 7]
    web.statuses[f"{FOLDER}/c4-de.tfrecord-00002-of-00003.json.gz"] = [503, 429]
    path = tmp_path / "cut" / whole.name
    huggingface.fetch(only(corpus()), path)
    assert path.read_bytes() == whole.read_bytes()
    assert [asked for each, asked in web.asked if each == name] == ["bytes=0-", "bytes=100-", "bytes=107-"]


def test_a_hub_without_ranges_repeats_nothing(web, tmp_path):
    web.without_ranges = True
    web.cuts[f"{FOLDER}/c4-de.tfrecord-00000-of-00003.json.gz"] = [200]
    artifact = only(corpus())
    huggingface.fetch(artifact, tmp_path / artifact.name)
    assert names(tmp_path / artifact.name) == urls(range(300))


def test_a_hub_that_stays_away_leaves_what_came_and_the_next_call_goes_on(web, tmp_path):
    whole = tmp_path / "whole" / only(corpus()).name
    huggingface.fetch(only(corpus()), whole)
    name = f"{FOLDER}/c4-de.tfrecord-00001-of-00003.json.gz"
    web.statuses[name] = [503] * 3
    path = tmp_path / "cut" / whole.name
    with pytest.raises(CorpusError) as caught:
        huggingface.fetch(only(corpus()), path)
    message = str(caught.value)
    assert message.startswith(f"{KEY}.parts[0]: toy/web/multilingual/c4-de.tfrecord-00001")
    assert "503" in message and "running again goes on from here" in message and "\n" not in message
    assert not path.exists()
    web.asked.clear()
    huggingface.fetch(only(corpus()), path)
    assert path.read_bytes() == whole.read_bytes()
    first = f"{FOLDER}/c4-de.tfrecord-00000-of-00003.json.gz"
    # The last whole frame ended in the first file, which is read again from its beginning.
    assert [each for each, _ in web.asked] == [first, name, name.replace("00001-", "00002-")]


FETCH = """
import sys
from pathlib import Path
from downlaw.corpora.sources import download, huggingface, records
from downlaw.study.sources import HuggingfaceCorpus
records.FRAME_ROWS = 30
section = HuggingfaceCorpus.model_validate_json(sys.argv[1])
[artifact] = huggingface.artifacts(section, "corpora.web", "de")
huggingface.fetch(artifact, Path(sys.argv[2]) / artifact.name)
"""


def test_a_killed_fetch_goes_on_without_a_gap_or_a_repeat(web, tmp_path):
    section = corpus(words=1500)
    whole = tmp_path / "whole" / only(section).name
    huggingface.fetch(only(section), whole)
    killed = tmp_path / "killed"
    name = f"{FOLDER}/c4-de.tfrecord-00001-of-00003.json.gz"
    web.stalls = {name: len(web.files[name]) * 2 // 3}
    command = [sys.executable, "-c", FETCH, section.model_dump_json(), str(killed)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        assert web.stalled.wait(60)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not (killed / whole.name).exists()
    [part] = killed.glob(".*.part")
    cursor = json.loads((part / "cursor.json").read_text())
    assert cursor["documents"] >= 90 and cursor["length"] > 0
    with (part / "text.zst").open("ab") as file:
        file.write(b"half a frame that the cursor does not know")
    web.stalls = {}
    huggingface.fetch(only(section), killed / whole.name)
    assert (killed / whole.name).read_bytes() == whole.read_bytes()
    assert names(killed / whole.name) == urls(range(250))
    assert not part.exists()


def test_every_cursor_gives_the_same_bytes(web, tmp_path, monkeypatch):
    """Stopped right after each cursor, as by a full disk, and taken up again."""
    section = corpus()
    whole = tmp_path / "whole" / only(section).name
    huggingface.fetch(only(section), whole)
    path = tmp_path / "cut" / whole.name
    keep = huggingface._Fetch._keep
    kept = []

    def keep_and_stop(self, frames):
        keep(self, frames)
        kept.append(self.cursor["documents"])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(huggingface._Fetch, "_keep", keep_and_stop)
    for _ in range(300 // 30):
        with pytest.raises(OSError, match="No space"):
            huggingface.fetch(only(section), path)
    assert kept == list(range(30, 301, 30)) and all(two - one == 30 for one, two in pairwise(kept))
    huggingface.fetch(only(section), path)
    assert path.read_bytes() == whole.read_bytes()


def test_a_text_shorter_than_its_cursor_is_refused(web, tmp_path):
    artifact = only(corpus())
    part = tmp_path / f".{artifact.name}.part"
    part.mkdir()
    (part / "text.zst").write_bytes(b"")
    cursor = {"length": 10, "file": 0, "row": 3, "documents": 3, "words": 3}
    (part / "cursor.json").write_text(json.dumps(cursor))
    with pytest.raises(CorpusError, match="shorter than its cursor says; delete"):
        huggingface.fetch(artifact, tmp_path / artifact.name)
