"""`downlaw restore`: a finished study out of one file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from downlaw.report.archive import ArchiveError, Restored
from downlaw.report.archive import restore as restore_archive

from .errors import CommandError, note


def restore(
    archive: Annotated[Path, typer.Argument(help="What `snakemake archive` wrote: a .tar.zst file.")],
    into: Annotated[
        Path, typer.Option(help="The clone of downlaw to restore into, with no results yet.")
    ] = Path(),
    results: Annotated[
        Path | None,
        typer.Option(help="Where the results lay, if that is outside of the clone; they can only go there."),
    ] = None,
) -> None:
    """Restore an archived study, after every hash was verified, so that Snakemake finds it done.

    Example: downlaw restore results.tar.zst
    """
    try:
        restored = restore_archive(archive, into, results, lambda line: print(line, file=sys.stderr))
    except ArchiveError as error:
        raise CommandError(str(error)) from None
    _tell(restored)


def _tell(restored: Restored) -> None:
    size = f"{restored.files:,} files, {restored.bytes / 2**20:,.1f} MiB"
    print(f"{restored.study}: {size}, in {restored.results}; every hash is right")
    print(f"archived by downlaw {restored.made_by}")
    for kind, counted in restored.left_out.items():
        size = f"{counted['files']:,} files, {counted['bytes'] / 2**20:,.1f} MiB"
        print(f"left out of the archive: {kind}, {size}")
    if restored.checkpoints != "none":
        note("checkpoints are programs: run the study on only if you trust who made this archive")
    command = "snakemake --cores all"
    if restored.configfile != Path("config.yaml"):
        command += f" --configfile {restored.configfile}"
    print(f"it is done by this study file: {restored.configfile}")
    print(f"see that nothing is to be done: {command} --dry-run")
