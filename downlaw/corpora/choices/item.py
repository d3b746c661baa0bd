"""An item of a multiple-choice task, and the error of those that are none."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import CorpusError


class ChoicesError(CorpusError):
    """Items that cannot be used: the message names the file and line, item or config key, and says what to
    do."""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _refuse_unwritable(what: str, text: str) -> None:
    if "\0" in text:
        raise ChoicesError(f"{what} holds a NUL character; take it out")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ChoicesError(f"{what} holds half a character (a lone surrogate); write it anew") from None


@dataclass(frozen=True)
class Item:
    """A context, two choices or more of how it goes on, and which of them is right, counted from 0.

    White space around a text is taken off: pieces of context and choice join as if a space stood between.

    Raises:
        ChoicesError: where a text is empty, two choices are the same but for white space, or the answer is
            none of them.
    """

    context: str
    choices: tuple[str, ...]
    answer: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "context", self.context.strip())
        object.__setattr__(self, "choices", tuple(choice.strip() for choice in self.choices))
        if not self.context:
            raise ChoicesError("the context is empty; a choice is scored after a context, so give it one")
        _refuse_unwritable("the context", self.context)
        if len(self.choices) < 2:
            count = "one choice" if self.choices else "no choice"
            raise ChoicesError(f"{count}; give two or more, or take the item out")
        first: dict[str, int] = {}
        for number, choice in enumerate(self.choices, 1):
            if not choice:
                raise ChoicesError(f"choice {number} is empty; write it or take it out")
            _refuse_unwritable(f"choice {number}", choice)
            same = first.setdefault(_one_line(choice), number)
            if same != number:
                raise ChoicesError(f"choices {same} and {number} are the same, {choice!r}; take one out")
        if not 0 <= self.answer < len(self.choices):
            raise ChoicesError(
                f"answer {self.answer} is no choice: there are {len(self.choices)}, counted from 0; "
                "correct it or take the item out"
            )
