TESTS = needs.test_parts(STUDY)
HELD_APART = ("train", "valid", "test")

if missing := needs.missing_text(STUDY, RESULTS):
    sys.exit("the study cannot run:\n" + "\n".join(missing))


rule fetch:
    output:
        FETCHED / "{artifact}",
    log:
        RESULTS / "logs/fetch/{artifact}.log",
    benchmark:
        RESULTS / "benchmarks/fetch/{artifact}.tsv"
    wildcard_constraints:
        artifact=r"[^/]+",
    localrule: True
    conda:
        "../envs/downlaw.yaml"
    params:
        entry=lambda w: needs.find_artifact(STUDY, w.artifact).entry.model_dump(
            mode="json"
        ),
    message:
        "fetch {wildcards.artifact}"
    script:
        "../scripts/corpora_fetch.py"


# Where a corpus is cleaned in one job, `split_corpus` does it too.
rule clean_corpus:
    input:
        lambda w: needs.sources_of(STUDY, w.corpus, w.part, FETCHED),
    output:
        rows=CLEANED / "rows.parquet",
        documents=CLEANED / "documents.parquet",
        examples=CLEANED / "examples.json",
        record=CLEANED / "cleaned.json",
    log:
        RESULTS / "logs/clean_corpus/{corpus}-{part}-{job}.log",
    benchmark:
        RESULTS / "benchmarks/clean_corpus/{corpus}-{part}-{job}.tsv"
    wildcard_constraints:
        corpus=r"[^/]+",
        part=r"[a-z]+(-[a-z]+)?",
        job=r"\d+",
    conda:
        "../envs/downlaw.yaml"
    threads: 1
    resources:
        **asked("corpora"),
    params:
        identity=lambda w: needs.identity(STUDY, w.corpus, w.part),
        jobs=lambda w: jobs_of(w.corpus),
    message:
        "clean {wildcards.corpus}/{wildcards.part}, share {wildcards.job}"
    script:
        "../scripts/corpora_clean.py"


rule split_corpus:
    input:
        unpack(text_to_split),
    output:
        text=expand(
            CORPORA / "{{corpus}}/{{part}}/split/{split}.parquet", split=HELD_APART
        ),
        examples=CORPORA / "{corpus}/{part}/split/examples.json",
        record=CORPORA / "{corpus}/{part}/split/split.json",
        signatures=[
            CORPORA / f"{{corpus}}/{{part}}/split/signatures.{end}"
            for end in ("u32", "json")
            if STUDY.cleaning.near_duplicates
        ],
    log:
        RESULTS / "logs/split_corpus/{corpus}-{part}.log",
    benchmark:
        RESULTS / "benchmarks/split_corpus/{corpus}-{part}.tsv"
    wildcard_constraints:
        corpus=r"[^/]+",
        part=r"[a-z]+(-[a-z]+)?",
    conda:
        "../envs/downlaw.yaml"
    threads: 1
    resources:
        **asked("corpora"),
    params:
        identity=lambda w: needs.identity(STUDY, w.corpus, w.part),
    message:
        "split {wildcards.corpus}/{wildcards.part}"
    script:
        "../scripts/corpora_split.py"


# Test text of every task is kept out of every training text, monolingual text too.
rule decontaminate_corpus:
    input:
        text=rules.split_corpus.output.text,
        record=rules.split_corpus.output.record,
        examples=rules.split_corpus.output.examples,
        tests=[
            CORPORA / f"{corpus}/{part}/split/test.parquet" for corpus, part in TESTS
        ],
    output:
        text=expand(CORPORA / "{{corpus}}/{{part}}/{split}.parquet", split=HELD_APART),
        manifest=CORPORA / "{corpus}/{part}/manifest.json",
        examples=CORPORA / "{corpus}/{part}/examples.html",
    log:
        RESULTS / "logs/decontaminate_corpus/{corpus}-{part}.log",
    benchmark:
        RESULTS / "benchmarks/decontaminate_corpus/{corpus}-{part}.tsv"
    wildcard_constraints:
        corpus=r"[^/]+",
        part=r"[a-z]+(-[a-z]+)?",
    conda:
        "../envs/downlaw.yaml"
    threads: 1
    resources:
        **asked("corpora"),
    params:
        **({} if STUDY.decontaminate else {"left": ["train"]}),
        tests=["/".join(names) for names in TESTS],
        seed=STUDY.seed,
    message:
        "keep test text out of {wildcards.corpus}/{wildcards.part}"
    script:
        "../scripts/corpora_decontaminate.py"
