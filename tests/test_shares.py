"""Shares: exact over all orders of entry, blind to scale, with intervals that cover; units are drawn whole."""

from __future__ import annotations

import math
import tracemalloc
from itertools import permutations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

import ipo_nb as ipo
from ipo_nb import shares
from ipo_nb.shares import lmg, tie_groups

Blocks = dict[str, np.ndarray]


def random_blocks(widths: list[int], n: int = 60, seed: int = 1, shared: float = 1.0) -> tuple[np.ndarray, Blocks]:
    draw = np.random.default_rng(seed)
    common = shared * draw.normal(size=n)
    blocks = {f"x{k}": draw.normal(size=(n, width)) + common[:, None] for k, width in enumerate(widths)}
    return sum(block.sum(axis=1) for block in blocks.values()) + 3 * draw.normal(size=n), blocks


def r2(outcome: np.ndarray, columns: list[np.ndarray]) -> float:
    design = np.column_stack([np.ones(len(outcome)), *columns])
    left = outcome - design @ np.linalg.lstsq(design, outcome, rcond=None)[0]
    return 1 - left @ left / ((outcome - outcome.mean()) ** 2).sum()


def over_all_orders(outcome: np.ndarray, blocks: Blocks, explained=r2) -> np.ndarray:
    names, known = list(blocks), {frozenset(): 0.0}
    gains = dict.fromkeys(names, 0.0)
    for order in permutations(names):
        for at, name in enumerate(order):
            before, after = frozenset(order[:at]), frozenset(order[: at + 1])
            if after not in known:
                known[after] = explained(outcome, [blocks[k] for k in sorted(after)])
            gains[name] += known[after] - known[before]
    return np.array([gains[name] for name in names]) / math.factorial(len(names))


@pytest.mark.parametrize("widths", [[1], [3], [2, 1], [1, 2, 3, 1], [1, 1, 2, 1, 1, 2]])
def test_shares_equal_the_average_over_all_orders(widths: list[int]) -> None:
    outcome, blocks = random_blocks(widths)
    gains, error = lmg(outcome, blocks)
    assert gains[0] == pytest.approx(over_all_orders(outcome, blocks), abs=1e-12)
    assert error.tolist() == [0.0] * len(widths)


def test_shares_equal_the_average_of_statsmodels_fits_on_the_longley_data() -> None:
    data = sm.datasets.longley.load_pandas().data
    blocks = {name: data[[name]].to_numpy() for name in data.columns[1:]}
    fitted = over_all_orders(
        data["TOTEMP"].to_numpy(), blocks, lambda y, x: sm.OLS(y, sm.add_constant(np.hstack(x))).fit().rsquared
    )
    assert lmg(data["TOTEMP"].to_numpy(), blocks)[0][0] == pytest.approx(fitted, abs=1e-11)


def test_as_many_blocks_as_are_exact_get_what_orthogonal_columns_are_known_to_explain() -> None:
    draw = np.random.default_rng(1)
    basis = np.linalg.qr(np.column_stack([np.ones(40), draw.normal(size=(40, 26))]))[0][:, 1:]
    sizes = np.append(draw.normal(size=24), [2.0, 0.0])
    gains, error = lmg(basis @ sizes, {f"x{k}": basis[:, k : k + 1] for k in range(shares.MOST_EXACT)})
    assert gains[0] == pytest.approx(sizes[:24] ** 2 / (sizes @ sizes), abs=1e-12)
    assert error.max() == 0


def test_millions_of_sub_models_do_not_fill_the_memory() -> None:
    outcome, blocks = random_blocks([1] * 21)
    tracemalloc.start()
    lmg(outcome, blocks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6  # two numbers for each of the 2 million sub-models would be 34 MB, beside 23 MB that are used


def test_contributions_add_up_to_r2_in_every_resample() -> None:
    outcome, blocks = random_blocks([1, 2, 2])
    gains = lmg(outcome, blocks, resamples=5)[0]
    assert gains[0].sum() == pytest.approx(r2(outcome, list(blocks.values())), abs=1e-12)
    rows = np.repeat(np.arange(60), next(shares._draws(60, 5))[3].astype(int))
    taken = {name: block[rows] for name, block in blocks.items()}
    assert gains[4] == pytest.approx(over_all_orders(outcome[rows], taken), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_order_recombination_and_columns_of_no_use_change_no_share(data: st.DataObject) -> None:
    widths = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    outcome, blocks = random_blocks(widths, n=40, seed=data.draw(st.integers(0, 999)))
    plain = dict(zip(blocks, lmg(outcome, blocks)[0][0], strict=True))
    mixed = {name: blocks[name] @ (np.tri(blocks[name].shape[1]) + 1) for name in data.draw(st.permutations([*blocks]))}
    idle = {"still": np.ones((40, 2)), **mixed}
    gains = dict(zip(idle, lmg(outcome, idle)[0][0], strict=True))
    assert gains.pop("still") == 0
    assert gains == pytest.approx(plain, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(1, 3), st.booleans())
def test_two_that_say_the_same_share_equally_and_one_beside_all_others_keeps_its_own(
    seed: int, width: int, shifted: bool
) -> None:
    outcome, blocks = random_blocks([width, 2, 1], n=40, seed=seed)
    rest = np.linalg.qr(np.column_stack([np.ones(40), *blocks.values()]))[0]
    alone = (blocks["x2"] ** 3 - rest @ (rest.T @ blocks["x2"] ** 3)).reshape(-1, 1)
    twin = blocks["x0"] * -2 + 5 if shifted else blocks["x0"]
    given = {**blocks, "alone": alone, "twin": twin}
    gains = dict(zip(given, lmg(outcome, given)[0][0], strict=True))
    assert gains["twin"] == pytest.approx(gains["x0"], abs=1e-12)
    assert gains["alone"] == pytest.approx(r2(outcome, [alone]), abs=1e-12)
    assert sum(gains.values()) == pytest.approx(r2(outcome, list(given.values())), abs=1e-12)


def test_shares_do_not_change_with_an_offset() -> None:
    outcome, blocks = random_blocks([1, 2, 1])
    far = {name: block + 1e9 for name, block in blocks.items()}
    near = {name: block - 1e9 for name, block in far.items()}  # what the offset left of the digits
    found, plain = (lmg(outcome + by, given, resamples=3)[0] for by, given in [(-4.0, far), (0.0, near)])
    assert found == pytest.approx(plain, abs=1e-12)


@pytest.mark.parametrize("scale", [-1e-8, 1e8, 1e-170])
def test_shares_do_not_change_with_scale(scale: float) -> None:
    outcome, blocks = random_blocks([1, 2, 1])
    scaled = {**blocks, "x1": blocks["x1"] * [scale, 1 / scale], "x2": scale * blocks["x2"]}
    plain = lmg(outcome, blocks, resamples=3)[0]
    assert lmg(scale * outcome, scaled, resamples=3)[0] == pytest.approx(plain, abs=1e-12)


def test_columns_that_are_nearly_the_same_get_right_shares() -> None:
    outcome, blocks = random_blocks([1, 1, 1])
    blocks["x1"] = blocks["x0"] + 1e-3 * blocks["x1"]  # correlation 1 - 2.5e-7
    assert lmg(outcome, blocks)[0][0] == pytest.approx(over_all_orders(outcome, blocks), abs=1e-9)


def test_an_outcome_that_never_moves_and_no_blocks_at_all_give_nothing() -> None:
    _, blocks = random_blocks([1, 2])
    gains = lmg(np.full(60, 7.0), blocks, resamples=2)[0]
    assert gains.tolist() == [[0.0, 0.0]] * 3
    assert lmg(np.arange(5.0), {}, resamples=2)[0].shape == (3, 0)


def test_too_few_rows_are_refused_with_their_number() -> None:
    outcome, blocks = random_blocks([1, 2])
    with pytest.raises(ipo.NotEnoughData, match="4 rows cannot carry 3 columns"):
        lmg(outcome[:4], {name: block[:4] for name, block in blocks.items()})


def test_a_true_share_is_recovered_and_covered() -> None:
    hits = 0
    for seed in range(40):
        draw = np.random.default_rng(seed)
        x = draw.normal(size=(200, 2))
        gains, _ = lmg(x @ [2.0, 1.0] + draw.normal(size=200), {"a": x[:, :1], "b": x[:, 1:]}, resamples=199)
        share = gains[:, 0] / gains.sum(axis=1)
        hits += np.quantile(share[1:], 0.025) <= 0.8 <= np.quantile(share[1:], 0.975)
    assert hits >= 34


def test_rows_of_one_cluster_are_drawn_together() -> None:
    outcome, blocks = random_blocks([1, 2])
    thrice = {name: np.tile(block, (3, 1)) for name, block in blocks.items()}
    labels = np.array([f"unit {k % 60:02}" for k in range(180)])
    alone = lmg(outcome, blocks, resamples=9)[0]
    assert lmg(np.tile(outcome, 3), thrice, clusters=labels, resamples=9)[0] == pytest.approx(alone)
    assert np.abs(lmg(np.tile(outcome, 3), thrice, resamples=9)[0][1:] - alone[1:]).max() > 0.01


def test_sampled_orders_are_as_far_off_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [random_blocks([1, 2, 1, 1, 3], seed=seed) for seed in range(12)]
    exact = [lmg(*case)[0][0] for case in cases]
    for limit, value in {"MOST_REDRAWN": 2, "MOST_EXACT": 2, "PART": 2}.items():
        monkeypatch.setattr(shares, limit, value)
    off = []
    for seed, (case, right) in enumerate(zip(cases, exact, strict=True)):
        monkeypatch.setattr(shares, "SEED", seed)
        gains, error = lmg(*case)
        off.append((gains[0] - right) / error)
        assert gains[0].sum() == pytest.approx(right.sum(), abs=1e-12)
    assert 0.8 < np.sqrt(np.mean(np.square(off))) < 1.25


def test_above_the_exact_number_of_blocks_the_error_is_said_and_small() -> None:
    outcome, blocks = random_blocks([1] * (shares.MOST_EXACT + 4), n=200)
    gains, error = lmg(outcome, blocks, resamples=3)
    assert 0 < error.max() < 0.005
    assert gains[0].sum() == pytest.approx(r2(outcome, list(blocks.values())), abs=1e-12)
    rows = np.repeat(np.arange(200), next(shares._draws(200, 3))[1].astype(int))
    taken = [block[rows] for block in blocks.values()]
    assert gains[2].sum() == pytest.approx(r2(outcome[rows], taken), abs=1e-12)


def test_resamples_by_sampled_orders_spread_as_the_exact_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, blocks = random_blocks([1] * 10, n=120)
    exact = lmg(outcome, blocks, resamples=299)[0]
    monkeypatch.setattr(shares, "MOST_REDRAWN", 2)
    monkeypatch.setattr(shares, "PART", 4)
    sampled = lmg(outcome, blocks, resamples=299)[0]
    assert sampled[0] == pytest.approx(exact[0], abs=1e-12)
    assert sampled[1:].std(axis=0) == pytest.approx(exact[1:].std(axis=0), rel=0.1)
    assert (sampled - exact)[1:].std(axis=0).max() < 0.2 * exact[1:].std(axis=0).min()


def test_nothing_that_was_given_changes_and_the_same_call_gives_the_same() -> None:
    outcome, blocks = random_blocks([1, 2])
    before = outcome.copy(), {name: block.copy() for name, block in blocks.items()}
    first, second = (lmg(outcome, blocks, clusters=np.arange(60) // 2, resamples=9)[0] for _ in range(2))
    assert (first == second).all()
    assert (outcome == before[0]).all()
    assert all((blocks[name] == block).all() for name, block in before[1].items())


def test_only_what_is_surely_behind_starts_a_new_group() -> None:
    draw = np.random.default_rng(1)
    drawn = np.array([0.5, 0.45, 0.05]) + np.vstack([np.zeros(3), 0.02 * draw.normal(size=(999, 3))])
    assert tie_groups(drawn) == [1, 1, 2]
