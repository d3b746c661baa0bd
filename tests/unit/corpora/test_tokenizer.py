from __future__ import annotations

import numpy as np
import pytest

from downlaw.corpora.segments import Row, read_text, write_rows
from downlaw.corpora.tokenizer import (
    BOS,
    EOS,
    MASK,
    PAD,
    UNKNOWN,
    Tokenizer,
    TokenizerError,
    sample,
    train_tokenizer,
)
from downlaw.study.text import Tokenizer as Config


@pytest.fixture(scope="module")
def dictionary(toy):
    from fairseq.data import Dictionary

    return Dictionary.load(str(toy.dictionary))


@pytest.fixture
def text(toy):
    return {language: read_text(path, language) for (_, language), path in toy.text.items()}


def learn(text, config, folder, seed=1):
    train_tokenizer(text, config, seed, folder / "spm.model", folder / "dict.txt")
    return (folder / "spm.model").read_bytes(), (folder / "dict.txt").read_bytes()


def test_every_piece_has_the_id_that_fairseq_gives_it(toy, dictionary):
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(toy.model))
    tokenizer = Tokenizer(toy.model)
    assert tokenizer.vocabulary == len(dictionary) == 200
    for number in range(1, processor.get_piece_size()):
        piece = processor.id_to_piece(number)
        assert dictionary.index(piece) == number + 3
        assert dictionary[number + 3] == piece
    assert tokenizer.pieces() == [dictionary[i] for i in range(4, 199)]


def test_encoded_text_reads_the_same_in_fairseq(toy, dictionary, text):
    tokenizer = Tokenizer(toy.model)
    for line, ids in zip(text["de"][:50], tokenizer.encode(text["de"][:50]), strict=True):
        assert dictionary.string(ids.tolist(), bpe_symbol="sentencepiece") == line
        assert ids.dtype == np.int32


def test_special_symbols_have_the_ids_that_fairseq_gives_them(dictionary):
    assert (dictionary.bos(), dictionary.pad(), dictionary.eos(), dictionary.unk()) == (
        BOS,
        PAD,
        EOS,
        UNKNOWN,
    )


def test_the_mask_is_the_last_id_and_the_one_that_denoising_uses(toy):
    from fairseq.tasks.denoising import DenoisingConfig, DenoisingTask

    task = DenoisingTask.setup_task(DenoisingConfig(data=str(toy.mixture("fr"))))
    assert task.mask_idx == task.dictionary.index(MASK) == 199
    assert len(task.dictionary) == 200  # the task added nothing


def test_text_survives_encoding_and_decoding(toy, text):
    tokenizer = Tokenizer(toy.model)
    for language, lines in text.items():
        ids = tokenizer.encode(lines)
        assert tokenizer.decode([sentence.tolist() for sentence in ids]) == lines, language


def test_decoding_leaves_out_special_symbols(toy):
    tokenizer = Tokenizer(toy.model)
    ids = tokenizer.encode(["Bababa dudadi."])[0].tolist()
    assert tokenizer.decode([[BOS, *ids[:2], 199, *ids[2:], EOS, PAD], [], [EOS]]) == [
        "Bababa dudadi.",
        "",
        "",
    ]


def test_an_unknown_character_gets_the_unknown_id(toy):
    tokenizer = Tokenizer(toy.model)
    ids = tokenizer.encode(["ba 象 ba"])[0].tolist()
    assert UNKNOWN in ids
    assert "⁇" in tokenizer.decode([ids])[0]


def test_the_same_text_gives_the_same_bytes(toy, text, tmp_path):
    config = Config(vocabulary=150, sentences_per_language=200)
    first = learn(text, config, tmp_path / "a")
    assert learn(text, config, tmp_path / "b") == first
    assert learn(text, config, tmp_path / "c", seed=2) != first  # other sentences are drawn


def test_a_sample_of_tables_is_what_would_be_drawn_from_all_their_text(text, toy, tmp_path):
    paths = [toy.text["mono", "en"], tmp_path / "more.parquet"]
    write_rows(paths[1], ("en",), [Row("d", (line,)) for line in text["de"]])
    lines = text["en"] + text["de"]
    assert sample(paths, "en", 10**6, 1) == lines
    drawn = sample(paths, "en", 100, 3)
    assert len(set(drawn)) == 100 and drawn == sorted(drawn, key=lines.index)
    config = Config(vocabulary=150, sentences_per_language=100)
    assert learn({"en": drawn}, config, tmp_path / "a") == learn(
        {"en": lines}, config, tmp_path / "b", seed=3
    )


def test_text_that_looks_like_special_symbols_gives_no_duplicates(text, tmp_path):
    from fairseq.data import Dictionary

    lines = [f"{line} <s> <mask> </s> <pad> <unk>" for line in text["en"]]
    learn({"en": lines}, Config(vocabulary=120), tmp_path)
    tokenizer, dictionary = Tokenizer(tmp_path / "spm.model"), Dictionary.load(str(tmp_path / "dict.txt"))
    assert [dictionary[i] for i in range(4, len(dictionary))] == [*tokenizer.pieces(), MASK]
    assert set(np.concatenate(tokenizer.encode(lines))).isdisjoint({BOS, PAD, EOS, 119})


def test_too_large_a_vocabulary_is_refused_with_its_key(text, tmp_path):
    with pytest.raises(
        TokenizerError, match=r"^tokenizer\.vocabulary: 5000 pieces .* 40 sentences; ask for fewer"
    ):
        learn({"en": text["en"][:20], "de": text["de"][:20]}, Config(vocabulary=5000), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_vocabulary_smaller_than_the_alphabet_is_refused_with_its_key(tmp_path):
    lines = ["".join(map(chr, range(0x4E00 + 50 * row, 0x4E00 + 50 * row + 50))) for row in range(20)]
    with pytest.raises(TokenizerError, match=r"^tokenizer\.vocabulary: 100 pieces .*; ask for more"):
        learn({"zh": lines}, Config(vocabulary=100, character_coverage=1.0), tmp_path)


@pytest.mark.parametrize("text", [{}, {"en": []}, {"en": [""]}])
def test_no_text_at_all_is_refused_with_the_key(text, tmp_path):
    with pytest.raises(TokenizerError, match=r"^tokenizer\.vocabulary: "):
        learn(text, Config(vocabulary=100), tmp_path)
