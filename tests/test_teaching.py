"""Checks are honest: untouched is not attempted, wrong gets a way on, right is worked out from the case."""

from __future__ import annotations

from pathlib import Path

import pytest

import ipo_nb as ipo
from ipo_nb import teaching as teach

SOLUTIONS = {"01.1": 3, "02.1": "Knowledge-base edits", "04.1": 2, "05.1": 4, "07.1": "Support"}


def test_every_check_is_proven_three_ways() -> None:
    assert set(SOLUTIONS) == set(teach.CHECKS)
    for name, solution in SOLUTIONS.items():
        states = [teach.check(name, answer).state for answer in (..., solution, "nonsense", True, None)]
        assert states == ["not attempted yet", "right", "wrong", "wrong", "wrong"], name


def test_a_name_is_right_however_it_is_spelt() -> None:
    assert teach.check("07.1", " support ").state == "right"


def test_hints_come_one_at_a_time_and_never_run_out() -> None:
    for name, check in teach.CHECKS.items():
        assert [teach.hint(name, number) for number in (0, 1, 2, 99)] == [check.hints[0], *check.hints, check.hints[-1]]
        assert check.hints[0] in teach.check(name, "nonsense")


def test_an_unknown_check_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ipo.BadOption, match=r"no check '5\.1'.*Did you mean"):
        teach.check("5.1", 3)


def test_a_refusal_is_shown_in_the_words_of_the_room() -> None:
    assert "Did you mean 'process'" in teach.refused(ipo.Metric, "Calls", "proces")
    assert teach.refused(ipo.Metric, "Calls", "process") == "It was accepted."


def test_sentences_are_shown_as_escaped_paragraphs() -> None:
    assert teach.say("a < b", "c")._repr_html_() == "<p>a &lt; b</p><p>c</p>"


def test_a_copy_of_a_case_is_yours_and_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = teach.own_copy("support")
    assert len(ipo.read_series(None, ipo.read_map(path)).names) == 18
    assert not list(path.parent.glob("truth*")), "the answers are not handed out"
    path.write_text("mine", "utf-8")
    assert teach.own_copy("support").read_text("utf-8") == "mine"
