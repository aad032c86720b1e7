"""The regression that an analyst specifies: published digits, hard numbers, the calendar, refusals in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.datasets import danish_data, grunfeld, longley
from statsmodels.tsa.ardl import ARDL

import ipo_nb as ipo

WEEKS = pd.period_range("2022-01-03", periods=180, freq="W-SUN")


def weekly(values, name):
    return pd.Series(values, WEEKS[: len(values)], name=name)


def noise(seed, n=180, own=0.5):
    series = np.random.default_rng(seed).normal(size=n)
    for t in range(1, n):
        series[t] += own * series[t - 1]
    return series


def planted():
    cause = noise(1)
    return pd.DataFrame({"cause": cause, "effect": -0.5 * np.roll(cause, 3) + noise(1001)}, WEEKS)


def numbers(text):
    return np.array([float(number) for number in text.split()])


# NIST Statistical Reference Datasets (Filip, Norris, Pontius as measured; Wampler 1-5 by their formula)
FILIP_X = numbers("""
-6.860120914 -4.324130045 -4.358625055 -4.358426747 -6.955852379 -6.661145254 -6.355462942 -6.118102026 -7.115148017
-6.815308569 -6.519993057 -6.204119983 -5.853871964 -6.109523091 -5.79832982 -5.482672118 -5.171791386 -4.851705903
-4.517126416 -4.143573228 -3.709075441 -3.499489089 -6.300769497 -5.953504836 -5.642065153 -5.031376979 -4.680685696
-4.329846955 -3.928486195 -8.56735134 -8.363211311 -8.107682739 -7.823908741 -7.522878745 -7.218819279 -6.920818754
-6.628932138 -6.323946875 -5.991399828 -8.781464495 -8.663140179 -8.473531488 -8.247337057 -7.971428747 -7.676129393
-7.352812702 -7.072065318 -6.774174009 -6.478861916 -6.159517513 -6.835647144 -6.53165267 -6.224098421 -5.910094889
-5.598599459 -5.290645224 -4.974284616 -4.64454848 -4.290560426 -3.885055584 -3.408378962 -3.13200249 -8.726767166
-8.66695597 -8.511026475 -8.165388579 -7.886056648 -7.588043762 -7.283412422 -6.995678626 -6.691862621 -6.392544977
-6.067374056 -6.684029655 -6.378719832 -6.065855188 -5.752272167 -5.132414673 -4.811352704 -4.098269308 -3.66174277
-3.2644011""")
FILIP_Y = numbers("""
0.8116 0.9072 0.9052 0.9039 0.8053 0.8377 0.8667 0.8809 0.7975 0.8162 0.8515 0.8766 0.8885 0.8859 0.8959 0.8913 0.8959
0.8971 0.9021 0.909 0.9139 0.9199 0.8692 0.8872 0.89 0.891 0.8977 0.9035 0.9078 0.7675 0.7705 0.7713 0.7736 0.7775
0.7841 0.7971 0.8329 0.8641 0.8804 0.7668 0.7633 0.7678 0.7697 0.77 0.7749 0.7796 0.7897 0.8131 0.8498 0.8741 0.8061
0.846 0.8751 0.8856 0.8919 0.8934 0.894 0.8957 0.9047 0.9129 0.9209 0.9219 0.7739 0.7681 0.7665 0.7703 0.7702 0.7761
0.7809 0.7961 0.8253 0.8602 0.8809 0.8301 0.8664 0.8834 0.8898 0.8964 0.8963 0.9074 0.9119 0.9228""")
NORRIS_X = numbers("""
0.2 337.4 118.2 884.6 10.1 226.5 666.3 996.3 448.6 777.0 558.2 0.4 0.6 775.5 666.9 338.0 447.5 11.6 556.0 228.1 995.8
887.6 120.2 0.3 0.3 556.8 339.1 887.2 999.0 779.0 11.1 118.3 229.2 669.1 448.9 0.5""")
NORRIS_Y = numbers("""
0.1 338.8 118.1 888.0 9.2 228.1 668.5 998.5 449.1 778.9 559.2 0.3 0.1 778.1 668.8 339.3 448.9 10.8 557.7 228.3 998.0
888.8 119.6 0.3 0.6 557.6 339.3 888.0 998.5 778.9 10.2 117.6 228.9 668.4 449.2 0.2""")
PONTIUS_Y = numbers("""
.11019 .21956 .32949 .43899 .54803 .65694 .76562 .87487 .98292 1.09146 1.20001 1.30822 1.41599 1.52399 1.63194 1.73947
1.84646 1.95392 2.06128 2.16844 .11052 .22018 .32939 .43886 .54798 .65739 .76596 .87474 .98300 1.09150 1.20004 1.30818
1.41613 1.52408 1.63159 1.73965 1.84696 1.95445 2.06177 2.16829""")
STEPS = np.arange(21.0)
WAVE = numbers("759 -2048 2048 -2048 2523 -2048 2048 -2048 1838 -2048 2048")
WAVE = np.concatenate([WAVE, WAVE[-2::-1]])
WAMPLER = sum(STEPS**j for j in range(6))
SPREAD = numbers(
    "2152.32624678170 2363.55173469681 779.343524331583 101.475507550350 5.64566512170752 0.112324854679312"
)
NIST = {  # x, y, degree, certified coefficients, certified standard errors, digits asked for
    "Norris": (
        NORRIS_X,
        NORRIS_Y,
        1,
        "-0.262323073774029 1.00211681802045",
        "0.232818234301152 0.429796848199937E-03",
        13,
    ),
    "Pontius": (
        *(np.tile(150000.0 * np.arange(1, 21), 2), PONTIUS_Y, 2),
        "0.673565789473684E-03 0.732059160401003E-06 -0.316081871345029E-14",
        "0.107938612033077E-03 0.157817399981659E-09 0.486652849992036E-16",
        13,
    ),
    "Filip": (
        *(FILIP_X, FILIP_Y, 10),
        """-1467.48961422980 -2772.17959193342 -2316.37108160893 -1127.97394098372 -354.478233703349 -75.1242017393757
        -10.8753180355343 -1.06221498588947 -0.670191154593408E-01 -0.246781078275479E-02 -0.402962525080404E-04""",
        """298.084530995537 559.779865474950 466.477572127796 227.204274477751 71.6478660875927 15.2897178747400
        2.23691159816033 0.221624321934227 0.142363763154724E-01 0.535617408889821E-03 0.896632837373868E-05""",
        7,
    ),
    "Wampler1": (STEPS, WAMPLER, 5, "1 1 1 1 1 1", None, 13),
    "Wampler2": (STEPS, sum((STEPS / 10) ** j for j in range(6)).round(5), 5, "1 .1 .01 .001 .0001 .00001", None, 11),
    "Wampler3": (STEPS, WAMPLER + WAVE, 5, "1 1 1 1 1 1", SPREAD, 13),
    "Wampler4": (STEPS, WAMPLER + 100 * WAVE, 5, "1 1 1 1 1 1", 100 * SPREAD, 13),
    "Wampler5": (STEPS, WAMPLER + 10000 * WAVE, 5, "1 1 1 1 1 1", 10000 * SPREAD, 13),
}


def digits(found, certified):
    """Significant digits that agree, at worst; 15 at most."""
    certified = numbers(certified) if isinstance(certified, str) else np.asarray(certified)
    apart = np.abs(np.asarray(found) / certified - 1).max()
    return 15.0 if apart < 1e-15 else -np.log10(apart)


@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")
@pytest.mark.parametrize("name", NIST)
def test_certified_values_of_nist_come_out_with_more_digits_than_those_of_statsmodels(name):
    x, y, degree, slopes, errors, wanted = NIST[name]
    powers = {f"x{j}": x**j for j in range(1, degree + 1)}
    frame = pd.DataFrame({"y": y} | powers, pd.period_range("1900", periods=len(x), freq="Y"))
    table = ipo.lagged_regression(frame, "y", dict.fromkeys(powers, 0), errors="nonrobust").table
    theirs = sm.OLS(y, np.column_stack([x**j for j in range(degree + 1)])).fit()
    assert digits(table["estimate"], slopes) >= max(wanted, min(digits(theirs.params, slopes), 13))
    if errors is None:
        assert (table["error"] < 1e-10 * table["estimate"]).all()
    else:
        assert digits(table["error"], errors) >= max(wanted, min(digits(theirs.bse, errors), 13))


def test_longley_comes_out_to_eleven_certified_digits():
    data = longley.load().data.set_axis(pd.period_range("1947", periods=16, freq="Y"))
    table = ipo.lagged_regression(data, "TOTEMP", dict.fromkeys(data.columns[1:], 0), errors="nonrobust").table
    slopes = """-3482258.63459582 15.0618722713733 -0.358191792925910E-01 -2.02022980381683 -1.03322686717359
        -0.511041056535807E-01 1829.15146461355"""
    errors = """890420.383607373 84.9149257747669 0.334910077722432E-01 0.488399681651699 0.214274163161675
        0.226073200069370 455.478499142212"""
    assert digits(table["estimate"], slopes) > 11
    assert digits(table["error"], errors) > 11


def quarterly(data):
    return data.set_axis(pd.PeriodIndex(data.index, freq="Q"))


def test_danish_money_demand_gives_the_published_ardl():
    """ARDL(3, 1, 3, 2) as statsmodels' page and R's ARDL print it (Natsiopoulos & Tzeremes 2022)."""
    data = quarterly(danish_data.load().data)
    causes = {"lry": (0, 1), "ibo": (0, 3), "ide": (0, 2)}
    ours = ipo.lagged_regression(data, "lrm", causes, own_lags=3, errors="nonrobust")
    estimates = "2.6202 .3192 .5326 -.2687 .6728 -.2574 -1.0785 -.1062 .2877 -.9947 .1255 -.3280 1.4079"
    errors = "0.5678 0.1367 0.1324 0.1021 0.1312 0.1472 0.3217 0.5858 0.5691 0.3925 0.5545 0.7213 0.5520"
    np.testing.assert_allclose(ours.table["estimate"], numbers(estimates), atol=5.01e-5)
    np.testing.assert_allclose(ours.table["error"], numbers(errors), atol=5.01e-5)
    np.testing.assert_allclose(ours.long_run["estimate"], [0.9964676, -4.5381160, 2.8915201], atol=5.01e-8)
    np.testing.assert_allclose(ours.long_run["error"], [0.1239310, 0.5202961, 0.9950853], atol=5.01e-8)
    theirs = ARDL(data["lrm"], 3, data[["lry", "ibo", "ide"]], {"lry": 1, "ibo": 3, "ide": 2}).fit()
    np.testing.assert_allclose(ours.table["estimate"], theirs.params, rtol=1e-8)
    assert ours.fit.llf == pytest.approx(theirs.llf, rel=1e-10)


def test_trend_and_season_equal_statsmodels_ardl():
    data = quarterly(danish_data.load().data)
    theirs = ARDL(data["lrm"], 1, data[["lry"]], 2, trend="ct", seasonal=True).fit()
    ours = ipo.lagged_regression(data, "lrm", {"lry": (0, 2)}, own_lags=1, trend="ct", season=4, errors="nonrobust")
    by_term = ours.table.set_index("term")["estimate"]
    assert by_term["trend"] == pytest.approx(theirs.params["trend"], rel=1e-8)
    assert by_term["season 2"] == pytest.approx(theirs.params["s(3,4)"], rel=1e-8)
    assert by_term["lry lag 2"] == pytest.approx(theirs.params["lry.L2"], rel=1e-8)


def investment():
    """Grunfeld's ten firms (without American Steel), 1935 to 1954."""
    data = grunfeld.load().data
    years = pd.PeriodIndex(data["year"].astype(int).astype(str), freq="Y")
    frame = data.set_index([data["firm"].astype(str), years])[["invest", "value", "capital"]]
    return frame[frame.index.get_level_values(0) != "American Steel"]


@pytest.mark.parametrize(
    ("trend", "estimates", "errors"),
    [
        ("c", [-42.714369, 0.115562, 0.230678], [9.511676, 0.005836, 0.025476]),
        ("u", [0.110124, 0.310065], [0.011857, 0.017355]),
    ],
)
def test_grunfeld_gives_the_published_pooled_and_within_estimates(trend, estimates, errors):
    """Baltagi (2013), table 2.1, in the digits that the plm package of R prints."""
    ours = ipo.lagged_regression(investment(), "invest", {"value": 0, "capital": 0}, trend=trend, errors="nonrobust")
    np.testing.assert_allclose(ours.table["estimate"], estimates, atol=5.01e-7)
    np.testing.assert_allclose(ours.table["error"], errors, atol=5.01e-7)
    assert ours.n_periods == 200


@pytest.mark.parametrize("errors", ["HAC", ("HAC", 2), "newey", "nonrobust", "HC0", "HC1", "HC2", "HC3", "cluster"])
@pytest.mark.parametrize("trend", ["n", "c", "u", "ut"])
def test_the_fit_is_statsmodels_and_says_the_same(errors, trend):
    causes = {"value": (0, 1), "capital": 1}
    ours = ipo.lagged_regression(investment(), "invest", causes, own_lags=1, trend=trend, errors=errors)
    theirs, table = ours.fit, ours.table.set_index("term")
    said = {"estimate": theirs.params, "error": theirs.bse, "t": theirs.tvalues, "p_value": theirs.pvalues}
    for column, values in said.items():
        np.testing.assert_allclose(table[column], values[table.index], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(table[["low", "high"]], theirs.conf_int().loc[table.index], rtol=1e-8)
    picked = np.array([[name == f"value lag {k}" for name in theirs.params.index] for k in (0, 1)], dtype=float)
    joint = theirs.f_test(picked)
    assert ours.long_run["f"][0] == pytest.approx(float(joint.fvalue), rel=1e-8)
    assert ours.long_run["p_value"][0] == pytest.approx(float(joint.pvalue), rel=1e-6, abs=1e-12)


def test_it_is_the_ols_that_was_asked_for():
    frame = planted()
    ours = ipo.lagged_regression(frame, "effect", {"cause": (2, 3)}, own_lags=1, errors="nonrobust")
    columns = [frame["effect"].shift(1), frame["cause"].shift(2), frame["cause"].shift(3)]
    theirs = sm.OLS(frame["effect"][3:], sm.add_constant(pd.concat(columns, axis=1)[3:].to_numpy())).fit()
    np.testing.assert_allclose(ours.table["estimate"], theirs.params, rtol=1e-10)
    np.testing.assert_allclose(ours.table["error"], theirs.bse, rtol=1e-10)
    assert ours.long_run["f"][0] == pytest.approx(float(theirs.f_test(np.eye(4)[2:]).fvalue), rel=1e-9)


def test_the_long_run_is_the_delta_method_and_newey_is_hac_by_n_over_n_less_k():
    ours = ipo.lagged_regression(planted(), "effect", {"cause": (2, 3)}, own_lags=1, errors=("HAC", 7))
    stata = ipo.lagged_regression(planted(), "effect", {"cause": (2, 3)}, own_lags=1, errors=("newey", 7))
    spread, (own, *weights) = ours.fit.cov_params().to_numpy()[1:, 1:], ours.table["estimate"][1:]
    kept, total = 1 - own, sum(weights)
    gradient = np.array([total / kept**2, 1 / kept, 1 / kept])
    assert ours.long_run["estimate"][0] == pytest.approx(total / kept, rel=1e-10)
    assert ours.long_run["error"][0] == pytest.approx(np.sqrt(gradient @ spread @ gradient), rel=1e-8)
    np.testing.assert_allclose(stata.table["error"] / ours.table["error"], np.sqrt(177 / 173), rtol=1e-10)
    assert "HAC (7 lags) errors" in ours.text


def test_the_response_adds_up_the_lags_and_ends_at_the_long_run():
    """Cumulative dynamic multipliers: without own lags, sums of coefficients with the errors of sums."""
    ours = ipo.lagged_regression(planted(), "effect", {"cause": (1, 4)}, errors="HC1")
    spread = ours.fit.cov_params().to_numpy()
    sums = np.array([[0, *[1] * k, *[0] * (4 - k)] for k in range(5)])
    np.testing.assert_allclose(ours.response["estimate"], sums @ ours.table["estimate"], rtol=1e-10)
    np.testing.assert_allclose(ours.response["error"], np.sqrt(np.diag(sums @ spread @ sums.T)), rtol=1e-8)
    slow = ipo.lagged_regression(planted(), "effect", {"cause": (1, 4)}, own_lags=2)
    for column in ("estimate", "error", "low", "high"):
        assert slow.response[column].iloc[-1] == pytest.approx(slow.long_run[column][0], rel=1e-4)


def test_the_gradient_of_a_response_is_that_of_small_steps():
    ours = ipo.lagged_regression(planted(), "effect", {"cause": (0, 1)}, own_lags=2)
    _, a, b, c, d = ours.table["estimate"]

    def fifth(step):
        one, two, now, late = np.array([a, b, c, d]) + step
        path = [0.0, 0.0]
        for h in range(6):
            path.append(now + late * (h > 0) + one * path[-1] + two * path[-2])
        return path[-1]

    gradient = np.array([(fifth(step) - fifth(-step)) / 2e-6 for step in 1e-6 * np.eye(4)])
    error = np.sqrt(gradient @ ours.fit.cov_params().to_numpy()[1:, 1:] @ gradient)
    assert ours.response["estimate"][5] == pytest.approx(fifth(np.zeros(4)), rel=1e-10)
    assert ours.response["error"][5] == pytest.approx(error, rel=1e-6)


def test_intervals_of_the_long_run_cover_the_truth_as_often_as_they_say():
    def covers(seed):
        cause, effect = noise(seed, 300), noise(seed + 500, 300, own=0.0)
        for t in range(1, 300):
            effect[t] += 0.5 * effect[t - 1] + 0.4 * cause[t] + 0.1 * cause[t - 1]
        frame = pd.DataFrame({"x": cause, "y": effect}, pd.period_range("2000-01", periods=300, freq="M"))
        row = ipo.lagged_regression(frame, "y", {"x": (0, 1)}, own_lags=1, errors="HC3").long_run.iloc[0]
        return row["low"] < 1.0 < row["high"]

    assert 183 <= sum(covers(seed) for seed in range(200)) <= 198  # .95 of 200 is 190; below 0.01 outside on each side


def test_offsets_of_a_billion_and_lags_all_but_equal_are_right():
    """Where statsmodels' default is wrong: slope 2.5 on a cause that stands at a billion."""
    slow = np.round(np.cumsum(noise(1, own=0.0)) * 64) / 64
    frame = pd.DataFrame({"x": 1e9 + slow, "z": 1e9 + slow + np.round(noise(2)) * 2.0**-20}, WEEKS)
    frame["y"] = 2.5 * (frame["x"] - 1e9) - 1e6 * (frame["z"] - frame["x"]) + 1e9
    table = ipo.lagged_regression(frame, "y", {"x": 0, "z": 0}, errors="nonrobust").table
    np.testing.assert_allclose(table["estimate"][1:], [2.5 + 1e6, -1e6], rtol=1e-9)
    moved = ipo.lagged_regression(frame - 1e9, "y", {"x": 0, "z": 0}, errors="nonrobust").table
    np.testing.assert_allclose(table["estimate"][1:], moved["estimate"][1:], rtol=1e-9)


def test_lags_follow_the_calendar_and_never_lead_from_one_unit_into_the_next():
    frame = planted()
    whole = ipo.lagged_regression(frame, "effect", {"cause": (0, 2)}, own_lags=1)
    gapped = ipo.lagged_regression(frame.drop(WEEKS[50:60]).sample(frac=1, random_state=1), "effect", {"cause": (0, 2)})
    assert (whole.n_periods, gapped.n_periods) == (178, 166)
    two = pd.concat({"a": frame, "b": frame + 1})
    assert ipo.lagged_regression(two, "effect", {"cause": (0, 2)}, own_lags=1).n_periods == 2 * 178
    dated = ipo.lagged_regression(frame.to_timestamp(), "effect", {"cause": (0, 2)}, own_lags=1)
    np.testing.assert_allclose(dated.table["estimate"], whole.table["estimate"], rtol=1e-12)


def test_dummies_powers_of_time_and_gappy_columns_are_causes_like_others():
    frame = planted().assign(war=np.arange(180) // 60 == 1, square=(np.arange(180.0) + 1) ** 2)
    frame.loc[WEEKS[10], "cause"] = np.nan
    ours = ipo.lagged_regression(frame, "effect", {"cause": (0, 2), "war": 0, "square": 0}, trend="ct")
    theirs = ipo.lagged_regression(frame, "effect", {"cause": (0, 2), "war": 0}, trend="ctt")
    assert ours.n_periods == 180 - 2 - 3
    by_term = (result.table.set_index("term")["estimate"] for result in (ours, theirs))
    one, other = (values.to_dict() for values in by_term)
    assert one["square lag 0"] == pytest.approx(other["trend squared"], rel=1e-9)


def test_nothing_given_is_changed_and_json_holds_all_tables():
    frame = planted()
    before = frame.copy()
    result = ipo.lagged_regression(frame, "effect", {"cause": (0, 2)})
    pd.testing.assert_frame_equal(frame, before)
    told = result.to_dict()
    assert told["long_run"][0]["cause"] == "cause"
    assert len(told["response"]) == 3
    assert "not corrected" in told["text"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"causes": {"caus": 0}}, "Did you mean 'cause'"),
        ({"causes": {}}, "No cause is named"),
        ({"causes": {"effect": (1, 2)}}, "own_lags holds its own past"),
        ({"causes": {"cause": (3, 1)}}, "0 <= first <= last"),
        ({"causes": {"cause": 0}, "own_lags": -1}, "own_lags is -1"),
        ({"causes": {"cause": 0}, "trend": "u"}, "'n', 'c', 'ct' or 'ctt'"),
        ({"causes": {"cause": 0}, "season": 1}, "2 or more"),
        ({"causes": {"cause": 0}, "errors": "HC9"}, "errors is 'HC9'"),
        ({"causes": {"cause": 0}, "errors": ("HC3", 4)}, r"\('HAC', 7\) for 7 lags"),
        ({"causes": {"cause": 0}, "errors": "cluster"}, "errors is 'cluster'"),
        ({"causes": {"cause": 0, "twice": 0}}, "'twice lag 0' is a sum of the other terms"),
        ({"causes": {"cause": 0, "flat": 0}}, "'flat lag 0' is a sum of the other terms"),
        ({"causes": {"cause": (0, 2), "nearly": (0, 2)}}, "'nearly lag 0' is a sum of the other terms"),
        ({"causes": {"cause": (0, 120)}}, "complete periods are left"),
        ({"causes": {"words": 0}}, "0 complete periods are left"),
    ],
)
def test_a_regression_that_cannot_be_run_is_refused_in_words(options, words):
    frame = planted().assign(flat=0.1 + 0.2, words="many")
    frame["twice"], frame["nearly"] = 2 * frame["cause"], frame["cause"] * (1 + 1e-12 * noise(3))
    with pytest.raises(ipo.IpoError, match=words):
        ipo.lagged_regression(frame, "effect", **options)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (planted().reset_index(drop=True), "has an index of type RangeIndex"),
        (planted().set_axis(WEEKS[:179].append(WEEKS[:1])), "two values for"),
        (planted().assign(effect=3.0), "'effect' never moved"),
        (pd.concat([planted(), planted()], axis=1), "Two columns are called 'effect'"),
        (planted().assign(effect=np.nan, cause=np.nan), "holds no number"),
    ],
)
def test_a_frame_that_holds_no_series_is_refused_in_words(frame, words):
    with pytest.raises(ipo.IpoError, match=words):
        ipo.lagged_regression(frame, "effect", {"cause": 0})
