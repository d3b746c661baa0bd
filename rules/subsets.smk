TOKENIZER_TEXT = needs.tokenizer_parts(STUDY)
BLOCKS = (
    [STUDY.pretrain.block_pieces, STUDY.pretrain.blocks_per_update]
    if STUDY.track == "transfer"
    else list(STUDY.block_layout)
)


rule tokenizer:
    input:
        [training_text(corpus, part) for corpus, part, _ in TOKENIZER_TEXT],
    output:
        model=TOKENIZER / "sentencepiece.model",
        dictionary=TOKENIZER / "dict.txt",
    log:
        RESULTS / "logs/tokenizer/tokenizer.log",
    benchmark:
        RESULTS / "benchmarks/tokenizer/tokenizer.tsv"
    conda:
        "../envs/downlaw.yaml"
    resources:
        **asked("subsets"),
    params:
        languages=[language for *_, language in TOKENIZER_TEXT],
        tokenizer=STUDY.tokenizer.model_dump(exclude={"text"}),
        seed=STUDY.seed,
    message:
        "learn the tokenizer"
    script:
        "../scripts/subsets_tokenizer.py"


rule tokenize:
    input:
        model=rules.tokenizer.output.model,
        text=lambda w: training_text(w.corpus, w.language),
    output:
        SUBSETS / "tokens/{corpus}.{language}/{job}/tokens.json",
    log:
        RESULTS / "logs/tokenize/{corpus}.{language}-{job}.log",
    benchmark:
        RESULTS / "benchmarks/tokenize/{corpus}.{language}-{job}.tsv"
    wildcard_constraints:
        corpus=r"[^/.]+",
        language="[a-z]+",
        job=r"\d+",
    conda:
        "../envs/downlaw.yaml"
    resources:
        **asked("subsets"),
    params:
        jobs=lambda w: jobs_of(w.corpus),
    message:
        "tokenize {wildcards.corpus}.{wildcards.language}, share {wildcards.job}"
    script:
        "../scripts/subsets_tokenize.py"


rule pool:
    input:
        model=rules.tokenizer.output.model,
        text=lambda w: training_text(w.corpus, w.language),
        tokens=tokens_of,
    output:
        blocks=POOLS / "{corpus}.{language}-{position}.bin",
        record=POOLS / "{corpus}.{language}-{position}.json",
    log:
        RESULTS / "logs/pool/{corpus}.{language}-{position}.log",
    benchmark:
        RESULTS / "benchmarks/pool/{corpus}.{language}-{position}.tsv"
    wildcard_constraints:
        corpus=r"[^/.]+",
        language="[a-z]+",
        position=r"\d+",
    conda:
        "../envs/downlaw.yaml"
    resources:
        **asked("subsets"),
    params:
        blocks=BLOCKS,
        seed=STUDY.seed,
    message:
        "shuffle {wildcards.corpus}.{wildcards.language}"
    script:
        "../scripts/subsets_pool.py"


rule mixture:
    input:
        dictionary=rules.tokenizer.output.dictionary,
        pools=lambda w: pools_of(w.mixture),
    output:
        manifest=SUBSETS / "mixtures/{mixture}/manifest.json",
        view=SUBSETS / "mixtures/{mixture}/train.view.json",
        order=SUBSETS / "mixtures/{mixture}/train.order.npy",
        dictionary=SUBSETS / "mixtures/{mixture}/dict.txt",
    log:
        RESULTS / "logs/mixture/{mixture}.log",
    benchmark:
        RESULTS / "benchmarks/mixture/{mixture}.tsv"
    conda:
        "../envs/downlaw.yaml"
    resources:
        **asked("subsets"),
    params:
        mixture=lambda w: STUDY.mixtures[w.mixture].model_dump(),
        blocks=BLOCKS,
        directions={
            name: [t.source, t.target]
            for name, t in (STUDY.tasks.items() if STUDY.track == "transfer" else ())
        },
    message:
        "mix {wildcards.mixture}"
    script:
        "../scripts/subsets_mixture.py"
