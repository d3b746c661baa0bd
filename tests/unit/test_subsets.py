from __future__ import annotations

import os
import shutil

import numpy as np
import pandas as pd
import pytest
from toy_mixtures import make_mixture

from downlaw import mixtures, pools, subsets
from downlaw.corpora import segments as segments_module
from downlaw.corpora.errors import CorpusError
from downlaw.corpora.mixing import SizeError
from downlaw.corpora.segments import Row, read_text, write_rows
from downlaw.corpora.tokenizer import EOS, Tokenizer
from downlaw.engine.mmap import read_dataset, write_dataset
from downlaw.engine.view import ViewError
from downlaw.files import read_json, sha256_of_file
from downlaw.mixtures import read_mixture


def write_mixture(toy, study, name, folder):
    return make_mixture(name, study, toy.text, toy.model, toy.dictionary, folder)


def write_task(toy, study, folder, text=None):
    return subsets.write_task("en-de", study, text or toy.pairs, toy.model, toy.dictionary, folder)


def listed(items):
    return [item.tolist() for item in items]


# --- Mixtures


def test_a_mixture_holds_exactly_the_tokens_of_its_manifest(toy):
    blocks = list(read_mixture(toy.mixture("en+de")))
    manifest = toy.manifest("en+de")
    assert {len(block) for block in blocks} == {16}
    assert manifest["tokens"] == sum(map(len, blocks)) == 16 * manifest["blocks"]
    assert manifest["blocks"] % 4 == 0  # whole updates
    assert sum(manifest["tokens_by_component"].values()) == manifest["tokens"]


def test_the_components_of_a_mixture_are_their_own_text_in_their_shares(toy):
    tokenizer = Tokenizer(toy.model)
    german = set(np.concatenate(tokenizer.encode(read_text(toy.text["mono", "de"], "de"))).tolist())
    english = set(np.concatenate(tokenizer.encode(read_text(toy.text["mono", "en"], "en"))).tolist())
    only = {"de": german - english, "en": english - german}
    blocks = list(read_mixture(toy.mixture("en+de")))
    languages = [max(only, key=lambda code: sum(i in only[code] for i in block)) for block in listed(blocks)]
    assert languages == ["en", "de"] * (len(blocks) // 2)


def test_a_mixture_uses_all_the_text_that_fits_its_shares(toy):
    manifest = toy.manifest("en+de")
    scarcest = min(manifest["tokens_available"].values())
    assert 2 * scarcest - manifest["tokens"] < 4 * 16
    assert manifest["tokens"] <= 2 * scarcest


def test_a_mixture_says_how_aligned_it_is_with_each_task(toy):
    assert toy.manifest("en+de")["tasks"] == {"en-de": {"holds": "both languages", "alignment_score": 1.0}}
    assert toy.manifest("fr")["tasks"] == {"en-de": {"holds": "neither", "alignment_score": 0.0}}


def test_the_same_mixture_is_written_to_the_byte(toy, toy_study, tmp_path):
    manifest = write_mixture(toy, toy_study(), "en+de", tmp_path)
    assert manifest == toy.manifest("en+de") == read_json(tmp_path / "manifest.json")
    view = read_mixture(tmp_path)
    write_dataset(tmp_path / "copy", view, view.type)
    for end in ("bin", "idx"):
        assert sha256_of_file(tmp_path / f"copy.{end}") == manifest["sha256"][end]
    assert (tmp_path / "dict.txt").read_bytes() == toy.dictionary.read_bytes()


def test_ten_mixtures_of_a_text_take_little_more_than_its_one_pool(toy, toy_study, tmp_path):
    study = toy_study()
    write_mixture(toy, study, "en+de", tmp_path / "one")
    made = [tmp_path / f"one/pools/mono.{name}.bin" for name in ("en-0", "de-1")]
    for number in range(10):
        again = mixtures.write_mixture("en+de", study, made, toy.dictionary, tmp_path / f"mixture{number}")
        assert again["sha256"] == toy.manifest("en+de")["sha256"]
    views = sum(path.stat().st_size for path in tmp_path.glob("mixture*/train.*"))
    assert views < sum(path.stat().st_size for path in made)


@pytest.mark.parametrize("harm", ["missing", "cut short"])
def test_a_pool_that_is_not_whole_is_named(toy, toy_study, tmp_path, harm):
    write_mixture(toy, toy_study(), "fr", tmp_path)
    pool = tmp_path / "pools/mono.fr-0.bin"
    size = pool.stat().st_size
    said = "is missing"
    if harm == "missing":
        pool.unlink()
    else:
        os.truncate(pool, size - 10)
        said = f"holds {size - 10:,} bytes where {size:,} were written"
    with pytest.raises(ViewError) as refused:
        read_mixture(tmp_path)
    assert str(refused.value) == f"{pool} {said}: delete it and run again to make it anew"


def test_tokenizing_in_shares_gives_the_same_pool(toy, toy_study, tmp_path):
    layout, table = toy_study().block_layout, tmp_path / "text.parquet"
    rows = [Row(f"d{i // 3}", (text,)) for i, text in enumerate(read_text(toy.text["mono", "fr"], "fr"))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments_module, "BATCH_ROWS", 50)
        write_rows(table, ("fr",), rows)
    for documents in (False, True):
        wanted = layout._replace(documents=documents)
        found = []
        for jobs in (1, 3):
            shares = [tmp_path / f"{documents}-{jobs}-{job}" for job in range(jobs)]
            for job, folder in enumerate(shares):
                pools.tokenize(table, "fr", toy.model, folder, (job, jobs))
            found.append(pools.write_pool(shares, wanted, 1, tmp_path / f"pool-{documents}-{jobs}"))
        assert found[0] == found[1] and found[0]["blocks"] > 100


@pytest.mark.parametrize("harm", ["missing", "cut short"])
def test_tokenized_text_that_is_not_whole_is_named(toy, toy_study, tmp_path, harm):
    pools.tokenize(toy.text["mono", "fr"], "fr", toy.model, tmp_path / "share")
    ids = tmp_path / "share/ids.bin"
    if harm == "missing":
        ids.unlink()
    else:
        os.truncate(ids, 100)
    with pytest.raises(
        CorpusError, match=rf"ids\.bin (is missing|holds 100 bytes).*: delete {tmp_path}/share"
    ):
        pools.write_pool([tmp_path / "share"], toy_study().block_layout, 1, tmp_path / "pool")
    assert not (tmp_path / "pool.bin").exists()


def test_another_seed_shuffles_otherwise(toy, toy_study, tmp_path):
    manifest = write_mixture(toy, toy_study(seed=2), "fr", tmp_path)
    assert manifest["tokens"] == toy.manifest("fr")["tokens"]
    assert manifest["sha256"]["bin"] != toy.manifest("fr")["sha256"]["bin"]


def test_a_limited_mixture_is_a_prefix_of_the_whole(toy, toy_study, tmp_path):
    manifest = write_mixture(toy, toy_study(mixtures__fr__max_tokens=1000), "fr", tmp_path)
    assert manifest["tokens"] == 960  # 15 updates of 64
    whole = list(read_mixture(toy.mixture("fr")))
    assert listed(list(read_mixture(tmp_path))) == listed(whole[:60])


def test_a_mixture_of_less_than_one_update_is_refused_with_its_key(toy, toy_study, tmp_path):
    study = toy_study(pretrain__blocks_per_update=10_000, pretrain__tokens=[160_000])
    with pytest.raises(SizeError, match=r"^mixtures\.fr: .* one update of 160,000 tokens"):
        write_mixture(toy, study, "fr", tmp_path)


# --- Tasks


def test_a_task_holds_pairs_with_end_marks_in_one_order(toy):
    tokenizer = Tokenizer(toy.model)
    frame = pd.read_parquet(toy.pairs["train"])
    known = dict(zip(frame["en"], frame["de"], strict=True))
    source, target = (read_dataset(toy.prepared / f"train.{side}") for side in ("source", "target"))
    assert len(source) == len(target) == 400
    assert all(item[-1] == EOS and EOS not in item[:-1] for item in [*source, *target])
    english = tokenizer.decode(listed(source))
    assert [known[line] for line in english] == tokenizer.decode(listed(target))
    assert english != list(frame["en"]) and sorted(english) == sorted(frame["en"])


def test_a_task_manifest_counts_what_it_holds(toy):
    for split, segments, available in (("train", 400, 400), ("valid", 20, 30), ("test", 30, 70)):
        said = read_json(toy.prepared / "manifest.json")["splits"][split]
        assert (said["segments"], said["available"], said["longer_than_limit"]) == (segments, available, 0)
        for side in ("source", "target"):
            items = read_dataset(toy.prepared / f"{split}.{side}")
            assert len(items) == segments
            assert said[f"{side}_tokens"] == sum(map(len, items))
            for end in ("bin", "idx"):
                assert said["sha256"][f"{side}.{end}"] == sha256_of_file(
                    toy.prepared / f"{split}.{side}.{end}"
                )


def test_the_text_of_the_test_set_is_the_text_of_its_ids(toy):
    tokenizer = Tokenizer(toy.model)
    for split, side in (("valid", "source"), ("test", "target")):
        lines = (toy.prepared / f"{split}.{side}.txt").read_text(encoding="utf-8").splitlines()
        assert lines == tokenizer.decode(listed(read_dataset(toy.prepared / f"{split}.{side}")))


def test_too_long_pairs_are_left_out_and_counted(toy, toy_study, tmp_path):
    lengths = [
        max(len(s), len(t))
        for s, t in zip(
            *(read_dataset(toy.prepared / f"train.{side}") for side in ("source", "target")), strict=True
        )
    ]
    limit = sorted(lengths)[200]
    study = toy_study(finetune__tokens_per_update=limit)
    train = write_task(toy, study, tmp_path)["splits"]["train"]
    assert train["limit_pieces"] == limit
    assert train["longer_than_limit"] == sum(length > limit for length in lengths) > 0
    assert train["segments"] + train["longer_than_limit"] == 400
    kept = read_dataset(tmp_path / "train.source")
    assert len(kept) == train["segments"] and max(map(len, kept)) <= limit


def test_the_same_task_is_written_to_the_byte(toy, toy_study, tmp_path):
    assert write_task(toy, toy_study(), tmp_path) == read_json(toy.prepared / "manifest.json")
    other = write_task(toy, toy_study(seed=2), tmp_path / "other")
    assert (
        other["splits"]["train"]["sha256"]
        != read_json(toy.prepared / "manifest.json")["splits"]["train"]["sha256"]
    )


def test_a_split_without_segments_is_refused_with_the_key(toy, toy_study, tmp_path):
    empty = tmp_path / "empty.parquet"
    pd.read_parquet(toy.pairs["test"]).iloc[:0].to_parquet(empty)
    with pytest.raises(SizeError, match=r"^tasks\.en-de\.corpus: pairs has no test segments for de-en"):
        write_task(toy, toy_study(), tmp_path / "task", {**toy.pairs, "test": empty})
    pairs = toy_study().corpora["pairs"].model_dump(mode="json")
    study = toy_study(corpora__news=pairs, **{"tasks__en-de__test_corpus": "news"})
    with pytest.raises(SizeError, match=r"^tasks\.en-de\.test_corpus: news has no test segments for de-en"):
        write_task(toy, study, tmp_path / "task", {**toy.pairs, "test": empty})


# --- Finetuning subsets


def test_a_smaller_subset_is_a_prefix_of_a_larger_one(toy):
    for language, side in (("en", "source"), ("de", "target")):
        small, large = (read_dataset(toy.subset(size) / f"train.en-de.{language}") for size in (100, 300))
        assert (len(small), len(large)) == (100, 300)
        assert listed(large[:100]) == listed(small)
        assert listed(read_dataset(toy.prepared / f"train.{side}")[:300]) == listed(large)


def test_a_subset_manifest_counts_and_names_its_files(toy):
    manifest = read_json(toy.subset(100) / "manifest.json")
    target = read_dataset(toy.subset(100) / "train.en-de.de")
    assert manifest["pairs"] == 100
    assert manifest["target_tokens"] == sum(map(len, target))
    assert len(manifest["sha256"]) == 8
    for name, sha256 in manifest["sha256"].items():
        assert sha256_of_file(toy.subset(100) / name) == sha256


def test_fairseq_loads_a_subset_as_translation(toy):
    from fairseq.tasks.translation import TranslationConfig, TranslationTask

    config = TranslationConfig(data=str(toy.subset(100)), source_lang="en", target_lang="de")
    config.dataset_impl = "mmap"
    task = TranslationTask.setup_task(config)
    for split, size in (("train", 100), ("valid", 20)):
        task.load_dataset(split)
        assert len(task.datasets[split]) == size
    source = read_dataset(toy.subset(100) / "train.en-de.en")
    assert task.datasets["train"][3]["source"].tolist() == source[3].tolist()


# --- Sizes


def sizes(study, mixture_tokens, training_pairs):
    mixtures = {name: {"tokens": tokens} for name, tokens in mixture_tokens.items()}
    return subsets.check_sizes(
        study, mixtures, {"en-de": {"splits": {"train": {"segments": training_pairs}}}}
    )


def test_sizes_that_fit_are_said(toy_study):
    assert sizes(toy_study(), {"en+de": 512, "fr": 2048}, 300) == {
        "epochs_at_largest_dp": {"en+de": 1.0, "fr": 0.25},
        "training_pairs": {"en-de": 300},
    }


def test_every_size_that_does_not_fit_is_named_by_its_key(toy_study):
    with pytest.raises(SizeError) as refused:
        sizes(toy_study(), {"en+de": 511, "fr": 100}, 99)
    starts = [
        "pretrain.tokens[0]: 256 tokens are asked for, mixture fr holds 100;",
        "pretrain.tokens[1]: 512 tokens are asked for, mixture en+de holds 511;",
        "pretrain.tokens[1]: 512 tokens are asked for, mixture fr holds 100;",
        "finetune.pairs[0]: 100 pairs are asked for, task en-de has 99 training pairs in corpus pairs;",
        "finetune.pairs[1]: 300 pairs are asked for, task en-de has 99 training pairs in corpus pairs;",
    ]
    for line, start in zip(str(refused.value).splitlines(), starts, strict=True):
        assert line.startswith(start)


def test_repeats_are_allowed_where_the_study_says_so_and_epochs_are_said(toy_study):
    found = sizes(toy_study(pretrain__allow_repeats=True), {"en+de": 128, "fr": 512}, 300)
    assert found["epochs_at_largest_dp"] == {"en+de": 4.0, "fr": 1.0}


def test_repeats_of_text_do_not_allow_too_many_pairs(toy_study):
    with pytest.raises(SizeError, match=r"^finetune\.pairs\[1\]: 300 pairs"):
        sizes(toy_study(pretrain__allow_repeats=True), {"en+de": 128, "fr": 512}, 299)


def test_a_mixture_is_written_anew_over_an_earlier_one(toy, toy_study, tmp_path):
    shutil.copytree(toy.mixture("fr"), tmp_path, dirs_exist_ok=True)
    write_mixture(toy, toy_study(mixtures__fr__max_tokens=640), "fr", tmp_path)
    assert len(list(read_mixture(tmp_path))) == 40
