"""What an archive holds, and that the same folder always gives the same bytes."""

from __future__ import annotations

import errno
import json
import os
import tarfile
from pathlib import Path

import pytest
import yaml
import zstandard
from made_archives import CONFIG, KEPT, LAST, NEVER, NEWEST_NS, OTHER_CHECKPOINTS, TEXT, Place, members

from downlaw.files import sha256_of_file
from downlaw.report.archive import ArchiveError, writing
from downlaw.study import load_study


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place").make()


def of_results(archive: Path) -> set[str]:
    return {
        name
        for name in members(archive)
        if not name.startswith("archive/") and name != "ro-crate-metadata.json"
    }


def test_an_archive_holds_all_but_text_checkpoints_and_what_running_jobs_leave(place: Place):
    assert of_results(place.write()) == set(KEPT)


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({"checkpoints": "last"}, set(LAST)),
        ({"checkpoints": "all"}, {*LAST, *OTHER_CHECKPOINTS}),
        ({"text": True}, set(TEXT)),
        ({"checkpoints": "last", "text": True}, {*LAST, *TEXT}),
    ],
)
def test_checkpoints_and_text_are_options(place: Place, options: dict, more: set[str]):
    assert of_results(place.write(**options)) == {*KEPT, *more}
    assert not more & set(NEVER)


def test_the_last_checkpoint_of_a_chain_that_diverged_is_that_before(place: Place):
    (place.results / "pretrain/en/seed1/200000.json").write_text('{"status": "diverged", "identity": "bb"}')
    found = of_results(place.write(checkpoints="last"))
    assert {name for name in found if name.endswith(".pt")} == {"pretrain/en/seed1/100000/aa/model.pt"}


def test_links_to_other_disks_are_followed_and_a_loop_ends(place: Place, tmp_path: Path):
    (place.results / "pretrain").rename(tmp_path / "other-disk")
    (place.results / "pretrain").symlink_to(tmp_path / "other-disk")
    (place.results / "logs/loop").symlink_to(place.results / "logs")
    assert of_results(place.write(checkpoints="last")) == {*KEPT, *LAST}


def test_the_study_its_file_the_lock_and_snakemakes_records_are_there(place: Place):
    found = members(place.write())
    assert yaml.safe_load(found["archive/study.yaml"])["tasks"] == CONFIG["tasks"]
    assert found["archive/config/studies/mine.yaml"] == place.configfile.read_bytes()
    assert b"snakemake==" in found["archive/requirements.lock"]
    records = [json.loads(line) for line in found["archive/snakemake.jsonl"].splitlines()]
    assert [entry["file"] for entry in records] == [
        "results/corpora/pairs/de-en/train.parquet",
        f"results/finetune/{'long-' * 40}.json",
        "results/runs.csv",
    ]
    assert records[2]["record"] == {"rule": "made", "input": ["results/runs.csv"]}


def test_the_first_member_says_what_comes_and_the_last_has_every_hash(place: Place):
    found = members(place.write())
    assert next(iter(found)) == "archive/about.json"
    about = json.loads(found["archive/about.json"])
    assert (
        about["version"] == 1
        and about["results"] == "results"
        and about["configfiles"] == ["studies/mine.yaml"]
    )
    assert about["files"] == len(KEPT)
    assert about["left_out"]["checkpoints"]["files"] == 4
    assert about["left_out"]["text"]["files"] == len(TEXT)
    assert list(found)[-1] == "archive/manifest.json"
    files = json.loads(found["archive/manifest.json"])["files"]
    assert set(files) == set(found) - {"archive/manifest.json"}
    for name in KEPT:
        path = place.results / name
        assert files[name] == {
            "sha256": sha256_of_file(path),
            "size": path.stat().st_size,
            "mtime_ns": path.stat().st_mtime_ns,
        }


def test_archiving_twice_gives_the_same_bytes(place: Place):
    first = place.write(checkpoints="all", text=True).read_bytes()
    (place.results / "logs/archive/archive.log").write_text("the archive's own log says something else")
    assert place.write(checkpoints="all", text=True).read_bytes() == first


def test_owners_modes_and_generated_times_say_nothing_of_who_archived_and_when(place: Place):
    with (
        zstandard.open(place.write(), "rb") as stream,
        tarfile.open(fileobj=stream, mode="r|") as tar,
    ):
        found = list(tar)
    assert {(member.uid, member.gid, member.uname, member.mode) for member in found} == {(0, 0, "", 0o644)}
    assert max(member.mtime for member in found) == NEWEST_NS / 1e9
    assert found[-1].pax_headers["mtime"] == "1700000100.123456789"


def test_plain_tar_unpacks_it(place: Place, tmp_path: Path):
    (tmp_path / "out").mkdir()
    with zstandard.open(place.write(), "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    assert (tmp_path / "out/made-up/report/summary.txt").read_text(encoding="utf-8") == "ä summary\n"


def test_an_unfinished_study_is_refused(place: Place):
    (place.results / "laws.csv").unlink()
    with pytest.raises(ArchiveError, match=r"results/laws\.csv is not there; only a finished study"):
        place.write()
    assert not place.archive.exists()


def test_results_that_are_no_folder_of_their_own_are_refused(place: Place):
    config = place.config | {"results": "."}
    with pytest.raises(ArchiveError, match=r"results: \.: only a folder of its own"):
        writing.write_archive(load_study(config), config, folder=place.results)


def test_a_file_that_changes_meanwhile_is_refused_and_an_earlier_archive_stays(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    before = place.write().read_bytes()

    def read(self: writing._Hashed, size: int) -> bytes:
        calls.append(size)
        os.utime(place.results / "runs.csv", ns=(1, len(calls)))
        return original(self, size)

    calls: list[int] = []
    original = writing._Hashed.read
    monkeypatch.setattr(writing._Hashed, "read", read)
    with pytest.raises(ArchiveError, match=r"runs\.csv changed while it was archived"):
        place.write()
    assert place.archive.read_bytes() == before
    assert sorted(path.name for path in place.folder.iterdir() if path.is_file()) == ["results.tar.zst"]


def test_a_full_disk_is_told_and_leaves_nothing(place: Place, monkeypatch: pytest.MonkeyPatch):
    def full(self: writing._Hashed, size: int) -> bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writing._Hashed, "read", full)
    with pytest.raises(ArchiveError, match=r"results\.tar\.zst cannot be written: .*No space left on device"):
        place.write()
    assert not [path for path in place.folder.iterdir() if path.is_file()]


def test_results_in_an_absolute_folder_are_archived_beside_it(tmp_path: Path):
    place = Place(tmp_path / "place", results=str(tmp_path / "disk/results")).make()
    assert place.write() == tmp_path / "disk/results.tar.zst"
    records = members(place.archive)["archive/snakemake.jsonl"].splitlines()
    assert json.loads(records[-1])["file"] == f"{tmp_path}/disk/results/runs.csv"
