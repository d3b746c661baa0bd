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


rule mixture:
    input:
        model=rules.tokenizer.output.model,
        dictionary=rules.tokenizer.output.dictionary,
        text=lambda w: [
            training_text(corpus, language)
            for corpus, language, _ in STUDY.mixtures[w.mixture].components()
        ],
    output:
        manifest=SUBSETS / "mixtures/{mixture}/manifest.json",
        data=SUBSETS / "mixtures/{mixture}/train.bin",
        index=SUBSETS / "mixtures/{mixture}/train.idx",
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
        seed=STUDY.seed,
    message:
        "mix {wildcards.mixture}"
    script:
        "../scripts/subsets_mixture.py"
