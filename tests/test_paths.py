"""Paths: a link keeps its own size, what lies between is counted once, loops are cut at their weakest."""

from __future__ import annotations

import numpy as np
import pytest
from test_drivers import evidence_of

from ipo_nb.paths import Web, convolved, link_draws, path_effects, responses_to


def test_a_single_link_gives_its_own_interval_back() -> None:
    evidence = evidence_of({("A", "B"): {"estimate": -2.0, "low": -3.0, "high": -1.8}})
    draws = link_draws(evidence, ("A", "B"))
    assert np.quantile(draws[1:], [0.025, 0.975]) == pytest.approx([-3, -1.8], abs=0.005)
    effect = path_effects(evidence, "a", "b")
    assert (effect.estimate, effect.lag) == (-2.0, 1)
    assert effect.text == "One unit more of A moves B by −2.0 (−3.0 to −1.8): A → B."


def test_what_lies_between_is_counted_once() -> None:
    links = {("x", "m"): 2.0, ("m", "y"): 3.0, ("x", "y"): 7.0, ("w", "x"): 1.0, ("w", "m"): 5.0}
    evidence = evidence_of(links)
    effect = path_effects(evidence, "x", "y")
    assert effect.estimate == pytest.approx(7)
    assert dict(zip(effect.table["via"], effect.table["estimate"], strict=True)) == pytest.approx(
        {"x → m → y": 6, "x → y": 1}
    )
    # w: 1 of x, which has 1 for y itself, and 5 of m in all
    assert path_effects(evidence, "w", "y").estimate == pytest.approx(1 * 1 + 5 * 3)


def test_paths_add_up_to_the_truth_of_a_random_system() -> None:
    draw = np.random.default_rng(3)
    direct = np.triu(draw.normal(size=(6, 6)), 1) * (draw.random((6, 6)) < 0.7)
    total = np.linalg.inv(np.eye(6) - direct)
    names = list("abcdef")
    links = {(names[i], names[j]): total[i, j] for i, j in zip(*np.nonzero(direct), strict=True)}
    evidence = evidence_of(links, [{"name": name, "stage": "process"} for name in names])
    for i, j in zip(*np.triu_indices(6, 1), strict=True):
        assert path_effects(evidence, names[i], names[j]).estimate == pytest.approx(total[i, j], abs=1e-12)


def test_a_loop_back_to_the_source_does_not_matter_and_others_lose_their_weakest_link() -> None:
    loop = {("a", "b"): 2.0, ("b", "a"): 0.5, ("b", "y"): 1.0}
    assert path_effects(evidence_of(loop), "a", "y").estimate == 2.0
    weak = {"estimate": 0.5, "low": -1.0, "high": 2.0}
    links = {("x", "a"): 1.0, ("a", "b"): 2.0, ("b", "a"): weak, ("b", "y"): 1.0}
    evidence = evidence_of(links)
    impulses = {pair: link_draws(evidence, pair)[:, None] for pair in links}
    assert Web.of(impulses, ["x"]).cut == (("b", "a"),)
    assert Web.of(impulses, ["b"]).cut == (("a", "b"),)


def test_responses_follow_one_another_along_the_calendar() -> None:
    first, second = np.array([[0, 1.0, 0.5, 0]]), np.array([[0, 0, 2.0, 0]])
    assert convolved(first, second).tolist() == [[0, 0, 0, 2.0]]


def test_a_chain_of_convolutions_is_numpys_own() -> None:
    draw = np.random.default_rng(1)
    first, second = draw.normal(size=(2, 5, 9))
    first[:, [0, 1, 4]] = 0
    expected = [np.convolve(a, b)[:9] for a, b in zip(first, second, strict=True)]
    assert convolved(first, second) == pytest.approx(np.array(expected))
    assert convolved(first[:1], second) == pytest.approx(np.array([np.convolve(first[0], b)[:9] for b in second]))
    assert not convolved(0 * first, second).any()


@pytest.mark.parametrize("seed", range(4))
def test_a_target_responds_to_each_source_as_if_it_were_followed_alone(seed: int) -> None:
    draw = np.random.default_rng(seed)
    pairs = [(a, b) for a in "abcdefgh" for b in "abcdefgh" if a != b and draw.random() < (0.5 if a < b else 0.15)]
    impulses = {pair: draw.normal(size=(7, 1)) * draw.normal(size=(1, 6)) for pair in pairs}
    found, cut = responses_to(impulses, "h", "abcdefgh"), set()
    for source in "abcdefg":
        web = Web.of(impulses, [source])
        moved = web.moved({source: np.eye(1, 6)})
        cut |= {web.cut}
        assert (source in found) == ("h" in moved)
        assert "h" not in moved or found[source] == pytest.approx(moved["h"], rel=1e-9, abs=1e-9)
    assert len(cut) > 1, "no loops to lose a link"
