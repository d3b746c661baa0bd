"""Restoring: all of an archive or nothing of it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tarfile
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
from made_archives import CONFIG, KEPT, LAST, NEWEST_NS, TEXT, Place, listed, members, pack, put

from downlaw.report.archive import ArchiveError, place, restore
from downlaw.report.archive.records import INCOMPLETE, METADATA, record_path, records


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Place(tmp_path_factory.mktemp("archived")).make().write(checkpoints="last", text=True)


@pytest.fixture
def content(archive: Path) -> dict[str, bytes]:
    return members(archive)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    folder.mkdir()
    return folder


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(archive: Path, clone: Path, message: str) -> None:
    """The archive is refused with this message, and nothing is left behind."""
    before = files(clone)
    with pytest.raises(ArchiveError, match=message) as error:
        restore(archive, clone)
    assert str(error.value).startswith(f"{archive}: ") and str(error.value).endswith("nothing was restored")
    assert files(clone) == before
    assert [path.name for path in clone.iterdir()] == ([] if not before else ["results"])


def test_files_times_and_records_come_back(archive: Path, clone: Path):
    restored = restore(archive, clone)
    results = clone / "results"
    found = files(results)
    for name, text in {**KEPT, **TEXT, **LAST}.items():
        assert found[name] == text
    assert {name for name in found if name.startswith("archive/")} == {
        *(
            "archive/about.json",
            "archive/manifest.json",
            "archive/study.yaml",
            "archive/config/studies/mine.yaml",
        ),
        *("archive/requirements.lock", "archive/snakemake.jsonl"),
    }
    for number, name in enumerate({**KEPT, **TEXT, **LAST}):
        assert (results / name).stat().st_mtime_ns == NEWEST_NS - number * 10**9
    assert {name for name, _ in records(clone)} == {
        *("results/runs.csv", "results/corpora/pairs/de-en/train.parquet"),
        f"results/finetune/{'long-' * 40}.json",
    }
    assert (clone / INCOMPLETE).is_dir()
    assert restored.files == len({**KEPT, **TEXT, **LAST}) and restored.study == "made-up"
    assert restored.left_out["checkpoints"]["files"] == 2
    assert not list(clone.rglob(".restore-*"))


def test_archiving_what_was_restored_gives_the_same_results(archive: Path, clone: Path):
    restore(archive, clone)
    again = Place(clone)
    again.configfile.parent.mkdir()
    shutil.copy2(clone / "results/archive/config/studies/mine.yaml", again.configfile)
    one, other = members(archive), members(again.write(checkpoints="last", text=True))
    says_what_was_left_out = {"archive/about.json": b"", "archive/manifest.json": b""}
    assert one | says_what_was_left_out == other | says_what_was_left_out


def test_the_readme_of_a_clone_and_records_of_another_study_stay(archive: Path, clone: Path):
    (clone / "results").mkdir()
    (clone / "results/README.md").write_text("of the clone")
    other = clone / METADATA / record_path("elsewhere/runs.csv")
    other.parent.mkdir(parents=True)
    other.write_text("{}")
    restore(archive, clone)
    assert (clone / "results/README.md").read_text() == "of the clone"
    assert other.read_text() == "{}"


def test_marks_of_jobs_that_were_cut_short_here_are_removed(archive: Path, clone: Path):
    mark = clone / INCOMPLETE / record_path("results/runs.csv")
    mark.parent.mkdir(parents=True)
    mark.touch()
    restore(archive, clone)
    assert not mark.exists()


def test_the_study_file_to_go_on_with_is_the_clones_own_only_where_it_says_the_same(
    archive: Path, clone: Path
):
    other = clone.with_name("other")
    shutil.copytree(clone, other)
    for folder, seed in ((clone, 1), (other, 2)):
        (folder / "studies").mkdir()
        study = CONFIG | {"results": "results", "archive": {"checkpoints": "last", "text": True}}
        study |= {"seed": seed} if seed == 2 else {}
        (folder / "studies/mine.yaml").write_text(json.dumps(study))
    assert restore(archive, clone).configfile == Path("studies/mine.yaml")
    assert restore(archive, other).configfile == Path("results/archive/study.yaml")


# --- Damage


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.9])
def test_a_flipped_bit_in_the_compressed_stream(archive: Path, clone: Path, tmp_path: Path, share: float):
    damaged = bytearray(archive.read_bytes())
    damaged[int(len(damaged) * share)] ^= 1
    (tmp_path / "a.tar.zst").write_bytes(damaged)
    refused(tmp_path / "a.tar.zst", clone, "damaged|cut short|no archive of downlaw|SHA-256")


@pytest.mark.parametrize(
    "name", ["runs.csv", "archive/study.yaml", "archive/snakemake.jsonl", "archive/about.json"]
)
def test_a_flipped_bit_in_a_member(content: dict, clone: Path, tmp_path: Path, name: str):
    changed = bytearray(content[name])
    changed[-2] ^= 1
    damaged = pack(tmp_path / "a.tar.zst", content | {name: bytes(changed)})
    refused(damaged, clone, f"{name} is damaged")


def test_no_bit_can_flip_unseen(archive: Path, clone: Path, tmp_path: Path):
    whole = archive.read_bytes()
    for at in (*range(4, 20), *range(len(whole) - 45, len(whole))):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        (tmp_path / "a.tar.zst").write_bytes(damaged)
        refused(tmp_path / "a.tar.zst", clone, "damaged|cut short|added|no archive of downlaw|longer than")


@pytest.mark.parametrize("left", [0, 3, 200, 0.5, -1, -4, -40, -41])
def test_a_file_that_is_cut_short(archive: Path, clone: Path, tmp_path: Path, left: float):
    whole = archive.read_bytes()
    (tmp_path / "a.tar.zst").write_bytes(whole[: int(left * len(whole)) if left == 0.5 else left])
    refused(tmp_path / "a.tar.zst", clone, "cut short|no archive of downlaw|damaged")


def test_something_behind_the_end(archive: Path, clone: Path, tmp_path: Path):
    (tmp_path / "a.tar.zst").write_bytes(archive.read_bytes() + b"x")
    refused(tmp_path / "a.tar.zst", clone, "something was added behind its end")


@pytest.mark.parametrize("other", [b"", b"PK\x03\x04 a zip file", b"\x28\xb5\x2f\xfd", b"text\n" * 10_000])
def test_a_file_of_another_kind(clone: Path, tmp_path: Path, other: bytes):
    (tmp_path / "a.tar.zst").write_bytes(other)
    refused(tmp_path / "a.tar.zst", clone, "no archive of downlaw|damaged or cut short")


def test_a_tar_archive_of_something_else(clone: Path, tmp_path: Path):
    refused(pack(tmp_path / "a.tar.zst", {"runs.csv": b"x"}), clone, "no archive of downlaw")


def test_an_archive_that_is_not_there(clone: Path, tmp_path: Path):
    refused(tmp_path / "a.tar.zst", clone, "No such file")


def test_another_format_names_who_can_read_it(content: dict, clone: Path, tmp_path: Path):
    about = json.loads(content["archive/about.json"]) | {"version": 2, "downlaw": "9.9"}
    other = pack(tmp_path / "a.tar.zst", content | {"archive/about.json": json.dumps(about).encode()})
    refused(other, clone, r"it has format 2, and this downlaw reads format 1; downlaw 9\.9")


def test_a_missing_and_an_additional_member(content: dict, clone: Path, tmp_path: Path):
    less = {name: data for name, data in content.items() if name != "laws.csv"}
    refused(pack(tmp_path / "a.tar.zst", less), clone, r"laws\.csv is missing from it \(1 of ")
    more = pack(tmp_path / "b.tar.zst", content, lambda tar: put(tar, "made-up/noise.csv", b"x"))
    refused(more, clone, r"it holds noise\.csv, which its manifest does not know")
    without = {name: data for name, data in content.items() if name != "archive/manifest.json"}
    refused(pack(tmp_path / "c.tar.zst", without), clone, "its manifest is missing")


# --- Malice


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("made-up/../../evil.csv", r"made-up/\.\./\.\./evil\.csv' points outside"),
        ("../evil.csv", "points outside"),
        ("/tmp/evil.csv", r"'/tmp/evil\.csv' is an absolute path"),
        ("made-up/logs/a\\..\\b", "points outside"),
        ("made-up/logs/./a", "points outside"),
        ("other/runs.csv", "does not belong into"),
        ("made-up/evil.py", "does not belong into"),
        ("made-up/runs.csv", "holds 'made-up/runs.csv' twice"),
        ("made-up/logs", "does not belong into"),
        ("made-up/runs.csv/a", "does not belong into"),
        ("made-up/logs/laws/laws.log/a", "both a file and a folder"),
    ],
)
def test_a_name_that_is_not_safe(content: dict, clone: Path, tmp_path: Path, name: str, message: str):
    refused(pack(tmp_path / "a.tar.zst", content, lambda tar: put(tar, name, b"x")), clone, message)
    assert not (tmp_path / "evil.csv").exists() and not Path("/tmp/evil.csv").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE]
)
def test_a_member_that_is_no_plain_file(content: dict, clone: Path, tmp_path: Path, kind: bytes):
    def add(tar: tarfile.TarFile) -> None:
        put(tar, "made-up/logs/evil", kind=kind, link="/etc/passwd")

    refused(
        pack(tmp_path / "a.tar.zst", content, add),
        clone,
        "'made-up/logs/evil' is a link, a device or no plain",
    )


@pytest.mark.parametrize("file", ["elsewhere/runs.csv", "results/../x", "/etc/passwd"])
def test_a_record_of_a_file_elsewhere(content: dict, clone: Path, tmp_path: Path, file: str):
    line = json.dumps({"file": file, "record": {}}).encode() + b"\n"
    changed = listed(content | {"archive/snakemake.jsonl": line})
    refused(
        pack(tmp_path / "a.tar.zst", changed), clone, r"line 1 of its archive/snakemake\.jsonl is not about"
    )


def test_an_archive_that_unpacks_to_more_than_it_says(content: dict, clone: Path, tmp_path: Path):
    huge = pack(tmp_path / "a.tar.zst", content, lambda tar: put(tar, "made-up/noise.csv", bytes(80 * 2**20)))
    assert huge.stat().st_size < 2**20
    refused(huge, clone, "it holds more bytes than it tells of")


def test_a_header_that_would_fill_the_memory(content: dict, clone: Path, tmp_path: Path):
    def add(tar: tarfile.TarFile) -> None:
        member = tarfile.TarInfo("made-up/noise.csv")
        member.pax_headers = {"comment": "x" * 2**23}
        tar.addfile(member)

    refused(pack(tmp_path / "a.tar.zst", content, add), clone, "something in it is longer than it can be")


# --- Where to


def test_results_that_are_there_are_never_touched(archive: Path, clone: Path):
    (clone / "results").mkdir()
    (clone / "results/runs.csv").write_text("mine")
    refused(archive, clone, r"results is not empty \(runs\.csv is there\)")


def test_no_folder_to_restore_into(archive: Path, clone: Path):
    with pytest.raises(ArchiveError, match="none is no folder"):
        restore(archive, clone / "none")
    assert not list(clone.iterdir())


def test_results_outside_of_the_clone_need_to_be_asked_for(tmp_path: Path, clone: Path):
    disk = tmp_path / "disk"
    place = Place(tmp_path / "place", results=str(disk / "results")).make()
    place.write()
    shutil.rmtree(place.results)
    with pytest.raises(
        ArchiveError, match=f"outside of the folder to restore into.* --results {disk}/results"
    ):
        restore(place.archive, clone)
    with pytest.raises(ArchiveError, match=f"its results folder was {disk}/results, .* not results"):
        restore(place.archive, clone, Path("results"))
    assert not (disk / "results").exists() and not list(clone.iterdir())
    assert restore(place.archive, clone, disk / "results").results == disk / "results"
    assert (disk / "results/runs.csv").exists()
    assert f"{disk}/results/runs.csv" in dict(records(clone))


def test_a_disk_that_is_too_small_is_seen_before_anything_is_written(
    archive: Path, clone: Path, monkeypatch: pytest.MonkeyPatch
):
    usage = namedtuple("usage", "total used free")(100, 90, 10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    refused(archive, clone, r"it holds 0 MiB, and .* free for .*results")


@pytest.mark.parametrize("at", [1, 20])
def test_a_disk_that_fills_up_leaves_nothing(
    archive: Path, clone: Path, monkeypatch: pytest.MonkeyPatch, at: int
):
    fail_at(monkeypatch, os, "utime", at, errno.ENOSPC)
    refused(archive, clone, "No space left on device")


@pytest.mark.parametrize(("function", "at"), [("replace", 2), ("rename", 3)])
def test_what_fails_halfway_into_place_is_taken_back(
    archive: Path, clone: Path, monkeypatch: pytest.MonkeyPatch, function: str, at: int
):
    fail_at(monkeypatch, place.os, function, at, errno.EIO)
    refused(archive, clone, "Input/output error")


def fail_at(monkeypatch: pytest.MonkeyPatch, module: object, name: str, at: int, code: int) -> None:
    original: Callable = getattr(module, name)
    calls = []

    def fail(*arguments: object, **options: object) -> object:
        calls.append(arguments)
        if len(calls) == at:
            raise OSError(code, os.strerror(code))
        return original(*arguments, **options)

    monkeypatch.setattr(module, name, fail)
