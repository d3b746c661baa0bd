"""The RO-Crate metadata of an archive."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_archives import Place, members


@pytest.fixture
def graph(tmp_path: Path) -> dict[str, dict]:
    """Every entity by its @id."""
    metadata = json.loads(members(Place(tmp_path).make().write())["ro-crate-metadata.json"])
    assert metadata["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    found = {entity["@id"]: entity for entity in metadata["@graph"]}
    assert len(found) == len(metadata["@graph"])
    return found


def test_the_descriptor_and_the_root_are_as_the_specification_wants(graph: dict[str, dict]):
    descriptor, root = graph["ro-crate-metadata.json"], graph["./"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert descriptor["about"] == {"@id": "./"}
    assert root["@type"] == "Dataset"
    assert root["name"] == "made-up: downstream scaling laws"
    assert "en-de" in root["description"]
    assert root["datePublished"] == "2023-11-14T22:15:00+00:00", "the time of the newest file"
    assert root["license"] == [{"@id": "https://spdx.org/licenses/CC-BY-4.0"}, {"@id": "#licence-2"}]
    assert graph["#licence-2"]["name"] == "my own"
    assert "ui 1.0" in graph["https://spdx.org/licenses/CC-BY-4.0"]["description"]


def test_everything_that_is_named_is_described_and_every_part_is_there(
    graph: dict[str, dict], tmp_path: Path
):
    references = {
        value["@id"]
        for entity in graph.values()
        for values in entity.values()
        for value in (values if isinstance(values, list) else [values])
        if isinstance(value, dict)
    }
    assert references - {"https://w3id.org/ro/crate/1.1"} <= set(graph)
    parts = {part["@id"] for part in graph["./"]["hasPart"]}
    held = members(tmp_path / "results.tar.zst")
    for part in parts:
        assert any(name == part or (part.endswith("/") and name.startswith(part)) for name in held)
        assert graph[part]["@type"] == ("Dataset" if part.endswith("/") else "File")
        assert graph[part]["description"]
    assert {"runs.csv", "laws.csv", "archive/study.yaml", "archive/manifest.json", "evaluate/"} <= parts


def test_tables_have_their_hash_and_size(graph: dict[str, dict], tmp_path: Path):
    listed = json.loads(members(tmp_path / "results.tar.zst")["archive/manifest.json"])["files"]
    runs = graph["runs.csv"]
    assert runs["sha256"] == listed["runs.csv"]["sha256"]
    assert runs["contentSize"] == "11"
    assert runs["encodingFormat"] == "text/csv"


def test_the_run_names_its_software_what_it_read_and_what_it_made(graph: dict[str, dict]):
    run = graph["#run"]
    assert {"#downlaw", "#fairseq", "#torch"} <= {entity["@id"] for entity in run["instrument"]}
    assert graph["#torch"]["softwareVersion"]
    assert {"@id": "archive/study.yaml"} in run["object"]
    assert {"@id": "runs.csv"} in run["result"]
