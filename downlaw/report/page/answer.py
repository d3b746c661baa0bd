"""The question of a study of mixtures, and its answer: which mixture, at what budget, how sure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import numpy as np
import pandas as pd

from downlaw.laws.estimates import lower_is_better

from ..degenerate import FAULTS
from ..findings import measured
from ..labels import enumerate_words, short_count
from .blocks import Answer, Names, Sure, metric_name, percent, rows_at
from .choices import Choice, Evidence, budget_table, choice_said, choices_at_largest
from .compared import falls_said, leads_said, measured_lead
from .seen import seen_said
from .tables import Results
from .trust import MISFIT, doubts_said, farthest_said, laws_tested

_MUCH = 0.1
"""A share of degenerate output from which the answer speaks of it."""


def transfer_answer(results: Results, here: pd.DataFrame, task: str, pairs: int, names: Names) -> Answer:
    """The answer of one task and finetuning size; here: its runs."""
    place = {"task": task, "finetune_pairs": pairs}
    valued, laws, verdicts, compared, unseen, predictions = (
        rows_at(results.get(name), **place)
        for name in ("valuations", "laws", "verdicts", "comparisons", "without_seen", "predictions")
    )
    metrics = measured(here)
    evidence = Evidence(here, laws, verdicts, compared)
    choices = choices_at_largest(valued, evidence, metrics) if valued is not None else []
    answer, sure, confidence = _headline(results, here, choices, verdicts, predictions)
    if sure == Sure.CLEAR and here[here["pretrain_tokens"] > 0]["pretraining_seed"].nunique() < 2:
        sure, confidence = Sure.ONE_SEED, f"{confidence}; what another pretraining seed changes is not in it"
    leads = [measured_lead(here, compared, metric) for metric in metrics]
    why = [*leads_said([lead for lead in leads if lead is not None]), *map(choice_said, choices)]
    for mixture in dict.fromkeys(choice.mixture for choice in choices if len(choice.behind)):
        its = [one.metric for one in choices if one.mixture == mixture and not one.without_law]
        why += laws_tested(predictions, laws, mixture, its)
    why += _verdicts_counted(verdicts)
    why += falls_said(compared) if compared is not None else []
    why += seen_said(results, unseen) if unseen is not None else []
    why += _degenerate(here, choices)
    return Answer(
        id=names.unused("answer", task, pairs),
        question=_question(here, task, pairs, choices),
        answer=answer,
        sure=sure,
        confidence=confidence,
        why=[one for one in why if one],
        would_change=list(_would_change(here, choices, laws, results)),
        table=budget_table(valued, here, metrics, names.unused("budgets-answer", task, pairs)),
    )


def _question(here: pd.DataFrame, task: str, pairs: int, choices: list[Choice]) -> str:
    mixtures = [name for name in dict.fromkeys(here["mixture"]) if name]
    which = f"Which of {len(mixtures)} mixtures" if len(mixtures) > 1 else "Does pretraining on this mixture"
    if len(mixtures) == 1:
        which = f"What does pretraining on {mixtures[0]} buy"
    budget = f", read for Dp = {short_count(choices[0].tokens)} tokens," if choices else ""
    if len(mixtures) < 2:
        return f"{which if mixtures else 'What was measured'} for {task} after finetuning on {pairs:,} pairs?"
    return f"{which}{budget} serves {task} best after finetuning on {pairs:,} pairs?"


def _headline(
    results: Results,
    here: pd.DataFrame,
    choices: list[Choice],
    verdicts: pd.DataFrame | None,
    predictions: pd.DataFrame | None,
) -> tuple[str, Sure, str]:
    """The answer in a sentence, how sure it is, and that in words."""
    if not (here["status"] == "ok").any():
        return "There is no answer: no run of this task finished.", Sure.OPEN, "nothing was measured"
    if not choices:
        lacking = "valuations.csv" if results.get("valuations") is None else "a row of valuations.csv"
        return f"Not yet decidable: {lacking} is lacking.", Sure.OPEN, "the mixtures were not compared yet"
    scored = verdicts[verdicts["metric"] != "cross_entropy"] if verdicts is not None else None
    if scored is not None and len(scored) and scored["verdict"].isin(["saturated", "misaligned"]).all():
        words = enumerate_words(sorted(set(scored["verdict"])))
        return (
            f"None of these mixtures: every curve of a score is {words}. What these models showed, at this"
            " size.",
            Sure.CLEAR,
            "by the verdicts on every score",
        )
    said = [choice for choice in choices if choice.best is not None]
    if not said:
        return (
            "Not decidable: no mixture has a law that can be extrapolated.",
            Sure.OPEN,
            "no law says anything",
        )
    several = [choice for choice in said if len(choice.behind)]
    if not several:
        return _alone(said)
    return _among(several, predictions)


def _alone(said: list[Choice]) -> tuple[str, Sure, str]:
    """One mixture with a law: whether it is better than none."""
    gains = [choice for choice in said if pd.notna(choice.best.get("gain_low"))]
    better = [choice for choice in gains if _gains(choice)]
    mixture, tokens = said[0].mixture, short_count(said[0].tokens)
    if better and len(better) == len(gains):
        names = enumerate_words([choice.name for choice in better])
        return (
            f"{mixture} helps: at Dp = {tokens} its laws put {names} beyond no pretraining."
            " No other mixture has a law to compare it with.",
            Sure.LEANING,
            "against no pretraining, beyond the noise",
        )
    return (
        f"Not decidable between mixtures: {mixture} alone has a law that can be extrapolated.",
        Sure.OPEN,
        "nothing to compare with",
    )


def _gains(choice: Choice) -> bool:
    ends = np.array([choice.best["gain_low"], choice.best["gain_high"]], float)
    return bool(np.all(ends < 0) if lower_is_better(choice.metric) else np.all(ends > 0))


_SCALE = "in these models, at their size"


def _among(several: list[Choice], predictions: pd.DataFrame | None) -> tuple[str, Sure, str]:
    tokens = short_count(several[0].tokens)
    clear = [choice for choice in several if choice.surer]
    winners = _mixtures(clear)
    if len(winners) > 1:
        return (
            f"It depends on the score: at Dp = {tokens}, {_by_mixture(clear)} ({_SCALE}).",
            Sure.LEANING,
            "the scores disagree, each beyond its noise",
        )
    if winners:
        others = [choice for choice in several if not choice.surer]
        against = [one for one in others if one.mixture != winners[0] and one.leans]
        too = [one for one in others if one.mixture == winners[0] and one.beyond_noise]
        answer = (
            f"{winners[0]}: at Dp = {tokens} its laws lead in {_names(clear)}, beyond the noise ({_SCALE})."
        )
        if too:
            answer += f" {_names(too)}: ahead too, by how much is uncertain."
        answer += _not_decided([one for one in others if one not in too])
        return answer, Sure.LEANING if against else Sure.CLEAR, _share_said(clear)
    doubted = [choice for choice in several if choice.beyond_noise]
    if doubted:
        return _in_doubt(doubted, several, predictions)
    ahead = _mixtures(several)
    if any(choice.without_law for choice in several) and not any(choice.decided for choice in several):
        return (
            f"Not decidable at Dp = {tokens}: not every mixture has a law ({_SCALE}).",
            Sure.OPEN,
            "not every mixture can be compared",
        )
    if all(choice.decided is None for choice in several):
        return (
            f"Not decidable: {enumerate_words(ahead)} {'is' if len(ahead) == 1 else 'are'} ahead at Dp ="
            f" {tokens}, but the noise is not known.",
            Sure.OPEN,
            "no interval can be given",
        )
    leads = [one for one in several if one.leans]
    if len(ahead) == 1 and leads:
        return (
            f"Leaning to {ahead[0]} at Dp = {tokens}, not beyond doubt ({_SCALE}).",
            Sure.LEANING,
            _share_said(leads),
        )
    return (
        f"Not decidable at Dp = {tokens}: what parts {enumerate_words(ahead)} from the others is within the"
        f" noise, or not every mixture has a law ({_SCALE}).",
        Sure.OPEN,
        _share_said(several),
    )


def _in_doubt(
    doubted: list[Choice], several: list[Choice], predictions: pd.DataFrame | None
) -> tuple[str, Sure, str]:
    """Leads beyond the noise, but by laws that their own tests cast doubt on: what was measured is said."""
    tokens, ahead = short_count(doubted[0].tokens), _mixtures(doubted)
    others = _not_decided([choice for choice in several if choice not in doubted])
    why = doubts_said([(one.name, one.doubts[0]) for one in doubted if one.doubts])
    if len(ahead) > 1:
        answer = f"It depends on the score: by laws in doubt, at Dp = {tokens}, {_by_mixture(doubted)}"
        return f"{answer} ({_SCALE}).{others}", Sure.LEANING, why
    mixture = ahead[0]
    far = farthest_said(predictions, mixture, [choice.metric for choice in doubted])
    why += f"; at worst it {far}" if far else ""
    leads = [choice.measured for choice in doubted if choice.measured is not None]
    against = [lead for lead in leads if lead.mixture != mixture]
    if against:
        found = enumerate_words([f"{lead.mixture} in {lead.name}" for lead in against])
        answer = (
            f"Not decidable: laws in doubt put {mixture} ahead at Dp = {tokens}, but as measured at Dp ="
            f" {short_count(against[0].tokens)}, {found} is"
        )
        return f"{answer} ({_SCALE}).{others}", Sure.OPEN, why
    where = f"by its laws, at Dp = {tokens}"
    if leads and leads[0].tokens < doubted[0].tokens:
        where = f"as measured at Dp = {short_count(leads[0].tokens)} and, by its laws, at {tokens}"
    answer = f"{mixture} is ahead {where}, in {_names(doubted)}; how far ahead at {tokens} is uncertain"
    return f"{answer} ({_SCALE}).{others}", Sure.LEANING, why


def _mixtures(choices: list[Choice]) -> list[str]:
    return list(dict.fromkeys(choice.mixture for choice in choices))


def _names(choices: list[Choice]) -> str:
    return enumerate_words([choice.name for choice in choices])


def _by_mixture(choices: list[Choice]) -> str:
    return "; ".join(
        f"{mixture} in {_names([one for one in choices if one.mixture == mixture])}"
        for mixture in _mixtures(choices)
    )


def _not_decided(choices: list[Choice]) -> str:
    return f" {_names(choices)}: not decided." if choices else ""


def _share_said(choices: list[Choice]) -> str:
    show = percent(0)
    known = [
        f"{show(one.share)} in {one.name}"
        for one in choices
        if not np.isnan(one.share) and not one.without_law
    ]
    return f"ahead in so many draws of the noise: {enumerate_words(known)}" if known else "noise not known"


def _degenerate(here: pd.DataFrame, choices: list[Choice]) -> Iterator[str]:
    """Where much of the output of the mixture ahead is no translation, scores are to be read with that."""
    for mixture in dict.fromkeys(choice.mixture for choice in choices if choice.best is not None):
        mine = here[here["selected"] & (here["status"] == "ok") & (here["mixture"] == mixture)]
        last = mine[mine["pretrain_tokens"] == mine["pretrain_tokens"].max()]
        shares = {words: last[fault].mean() for fault, words in FAULTS.items() if fault in last}
        told = [f"{100 * share:.0f}% {words}" for words, share in shares.items() if share >= _MUCH]
        if told:
            where = f"with {mixture} at Dp = {short_count(last['pretrain_tokens'].iloc[0])}"
            yield f"Much of the output is no translation: {where}, {enumerate_words(told)}."


def _verdicts_counted(verdicts: pd.DataFrame | None) -> Iterator[str]:
    if verdicts is None or verdicts.empty:
        return
    for verdict, rows in verdicts.groupby("verdict", sort=True):
        which = [f"{row.mixture} ({metric_name(row.metric)})" for row in rows.itertuples()]
        more = f" and {len(which) - 6} more" if len(which) > 6 else ""
        listed = ", ".join(which[:6]) + more if more else enumerate_words(which)
        yield f"Judged {verdict}: {listed}."


def _would_change(
    here: pd.DataFrame, choices: list[Choice], laws: pd.DataFrame | None, results: Results
) -> Iterator[str]:
    """What could turn the answer, or make it surer."""
    if here[here["pretrain_tokens"] > 0]["pretraining_seed"].nunique() == 1:
        yield "A second pretraining seed: with one, how much chance did in pretraining is not known."
    said = [choice for choice in choices if choice.best is not None]
    reached = here["pretrain_tokens"].max()
    if said and said[0].tokens > reached > 0:
        yield (
            f"A measurement at Dp = {short_count(said[0].tokens)}: the answer extrapolates to"
            f" {said[0].tokens / reached:.3g} times the largest Dp that was trained."
        )
    undecided = [choice for choice in said if len(choice.behind) and not choice.surer]
    if undecided:
        metric, tokens = undecided[0].metric, int(undecided[0].tokens)
        yield (
            "More points, seeds or test segments where it is not decided; what narrows it is ranked by"
            f" `downlaw next {shlex.quote(f'{results.place}/runs.csv')} --metric {metric} --budget {tokens}`."
        )
    if laws is not None:
        bad = laws[(laws["role"] == "law") & (laws["misfit_p"] < MISFIT)]
        for mixture, same in bad.groupby("mixture", sort=False):
            names = enumerate_words([metric_name(metric) for metric in same["metric"]])
            yield (
                f"Another family of laws for {mixture}: some points of {names} lie farther from its law than"
                " noise explains."
            )
    if (here["status"] != "ok").any():
        yield "The runs that diverged: they are in no curve."
