from __future__ import annotations

import pytest

from downlaw.cli.status_curves import curve_lines, legend
from downlaw.progress import BEGUN, POINT_STATES, Curve, Point
from downlaw.status import CRASHED, DIVERGED, DONE, RUNNING, TO_DO

TOKENS = (131072, 262144, 524288, 1048576, 2097152, 4194304)
STATES = (DONE, RUNNING, BEGUN, CRASHED, DIVERGED, TO_DO)
MIXED = Curve("finetune", "en+de", tuple(map(Point, TOKENS, STATES, (1, 0.42, 1, 0, 0, 0))), "en-de", 8000)
BASELINE = Curve("finetune", "none", (Point(0, DONE, 1),), "en-de", 8000)
CHAIN = Curve("pretrain", "fr", tuple(Point(tokens, DONE, 1) for tokens in TOKENS), seed=1)


def of(state: str, name: str, stage: str = "finetune") -> Curve:
    points = tuple(Point(tokens, state, 0.5) for tokens in TOKENS)
    if stage == "pretrain":
        return Curve(stage, name, points, seed=1)
    return Curve(stage, name, points, "en-de", 8000)


def plain(curves, width=80, ascii_only=False, most=None) -> list[str]:
    return [line.plain for line in curve_lines(curves, width, ascii_only, most)]


def test_a_sign_for_each_point_below_its_tokens():
    assert plain([CHAIN, BASELINE, MIXED]) == [
        "pretraining, by pretraining tokens",
        "mixture  seed  131k  262k  524k  1.05M  2.1M  4.19M",
        "fr          1     ●     ●     ●      ●     ●      ●",
        "curves, by pretraining tokens",
        "task   pairs  mixture  0  131k   262k  524k  1.05M  2.1M  4.19M",
        "en-de  8,000  none     ●",
        "en-de  8,000  en+de          ●   ◐42%     ○      ✗     ◇      ·",
    ]


def test_a_terminal_without_utf_8_gets_ascii():
    lines = plain([MIXED], ascii_only=True)
    assert lines[2] == "en-de  8,000  en+de       #   >42%     o      X     ~      ."
    long = plain([of(DONE, "m" * 40)], ascii_only=True)
    assert all(line.isascii() for line in [*lines, *long, legend(True).plain])
    assert all(state in legend(True).plain for state in POINT_STATES)


def test_without_colours_no_two_states_look_alike():
    for ascii_only in (False, True):
        signs = legend(ascii_only).plain.split("   ")
        assert len({sign.strip()[0] for sign in signs if sign.strip()}) == len(POINT_STATES)


def test_where_there_is_no_room_for_columns_points_stand_close():
    assert plain([BASELINE, MIXED], width=40) == [
        "curves, by pretraining tokens",
        "task   pairs  mixture  0 to 4.19M",
        "en-de  8,000  none     ●",
        "en-de  8,000  en+de    ●◐42%○✗◇·",
    ]


def test_long_names_are_cut_and_say_so():
    line = plain([of(DONE, "a-mixture-with-a-name-that-goes-on-and-on")])[2]
    assert line.startswith("en-de  8,000  a-mixture-with-a-name-that-…  ")


def test_models_stand_over_tokens_a_parameter():
    curve = Curve("overtrain", "all", (Point(0.5, DONE, 1), Point(20, RUNNING, 0.071)), model="small")
    assert plain([curve]) == [
        "models, by tokens a parameter",
        "training set  size   0.5     20",
        "all           small    ●    ◐7%",
    ]


@pytest.mark.parametrize("most", [5, 10, 30])
def test_of_200_curves_those_that_run_and_failed_are_shown(most):
    curves = [of(DONE, f"m{place}") for place in range(150)] + [of(TO_DO, f"n{place}") for place in range(48)]
    curves += [of(CRASHED, "bad"), of(RUNNING, "good")]
    lines = plain(curves, most=most)
    assert len(lines) == most
    assert [line.split()[2] for line in lines[2:4]] == ["good", "bad"]
    to_do = 48 - (most - 5)
    assert lines[-1] == f"{198 - (most - 5)} more curves: 150 done, {to_do} to do"


def test_what_fits_is_in_the_order_of_the_study():
    curves = [of(DONE, "m1"), of(RUNNING, "m2")]
    assert [line.split()[2] for line in plain(curves, most=6)[2:]] == ["m1", "m2"]


def test_a_screen_without_room_says_how_many_there_are():
    assert plain([CHAIN, MIXED], most=1) == ["2 curves: 1 done, 1 running"]
    assert plain([CHAIN, MIXED], most=0) == []
    assert plain([]) == []


def test_curves_come_before_chains_of_the_same_urgency():
    curves = [of(TO_DO, f"c{place}", "pretrain") for place in range(9)] + [of(TO_DO, "m")]
    assert plain(curves, most=4)[2].split()[2] == "m"
