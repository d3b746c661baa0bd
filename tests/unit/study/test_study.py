"""Every bad config is refused with the path of its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from downlaw.study import BASELINE, StudyError, load_study

ROOT = Path(__file__).resolve().parents[3]

PYPI = {
    "name": "wagtail",
    "version": "8.0.1",
    "sha256": "0" * 64,
    "extract": "gettext",
    "licence": "BSD-3-Clause",
}


def pypi(**changes):
    return {"source": "pypi", "kind": "parallel", "packages": [PYPI | changes]}


REFUSED = {
    "tokenizer text without a part": (
        {"tokenizer__text": ["mono"]},
        "tokenizer: text[0]: 'mono': write corpus.language or corpus.language-language",
    ),
    "tokenizer text twice": (
        {"tokenizer__text": ["mono.en", "mono.en"]},
        "tokenizer: text names a value twice",
    ),
    "tokenizer text of no corpus": (
        {"tokenizer__text": ["mono.en", "mon.de"]},
        "tokenizer.text[1]: no corpus is called 'mon' (did you mean 'mono'?)",
    ),
    "tokenizer text of one side": (
        {"tokenizer__text": ["pairs.en"]},
        "tokenizer.text[0]: corpus pairs is parallel; write pairs.language-language",
    ),
    "tokenizer text of two languages": (
        {"tokenizer__text": ["mono.de-en"]},
        "tokenizer.text[0]: corpus mono is monolingual",
    ),
    "tokenizer text in the other order": (
        {"tokenizer__text": ["pairs.en-de"]},
        "tokenizer.text[0]: corpus pairs has no en-de text; the languages of a pair are sorted",
    ),
    "tokenizer text in an unknown language": (
        {"tokenizer__text": ["mono.it"]},
        "tokenizer.text[0]: language 'it' is not in languages\ntokenizer.text[0]: corpus mono has no it text",
    ),
    "unknown key": (
        {"pretrain__learning_rat": 0.1},
        "pretrain.learning_rat: unknown key (did you mean 'learning_rate'?)",
    ),
    "unknown key at the top": ({"mixtres": {}}, "mixtres: unknown key (did you mean 'mixtures'?)"),
    "unknown key with nothing near": ({"pretrain__zzz": 1}, "pretrain.zzz: unknown key"),
    "unknown key of a named thing": (
        {"tasks__en-de__sorce": "en"},
        "tasks.en-de.sorce: unknown key (did you mean 'source'?)",
    ),
    "unknown key of a corpus": (
        {"corpora__mono__licnce": "MIT"},
        "corpora.mono.licnce: unknown key (did you mean 'licence'?)",
    ),
    "unknown key of a file": (
        {"corpora__mono__files": [{"language": "en", "pth": "a.txt", "path": "b.txt"}]},
        "corpora.mono.files[0].pth: unknown key (did you mean 'path'?)",
    ),
    "missing key": ({"finetune": {}}, "finetune.pairs: this key is missing"),
    "wrong type": (
        {"model__width": "wide"},
        "model.width: Input should be a valid integer, unable to parse string as an integer, found 'wide'",
    ),
    "wrong type in a list": (
        {"pretrain__tokens": [256, "many"]},
        "pretrain.tokens[1]: Input should be a valid integer",
    ),
    "a language that YAML reads as a boolean": (
        {"languages": ["en", "de", "fr", False]},
        "languages[3]: Input should be a valid string, found False",
    ),
    "a mapping where a list belongs": (
        {"finetune__seeds": {"one": 1}},
        "finetune.seeds: Input should be a valid list",
    ),
    "not positive": ({"finetune__updates": 0}, "finetune.updates: Input should be greater than 0, found 0"),
    "unknown choice": (
        {"pretrain__schedule": "cosine"},
        "pretrain.schedule: Input should be 'inverse_sqrt' or 'constant', found 'cosine'",
    ),
    "bad name": ({"study": "my study/1"}, "study: String should match pattern"),
    "shares that do not sum to 1": (
        {"mixtures__fr__shares": {"mono.fr": 0.5, "mono.en": 0.4}},
        "mixtures.fr: shares sum to 0.9, not 1",
    ),
    "a share above 1": (
        {"mixtures__fr__shares": {"mono.fr": 1.5}},
        "mixtures.fr.shares.mono.fr: Input should be less than or equal to 1",
    ),
    "a share without its language": (
        {"mixtures__fr__shares": {"mono": 1.0}},
        "mixtures.fr: shares.mono: write corpus.language",
    ),
    "an unknown language in a mixture": (
        {"languages": ["en", "de"]},
        "mixtures.fr.shares.mono.fr: language 'fr' is not in languages ['en', 'de']",
    ),
    "a language that the corpus does not hold": (
        {"languages": ["en", "de", "fr", "ro"], "mixtures__fr__shares": {"mono.ro": 1.0}},
        "mixtures.fr.shares.mono.ro: corpus mono has no text in 'ro'",
    ),
    "an unknown corpus in a mixture": (
        {"mixtures__fr__shares": {"mnoo.fr": 1.0}},
        "mixtures.fr.shares.mnoo.fr: no corpus is called 'mnoo' (did you mean 'mono'?)",
    ),
    "a parallel corpus in a mixture": (
        {"mixtures__fr__shares": {"pairs.en": 1.0}},
        "mixtures.fr.shares.pairs.en: corpus pairs is parallel; pretraining reads monolingual corpora",
    ),
    "the baseline's name for a mixture": (
        {f"mixtures__{BASELINE}": {"shares": {"mono.fr": 1.0}}},
        f"mixtures.{BASELINE}: this name is kept for the non-pretrained baseline",
    ),
    "a task that is called like a metric": (
        {"tasks": {"comet": {"source": "en", "target": "de", "corpus": "pairs"}}},
        "tasks.comet: this name is kept for what comet makes beside the tasks",
    ),
    "an unknown language in a task": (
        {"tasks__en-de__target": "ro"},
        "tasks.en-de.target: language 'ro' is not in languages ['en', 'de', 'fr']\n"
        "tasks.en-de.corpus: corpus pairs has no en-ro files",
    ),
    "an unknown corpus in a task": (
        {"tasks__en-de__corpus": "pair"},
        "tasks.en-de.corpus: no corpus is called 'pair' (did you mean 'pairs'?)",
    ),
    "a monolingual corpus in a task": (
        {"tasks__en-de__corpus": "mono"},
        "tasks.en-de.corpus: corpus mono is monolingual; a task needs a parallel one",
    ),
    "a pair that the corpus does not hold": (
        {"tasks__en-de__target": "fr"},
        "tasks.en-de.corpus: corpus pairs has no en-fr files",
    ),
    "a task within one language": (
        {"tasks__en-de__target": "en"},
        "tasks.en-de: source and target are the same language",
    ),
    "a Dp of less than one update": (
        {"pretrain__tokens": [63, 512]},
        "pretrain: tokens[0] = 63 is less than one update (64 tokens)",
    ),
    "two Dp of the same number of updates": (
        {"pretrain__tokens": [256, 300]},
        "pretrain: tokens[0] and tokens[1] are the same number of updates, of 64 tokens each",
    ),
    "a schedule without its warm-up": (
        {"pretrain__warmup_updates": 0},
        "pretrain: schedule: inverse_sqrt needs warmup_updates of at least 1",
    ),
    "falling Dp": ({"pretrain__tokens": [512, 256]}, "pretrain: tokens must rise: [512, 256]"),
    "no Dp": ({"pretrain__tokens": []}, "pretrain.tokens: List should have at least 1 item"),
    "falling Df": ({"finetune__pairs": [300, 100]}, "finetune: pairs must rise: [300, 100]"),
    "falling budgets": ({"laws": {"budgets": [4000, 2000]}}, "laws: budgets must rise: [4000, 2000]"),
    "a budget of nothing": (
        {"laws": {"budgets": [0]}},
        "laws.budgets[0]: Input should be greater than 0, found 0",
    ),
    "a target of an unknown metric": (
        {"laws": {"targets": {"blue": [5]}}},
        "laws.targets.blue: Input should be 'cross_entropy', 'bleu', 'chrf', 'rouge_l', 'comet' or",
    ),
    "a target that is no list": (
        {"laws": {"targets": {"bleu": 5}}},
        "laws.targets.bleu: Input should be a valid list, found 5",
    ),
    "an interval that holds everything": (
        {"laws": {"interval_level": 1}},
        "laws.interval_level: Input should be less than 1, found 1",
    ),
    "an unknown way to fit": (
        {"laws": {"method": "slow"}},
        "laws.method: Input should be 'fast' or 'paper', found 'slow'",
    ),
    "a rate twice": (
        {"finetune__learning_rates": [0.01, 0.01]},
        "finetune: learning_rates names a value twice: [0.01, 0.01]",
    ),
    "a finetuning seed twice": ({"finetune__seeds": [1, 1]}, "finetune: seeds names a value twice: [1, 1]"),
    "a pretraining seed twice": ({"pretrain__seeds": [2, 2]}, "pretrain: seeds names a value twice: [2, 2]"),
    "a language twice": (
        {"languages": ["en", "de", "fr", "en"]},
        "languages names a value twice: ['en', 'de', 'fr', 'en']",
    ),
    "a package twice": (
        {"corpora__ui": {**pypi(), "packages": [PYPI, PYPI | {"name": "Wagtail", "sha256": "1" * 64}]}},
        "corpora.ui: packages[1]: wagtail 8.0.1 is packages[0] already",
    ),
    "a file twice": (
        {
            "corpora__mono__files": [
                {"language": "en", "path": "a.txt"},
                {"language": "de", "path": "a.txt"},
                {"language": "en", "path": "./a.txt"},
            ]
        },
        "corpora.mono: files[2]: a.txt in en is files[0] already",
    ),
    "a table twice": (
        {"corpora__pairs__files": [{"languages": ["de", "en"], "tsv": "a.tsv"}] * 2},
        "corpora.pairs: files[1]: a.tsv is files[0] already",
    ),
    "a test corpus of no name": (
        {"tasks__en-de__test_corpus": "pair"},
        "tasks.en-de.test_corpus: no corpus is called 'pair' (did you mean 'pairs'?)",
    ),
    "a validation corpus of one language": (
        {"tasks__en-de__valid_corpus": "mono"},
        "tasks.en-de.valid_corpus: corpus mono is monolingual; a task needs a parallel one",
    ),
    "a test corpus in other languages": (
        {
            "corpora__wmt": {
                "source": "sacrebleu",
                "kind": "parallel",
                "sets": [{"name": "wmt16", "languages": ["en", "ro"], "licence": "x"}],
            },
            "tasks__en-de__test_corpus": "wmt",
        },
        "tasks.en-de.test_corpus: corpus wmt has no en-de text",
    ),
    "bad source": (
        {"corpora__mono__source": "web"},
        "corpora.mono: source must be one of debian, files, huggingface, mtdata, pypi, sacrebleu, and kind ",
    ),
    "bad kind": (
        {"corpora__mono__kind": "bilingual"},
        "corpora.mono: source must be one of debian, files, huggingface, mtdata, pypi, sacrebleu, and kind ",
    ),
    "an extractor of the other kind": (
        {"corpora__ui": pypi(extract="glosses", language="en")},
        "corpora.ui: package wagtail: extract: glosses does not give parallel text",
    ),
    "a glossary without a language": (
        {"corpora__ui": pypi(extract="glosses") | {"kind": "monolingual"}},
        "corpora.ui.packages[0]: extract: glosses needs language",
    ),
    "a catalog with a language": (
        {"corpora__ui": pypi(language="en")},
        "corpora.ui.packages[0]: extract: gettext takes no language",
    ),
    "a hash that is none": (
        {"corpora__ui": pypi(sha256="abc")},
        "corpora.ui.packages[0].sha256: String should match pattern",
    ),
    "two forms of a parallel file": (
        {"corpora__pairs__files": [{"languages": ["de", "en"], "tsv": "a", "sides": ["b", "c"]}]},
        "corpora.pairs.files[0]: give either tsv (one file) or sides (two files)",
    ),
    "bf16 on a CPU": (
        {"compute": {"precision": "bf16"}},
        "compute: precision: bf16 needs device: cuda (a CPU trains in fp32)",
    ),
    "heads that do not divide the width": (
        {"model__heads": 3},
        "model: width 16 is not a multiple of heads 3",
    ),
    "blocks longer than the model reads": (
        {"model__max_pieces": 16},
        "pretrain.block_pieces: 18 is more than model.max_pieces, 16",
    ),
    "nothing left to train on": (
        {"split": {"valid": 0.5, "test": 0.5}},
        "split: valid + test = 1 leaves nothing to train on",
    ),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_config_is_refused_with_the_path_of_its_key(changes, message, toy_config):
    with pytest.raises(StudyError) as refused:
        load_study(toy_config(**changes))
    for line, start in zip(str(refused.value).splitlines(), message.splitlines(), strict=True):
        assert line.startswith(start)


def test_all_problems_are_named_at_once(toy_config):
    with pytest.raises(StudyError) as refused:
        load_study(toy_config(model__width="wide", finetune__updates=-1, pretrian={}))
    assert {line.split(":")[0] for line in str(refused.value).splitlines()} == {
        "model.width",
        "finetune.updates",
        "pretrian",
    }


def test_a_corpus_may_be_called_as_a_source(toy_config):
    with pytest.raises(StudyError, match=r"^corpora\.pypi\.packages\[0\]\.versoin: unknown key"):
        load_study(toy_config(corpora__pypi=pypi(versoin="1")))


def test_a_mixture_may_be_called_as_a_source(toy_config):
    with pytest.raises(StudyError, match=r"^mixtures\.pypi\.shares: this key is missing"):
        load_study(toy_config(mixtures__pypi={}))


def test_a_long_value_is_shown_in_part(toy_config):
    with pytest.raises(StudyError) as refused:
        load_study(toy_config(model__width="w" * 500))
    assert str(refused.value).endswith("...") and len(str(refused.value)) < 200
