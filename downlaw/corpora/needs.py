"""Which parts of which corpora a study needs, and what they are made from."""

from __future__ import annotations

from pathlib import Path

from downlaw.study import Study
from downlaw.study.text import Corpus, PinnedWheel, PypiCorpus, PypiPackage

from .errors import CorpusError
from .sources.files import files_of, paths_of
from .sources.pypi import wheel_name


def test_parts(study: Study) -> list[tuple[str, str]]:
    """(corpus, language pair) of every task, sorted: their test text is held out of everything."""
    return sorted({(task.corpus, task.part) for task in study.tasks.values()})


def parts(study: Study) -> list[tuple[str, str]]:
    """(corpus, part) of everything that the study reads, sorted."""
    components = [mixture.components() for mixture in study.mixtures.values()]
    read = {(corpus, language) for component in components for corpus, language, _ in component}
    return sorted(read.union(test_parts(study)))


def packages_of(corpus: Corpus, part: str) -> list[PypiPackage]:
    """The packages that can have text of `part`; none for a corpus of files."""
    if not isinstance(corpus, PypiCorpus):
        return []
    return [package for package in corpus.packages if package.language in (None, *part.split("-"))]


def sources_of(study: Study, corpus: str, part: str, wheels: Path) -> list[Path]:
    """The files that `part` of a corpus is made from: wheels in the folder `wheels`, or the user's own."""
    section = study.corpora[corpus]
    if isinstance(section, PypiCorpus):
        return [wheels / wheel_name(package) for package in packages_of(section, part)]
    return [path for _, file in files_of(section, part) for path in paths_of(file)]


def identity(study: Study, corpus: str, part: str) -> dict[str, object]:
    """The parts of the study file that decide what `part` of a corpus holds before decontamination."""
    section = study.corpora[corpus]
    if isinstance(section, PypiCorpus):
        text = [package.model_dump() for package in packages_of(section, part)]
    else:
        text = [file.model_dump(mode="json") for _, file in files_of(section, part)]
        text.append({"licence": section.licence, "document_lines": section.document_lines})
    return {
        "text": text,
        "cleaning": study.cleaning.model_dump(),
        "split": study.split.model_dump(),
        "seed": study.seed,
        "languages": sorted(study.languages),
    }


def find_package(study: Study, wheel: str) -> tuple[str, PinnedWheel]:
    """The config key and the package whose wheel is kept as `wheel`: of a corpus, or of an encoder.

    Raises:
        CorpusError: where the study names none.
    """
    for name, corpus in study.corpora.items():
        for index, package in enumerate(corpus.packages if isinstance(corpus, PypiCorpus) else ()):
            if wheel_name(package) == wheel:
                return f"corpora.{name}.packages[{index}]", package
    comet = study.evaluate.comet_local
    if comet and comet.variant == "e5" and wheel_name(comet.wheel) == wheel:
        return "evaluate.comet_local.wheel", comet.wheel
    raise CorpusError(f"corpora: no package is kept as {wheel}")


def missing_files(study: Study, parts: list[tuple[str, str]]) -> list[str]:
    """One line for each file of the user that `parts` need and that is not there, with its config key."""
    return [
        f"corpora.{corpus}.files[{index}]: no such file: {path}"
        for corpus, part in parts
        if not isinstance(section := study.corpora[corpus], PypiCorpus)
        for index, file in files_of(section, part)
        for path in paths_of(file)
        if not path.is_file()
    ]
