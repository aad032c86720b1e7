"""Shares: exact over all orders of entry, blind to scale, with intervals that cover; units are drawn whole."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

import ipo_nb as ipo
from ipo_nb.shares import MOST_EXACT, lmg, tie_groups


def random_blocks(widths: list[int], n: int = 60, seed: int = 1) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    draw = np.random.default_rng(seed)
    shared = draw.normal(size=n)
    blocks = {f"x{k}": draw.normal(size=(n, width)) + shared[:, None] for k, width in enumerate(widths)}
    return sum(block.sum(axis=1) for block in blocks.values()) + 3 * draw.normal(size=n), blocks


def r2(outcome: np.ndarray, columns: list[np.ndarray]) -> float:
    design = np.column_stack([np.ones(len(outcome)), *columns])
    left = outcome - design @ np.linalg.lstsq(design, outcome, rcond=None)[0]
    return 1 - left @ left / ((outcome - outcome.mean()) ** 2).sum()


def over_all_orders(outcome: np.ndarray, blocks: dict[str, np.ndarray]) -> np.ndarray:
    names, gains = list(blocks), dict.fromkeys(blocks, 0.0)
    for order in permutations(names):
        for at, name in enumerate(order):
            before, after = ([blocks[k] for k in order[:end]] for end in (at, at + 1))
            gains[name] += r2(outcome, after) - r2(outcome, before)
    return np.array([gains[name] for name in names]) / math.factorial(len(names))


@pytest.mark.parametrize("widths", [[1], [2, 1], [1, 2, 3, 1], [1, 1, 2, 1, 1, 2]])
def test_shares_equal_the_average_over_all_orders(widths: list[int]) -> None:
    outcome, blocks = random_blocks(widths)
    assert lmg(outcome, blocks)[0] == pytest.approx(over_all_orders(outcome, blocks), abs=1e-12)


def test_contributions_add_up_to_r2_in_every_resample() -> None:
    outcome, blocks = random_blocks([1, 2, 2])
    gains = lmg(outcome, blocks, resamples=5)
    assert gains[0].sum() == pytest.approx(r2(outcome, list(blocks.values())), abs=1e-12)
    counts = np.random.default_rng(20240229).multinomial(60, np.full(60, 1 / 60), size=5)
    rows = np.repeat(np.arange(60), counts[3])
    taken = {name: block[rows] for name, block in blocks.items()}
    assert gains[4] == pytest.approx(lmg(outcome[rows], taken)[0], abs=1e-10)


def test_shares_do_not_change_with_scale_offset_or_order() -> None:
    outcome, blocks = random_blocks([1, 2, 1])
    plain = lmg(outcome, blocks)[0]
    moved = {name: 1e-6 * block - 1 for name, block in reversed(blocks.items())}
    assert lmg(1e6 * outcome - 1e9, moved)[0][::-1] == pytest.approx(plain, abs=1e-8)


def test_a_column_twice_shares_what_it_explains() -> None:
    outcome, blocks = random_blocks([1, 1])
    twice = lmg(outcome, {"a": blocks["x0"], "b": blocks["x0"], "still": np.ones((60, 1))})[0]
    assert twice[0] == pytest.approx(twice[1], abs=1e-9)
    assert twice.sum() == pytest.approx(r2(outcome, [blocks["x0"]]), abs=1e-9)
    assert twice[2] == 0


def test_too_many_drivers_or_too_few_rows_are_refused_by_name() -> None:
    outcome, blocks = random_blocks([1] * (MOST_EXACT + 1))
    with pytest.raises(ipo.BadOption, match=r"17 drivers are too many .* at most 16"):
        lmg(outcome, blocks)
    with pytest.raises(ipo.NotEnoughData, match="4 rows cannot carry 3 columns"):
        lmg(outcome[:4], {"a": blocks["x0"][:4], "b": np.ones((4, 2))})


def test_a_true_share_is_recovered_and_covered() -> None:
    hits = 0
    for seed in range(40):
        draw = np.random.default_rng(seed)
        x = draw.normal(size=(200, 2))
        gains = lmg(x @ [2.0, 1.0] + draw.normal(size=200), {"a": x[:, :1], "b": x[:, 1:]}, resamples=199)
        shares = gains[:, 0] / gains.sum(axis=1)
        hits += np.quantile(shares[1:], 0.025) <= 0.8 <= np.quantile(shares[1:], 0.975)
    assert hits >= 34


def test_rows_of_one_cluster_are_drawn_together() -> None:
    outcome, blocks = random_blocks([1, 2])
    thrice = {name: np.tile(block, (3, 1)) for name, block in blocks.items()}
    alone = lmg(outcome, blocks, resamples=9)
    assert lmg(np.tile(outcome, 3), thrice, clusters=np.tile(np.arange(60), 3), resamples=9) == pytest.approx(alone)
    assert np.abs(lmg(np.tile(outcome, 3), thrice, resamples=9)[1:] - alone[1:]).max() > 0.01


def test_only_what_is_surely_behind_starts_a_new_group() -> None:
    draw = np.random.default_rng(1)
    shares = np.array([0.5, 0.45, 0.05]) + np.vstack([np.zeros(3), 0.02 * draw.normal(size=(999, 3))])
    assert tie_groups(shares) == [1, 1, 2]
