"""Data files of a dataset of the Hugging Face hub at one commit: their list, and the records in them."""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any

import zstandard

from downlaw.files import digest, read_json, write_json
from downlaw.study.sources.huggingface import HubShard

from ..errors import CorpusError
from . import download

_PARQUET_BLOCK = 8 << 20


@dataclass(frozen=True)
class HubFile:
    """A data file: its path in the dataset, bytes, and the SHA-256 that the hub keeps of a large file."""

    path: str
    size: int
    sha256: str | None


def endpoint() -> str | None:
    """The hub that `HF_ENDPOINT` names now; None is Hugging Face's own."""
    return os.environ.get("HF_ENDPOINT") or None


def data_files(shard: HubShard, key: str, folder: Path) -> list[HubFile]:
    """The data files that one shard reads, in the order of their names.

    The list of all shards' files is kept in `folder`: a commit does not change.

    Raises:
        CorpusError: where the hub cannot be reached or has no such dataset, commit or file.
    """
    pin = [shard.dataset, shard.revision, shard.files]
    kept = folder / f".hub-{digest(pin)}.json"
    if kept.is_file():
        found = [HubFile(**each) for each in read_json(kept)]
    else:
        found = sorted(_listed(shard, key), key=lambda file: file.path)
        write_json(kept, [asdict(file) for file in found])
    if not found:
        raise CorpusError(f"{key}.files: {shard.dataset} has no {shard.files} at {shard.revision[:12]}")
    return found[shard.shard :: shard.shards]


def _listed(shard: HubShard, key: str) -> list[HubFile]:
    from huggingface_hub import HfApi, errors
    from huggingface_hub.hf_api import RepoFile

    parts = shard.files.split("/")
    plain = next(i for i, part in enumerate([*parts[:-1], "*"]) if set(part) & set("*?["))
    where, name = endpoint(), shard.dataset
    for wait in [*download.PATIENCE, None]:
        try:
            tree = HfApi(endpoint=where).list_repo_tree(
                name,
                "/".join(parts[:plain]) or None,
                recursive=plain < len(parts) - 1,
                revision=shard.revision,
                repo_type="dataset",
            )
            return [
                HubFile(each.path, each.size, each.lfs.sha256 if each.lfs else None)
                for each in tree
                if isinstance(each, RepoFile) and _fits(each.path.split("/"), parts)
            ]
        except errors.GatedRepoError:
            raise CorpusError(
                f"{key}: {name} is gated: accept its terms with your account, then set HF_TOKEN"
            ) from None
        except errors.RevisionNotFoundError:
            raise CorpusError(f"{key}.revision: {name} has no commit {shard.revision}") from None
        except errors.RepositoryNotFoundError:
            raise CorpusError(
                f"{key}.dataset: the hub has no dataset {name}, or does not show it to you: check the name; "
                "if it is private, set HF_TOKEN"
            ) from None
        except errors.EntryNotFoundError:
            return []
        except OSError as error:  # those of requests among them; their text may hold signed addresses
            why = _why_again(error, key, name)
            if wait is None:
                raise download.given_up(key, f"{name}: {where or 'the Hugging Face hub'}", why) from None
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def _why_again(error: OSError, key: str, what: str) -> str:
    """What kept the hub from answering; raises where it would be no other the next time."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status and (refused := download.refusal(status, key, what)):
        raise refused from None
    return f"answers {status}" if status else f"cannot be reached ({type(error).__name__})"


def _fits(path: list[str], pattern: list[str]) -> bool:
    return len(path) == len(pattern) and all(map(fnmatchcase, path, pattern))


def records(shard: HubShard, file: HubFile, start: int, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row, record) of a data file from row `start` on, rows counted from 0.

    A file that is read to its end, from its first byte, is compared with the hub's hash.

    Raises:
        CorpusError: where the hub stops for good, or the file is damaged.
    """
    if file.path.endswith(".parquet"):
        yield from _parquet_records(shard, file, start, key)
        return
    hasher = hashlib.sha256()
    what = f"{shard.dataset}/{file.path}"
    row = -1
    try:
        for row, line in enumerate(_lines(_decompressed(_bytes(shard, file, hasher, key), file.path))):
            if row >= start and line.strip():
                yield row, _record(line, f"{what}: line {row + 1}", key)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise Damaged(f"{key}: {what}: damaged after line {row + 1}: {error}; run again") from None
    if file.sha256 and hasher.hexdigest() != file.sha256:
        raise Damaged(f"{key}: {what}: its hash is not the hub's, {file.sha256}; run again")


class Damaged(CorpusError):
    """A data file that is not what the hub says: nothing that was read of it counts."""


def _record(line: bytes, where: str, key: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise CorpusError(f"{key}: {where}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise CorpusError(f"{key}: {where}: a record must be a JSON object")
    return found


def _bytes(shard: HubShard, file: HubFile, hasher: Any, key: str) -> Iterator[bytes]:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers, get_session

    url = hf_hub_url(
        shard.dataset, file.path, repo_type="dataset", revision=shard.revision, endpoint=endpoint()
    )
    got = 0
    what = f"{shard.dataset}/{file.path}"
    for chunk in download.stream(
        url, key, what, headers=build_hf_headers(), session=get_session(), can_change=False
    ):
        hasher.update(chunk)
        got += len(chunk)
        yield chunk
    if got != file.size:
        raise Damaged(f"{key}: {what}: {got:,} bytes came where the hub lists {file.size:,}; run again")


def _decompressed(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Plain bytes of a `.gz` or `.zst` file, of one member or several, or of any other as it is."""
    if name.endswith(".gz"):
        new = lambda: zlib.decompressobj(31)  # noqa: E731
    elif name.endswith(".zst"):
        new = lambda: zstandard.ZstdDecompressor().decompressobj()  # noqa: E731
    else:
        yield from chunks
        return
    member = None
    for chunk in chunks:
        while chunk:
            member = member or new()
            yield member.decompress(chunk)
            chunk = member.unused_data
            if member.eof:
                member = None
    if member is not None:
        raise EOFError("the file ends within its compressed text")


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest: list[bytes] = []
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        rest.append(first)
        if others:
            yield b"".join(rest)
            yield from others[:-1]
            rest = [others[-1]]
    if last := b"".join(rest):
        yield last


def _parquet_records(
    shard: HubShard, file: HubFile, start: int, key: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from huggingface_hub import HfFileSystem

    path, what = f"datasets/{shard.dataset}@{shard.revision}/{file.path}", f"{shard.dataset}/{file.path}"
    wanted = [shard.text, *([shard.document] if shard.document else [])]
    position, tries = start, 0
    while True:
        before = position
        try:
            system = HfFileSystem(endpoint=endpoint(), skip_instance_cache=True)
            with (
                system.open(path, "rb", block_size=_PARQUET_BLOCK) as stream,
                pq.ParquetFile(stream, pre_buffer=False) as table,
            ):
                columns = [name for name in wanted if name in table.schema_arrow.names]
                groups, first = _groups_from(table, position)
                batches = table.iter_batches(1024, row_groups=groups, columns=columns, use_threads=False)
                found = (record for batch in batches for record in batch.to_pylist())
                for row, record in enumerate(islice(found, position - first, None), position):
                    yield row, record
                    position = row + 1
                return
        except pa.ArrowInvalid as error:
            raise Damaged(f"{key}: {what}: not a whole parquet file: {error}") from None
        except OSError as error:
            why = _why_again(error, key, what)
            tries = 0 if position > before else tries
            if tries == len(download.PATIENCE):
                raise download.given_up(key, what, f"the hub {why}") from None
            time.sleep(download.PATIENCE[tries])
            tries += 1


def _groups_from(table: Any, row: int) -> tuple[list[int], int]:
    """The row groups from the one that holds `row` on, and the number of its first row."""
    first = 0
    for group in range(table.num_row_groups):
        rows = table.metadata.row_group(group).num_rows
        if row < first + rows:
            return list(range(group, table.num_row_groups)), first
        first += rows
    return [], row
