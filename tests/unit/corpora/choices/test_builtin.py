from __future__ import annotations

import random
from functools import partial

import numpy as np
import pytest
import toy_text
from scipy.stats import chisquare

from downlaw.corpora.choices.builtin import _blanks, cloze, continuation, gloss, translation
from downlaw.corpora.choices.item import ChoicesError, Item
from downlaw.corpora.segments import Row

KEY = "evaluate.tasks.toy"


def toy_rows(count: int = 1000, seed: int = 3) -> list[Row]:
    """German and English sentences of the toy grammar."""
    generator = random.Random(seed)
    meanings = [toy_text.meaning(generator) for _ in range(count)]
    return [
        Row("d", tuple(toy_text.sentence(language, meaning) for language in ("de", "en")))
        for meaning in meanings
    ]


def uneven_rows(count: int = 1000, seed: int = 4) -> list[Row]:
    """Texts of 2 to 24 words of 1 to 12 letters, frequent and rare; their document is a headword."""
    generator = random.Random(seed)
    words = ["".join(generator.choices("abcdefgh", k=generator.randint(1, 12))) for _ in range(700)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    rows = []
    for number in range(count):
        sides = [" ".join(generator.choices(words, weights, k=generator.randint(2, 24))) for _ in "ab"]
        rows.append(Row("p/" + "".join("qrstuvwxyz"[int(c)] for c in f"{number:05d}"), tuple(sides)))
    return rows


TASKS = {
    "continuation": continuation,
    "cloze": cloze,
    "gloss": gloss,
    "translation": lambda rows, **given: translation(rows, 0, 1, **given),
}
TEXTS = {"toy": toy_rows(), "uneven": uneven_rows()}
MADE = [(task, text) for task in TASKS for text in TEXTS if (task, text) != ("gloss", "toy")]


def make(task: str, text: str, **changes) -> list[Item]:
    return TASKS[task](TEXTS[text], **{"seed": 1, "key": KEY, "items": 5000} | changes)


@pytest.fixture(scope="module", params=MADE, ids=lambda each: "-".join(each))
def made(request) -> list[Item]:
    return make(*request.param)


def error_of(items: list[Item], score) -> float:
    """The error of who picks the choice of the highest score(choice, item); ties count in parts."""
    wrong = []
    for item in items:
        scores = [score(choice, item) for choice in item.choices]
        best = [number for number, each in enumerate(scores) if each == max(scores)]
        wrong.append(1 - (item.answer in best) / len(best))
    return float(np.mean(wrong))


# --- What holds of every task


@pytest.mark.parametrize(("task", "text"), MADE)
def test_a_seed_decides_the_items(task, text):
    items = make(task, text, items=60)
    assert make(task, text, items=60) == items
    assert make(task, text, items=60, seed=2) != items


@pytest.mark.parametrize(("task", "text"), MADE)
def test_fewer_items_are_the_first_of_more(task, text):
    assert make(task, text, items=30) == make(task, text, items=90)[:30]
    assert len(make(task, text, items=30)) == 30


@pytest.mark.parametrize("choices", [2, 3, 6])
@pytest.mark.parametrize("task", TASKS)
def test_an_item_has_as_many_choices_as_asked(task, choices):
    items = make(task, "uneven", choices=choices, items=50)
    assert len(items) == 50 and {len(item.choices) for item in items} == {choices}


def test_the_right_choice_stands_anywhere_alike(made):
    places = np.bincount([item.answer for item in made], minlength=4)
    assert len(places) == 4 and chisquare(places).pvalue > 1e-3


def test_no_choice_is_another_one(made):
    for item in made:
        assert len({choice.casefold() for choice in item.choices}) == 4


SCORES = {
    "longest": lambda choice, item: len(choice),
    "shortest": lambda choice, item: -len(choice),
    "most words": lambda choice, item: len(choice.split()),
    "fewest words": lambda choice, item: -len(choice.split()),
    "longest words": lambda choice, item: len(choice) / len(choice.split()),
    "as long as the context": lambda choice, item: -abs(len(choice) - len(item.context)),
    "first in the alphabet": lambda choice, item: -sum(map(ord, choice[:3])),
    "always the second": lambda choice, item: item.choices.index(choice) == 1,
}


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_a_choice_alone_says_nothing_of_being_right(made, score):
    noise = np.sqrt(0.75 * 0.25 / len(made))
    assert abs(error_of(made, score) - 0.75) < 4 * noise


def test_choices_are_of_similar_length(made):
    for item in made:
        lengths = [len(choice) for choice in item.choices]
        assert max(lengths) <= 1.25 * min(lengths)


# --- Continuation


def test_a_continuation_is_the_rest_of_its_segment():
    texts = {row.texts[0] for row in TEXTS["uneven"]}
    for item in make("continuation", "uneven"):
        wholes = [f"{item.context} {choice}" in texts for choice in item.choices]
        assert wholes == [number == item.answer for number in range(4)]
        before, after = len(item.context.split()), len(item.choices[item.answer].split())
        assert min(before, after) >= 3 and 0.4 <= before / (before + after) <= 0.6


def test_the_cut_is_near_the_middle_and_not_always_there():
    generator = random.Random(8)
    rows = [Row("d", (" ".join(generator.choices(["lorem", "ipsum", "dolor"], k=20)),)) for _ in range(400)]
    cuts = {len(item.context.split()) for item in continuation(rows, seed=1, key=KEY)}
    assert cuts == {8, 9, 10, 11, 12}


def test_an_end_or_a_beginning_that_is_there_twice_makes_no_item():
    rows = dictionary(100)
    twice = [
        Row("d", ("x y z the same end",)),
        Row("d", ("u v w the same END.",)),
        Row("d", ("one two three four five six",)),
        Row("d", ("one two three seven eight nine",)),
    ]
    items = continuation(rows + twice, seed=1, key=KEY)
    assert len(items) == 100
    assert not any("same end" in choice or "nine" in choice for item in items for choice in item.choices)


def test_a_side_of_parallel_text_is_continued():
    english = {row.texts[1] for row in TEXTS["toy"]}
    for item in make("continuation", "toy", side=1, items=50):
        assert f"{item.context} {item.choices[item.answer]}" in english


# --- Cloze


def test_a_cloze_has_one_word_of_its_segment_changed():
    texts = {row.texts[0] for row in TEXTS["toy"]}
    for item in make("cloze", "toy"):
        assert f"{item.context} {item.choices[item.answer]}" in texts
        words, rests = zip(*(choice.partition(next_end(choice))[::2] for choice in item.choices), strict=True)
        assert len(set(rests)) == 1 and len(set(words)) == 4
        assert all(len(word) >= 5 and word.isalpha() and word.islower() for word in words)


def next_end(choice: str) -> str:
    return next((c for c in choice if not c.isalpha()), "\0")


def test_frequent_words_are_not_left_out():
    rows = uneven_rows()
    counts: dict[str, int] = {}
    for row in rows:
        for word in row.texts[0].split():
            counts[word] = counts.get(word, 0) + 1
    half, running, frequent = sum(counts.values()) / 2, 0, set()
    for word in sorted(counts, key=lambda word: (-counts[word], word)):
        if running < half:
            frequent.add(word)
        running += counts[word]
    for item in cloze(rows, seed=1, key=KEY, items=2000):
        words = {choice.split()[0] for choice in item.choices}
        assert not words & frequent
        assert max(map(counts.get, words)) < 2 * min(map(counts.get, words))


def test_only_words_of_the_training_text_are_left_out():
    known = [row.texts[0] for row in toy_rows(60)]
    words = {word.strip(".").casefold() for text in known for word in text.split()}
    items = make("cloze", "toy", training=iter(known))
    assert {choice.split()[0].strip(".") for item in items for choice in item.choices} <= words


def test_german_nouns_stand_for_nouns():
    generator = random.Random(5)
    nouns = [word.capitalize() for word in ("".join(generator.choices("bdfgklmn", k=7)) for _ in range(80))]
    verbs = ["".join(generator.choices("prstvwz", k=7)) for _ in range(80)]
    rows = [Row("d", (f"Der {generator.choice(nouns)} {generator.choice(verbs)}.",)) for _ in range(600)]
    for item in cloze(rows, seed=1, key=KEY):
        assert len({choice[0].isupper() for choice in item.choices}) == 1


def test_no_wrong_word_is_an_inflection_of_the_right_one():
    generator = random.Random(6)
    stems = ["".join(generator.choices("abcdefg", k=6)) for _ in range(60)]
    words = [stem + ending for stem in stems for ending in ("e", "s", "en")]
    rows = [Row("d", ("the " + " ".join(generator.choices(words, k=5)),)) for _ in range(400)]
    for item in cloze(rows, seed=1, key=KEY):
        stems = [choice.split()[0][:6] for choice in item.choices]
        assert stems.count(stems[item.answer]) == 1


@pytest.mark.parametrize(
    "text", ["the x9elephant", "the ele-phants", "(elephants", "Yes. Elephants", "o'phants"]
)
def test_only_whole_words_within_a_sentence_are_left_out(text):
    assert list(_blanks([(0, text)])) == []
    [(word, place)] = _blanks([(7, "the elephants, too")])
    assert (word, place) == ("elephants", ("the ", ", too", 7))


# --- Gloss


def dictionary(count: int = 60) -> list[Row]:
    generator = random.Random(7)
    letters = "abcdefghijklm"
    return [
        Row(
            "p/" + "".join(generator.choices("nopqrstuvwxyz", k=8)),
            (" ".join("".join(generator.choices(letters, k=5)) for _ in range(6)),),
        )
        for _ in range(count)
    ]


def test_a_gloss_is_its_headwords():
    glosses = {row.document.partition("/")[2]: row.texts[0] for row in TEXTS["uneven"]}
    for item in make("gloss", "uneven"):
        assert item.choices[item.answer] == glosses[item.context]


def test_a_headword_has_its_first_gloss_that_does_not_give_it_away():
    rows = dictionary()
    rows += [
        Row("p/elephant", ("the elephants of aaaaa bbbbb ccccc",)),
        Row("p/elephant", ("a grey bbbbb ccccc ddddd eeeee",)),
        Row("p/elephant", ("a large bbbbb ccccc ddddd eeee",)),
        Row("p/Rex", ("some T-REX of aaaaa bbbbb ccccc ddd",)),
    ]
    items = {item.context: item for item in gloss(rows, seed=1, key=KEY)}
    assert items["elephant"].choices[items["elephant"].answer] == "a grey bbbbb ccccc ddddd eeeee"
    assert len(items) == 61 and "Rex" not in items


def test_a_gloss_of_two_headwords_makes_no_item():
    rows = dictionary()
    rows += [
        Row("p/nil", ("aaaaa bbbbb ccccc ddddd eeeee fffff",)),
        Row("p/zero", ("Aaaaa bbbbb ccccc ddddd eeeee fffff!",)),
    ]
    items = gloss(rows, seed=1, key=KEY)
    assert len(items) == 60
    assert not any("bbbbb ccccc" in choice for item in items for choice in item.choices)


@pytest.mark.parametrize("name", ["rowordnet/ENG30-{:08d}-n", "mono.en.txt/{:06d}", "weblate/weblate/a{}.py"])
def test_a_corpus_without_headwords_is_refused(name):
    rows = [Row(name.format(number), row.texts) for number, row in enumerate(dictionary())]
    package = name.split("/")[0]
    message = rf"^{KEY}: this corpus has no headwords \(documents are called '{package}/.*extract: glosses"
    with pytest.raises(ChoicesError, match=message):
        gloss(rows, seed=1, key=KEY)


# --- Translation


@pytest.mark.parametrize(("source", "target"), [(0, 1), (1, 0)])
def test_a_translation_is_that_of_its_segment(source, target):
    pairs = {(row.texts[source], row.texts[target]) for row in TEXTS["toy"]}
    for item in translation(TEXTS["toy"], source, target, seed=1, key=KEY):
        assert [(item.context, choice) in pairs for choice in item.choices] == [
            number == item.answer for number in range(4)
        ]


def test_untranslated_and_ambiguous_pairs_make_no_item():
    letters = [a + b for a in "abcdefgh" for b in "ijklmnop"]
    rows = [Row("d", (f"das {each}wort", f"the {each}word")) for each in letters]
    bad = [("das wort", "Das Wort"), ("zu machen", "the aaaaaa"), ("zu machen", "the bbbbbb")]
    bad += [("die eine", "the cccccc"), ("die andere", "the cccccc")]
    items = translation(rows + [Row("d", pair) for pair in bad], 0, 1, seed=1, key=KEY)
    assert len(items) == len(rows)
    wrong = {side for pair in bad for side in pair}
    assert not any(wrong & {item.context, *item.choices} for item in items)


# --- Too little text


@pytest.mark.parametrize(
    ("task", "needs"),
    [
        (continuation, "segments of 6 words or more .* of 19 held-out segments are long enough"),
        (cloze, "a less frequent word of 5 letters"),
        (partial(translation, source=0, target=1), "19 of 19 held-out pairs are translated"),
        (gloss, "19 of 19 held-out headwords have one"),
    ],
    ids=["continuation", "cloze", "translation", "gloss"],
)
def test_too_little_text_names_the_key(task, needs):
    rows = [Row(row.document, (row.texts[0], row.texts[0][::-1])) for row in dictionary(19)]
    with pytest.raises(
        ChoicesError, match=rf"^{KEY}: only \d+ items can be made, at least 20 .*{needs}.*split\.test"
    ):
        task(rows, seed=1, key=KEY)
    with pytest.raises(ChoicesError, match=f"^{KEY}: "):
        task([], seed=1, key=KEY)
