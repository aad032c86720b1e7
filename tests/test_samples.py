"""Promises of samples.py and sample_data/: each case is made of its own recipe and plants what it should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ipo_nb as ipo
from ipo_nb.samples import CASES, sample_folder, simulate_case, write_samples

PLANTED = {"link", "too_weak", "none", "identity", "feedback"}


@pytest.fixture(scope="module", params=CASES)
def sample(request: pytest.FixtureRequest) -> ipo.Sample:
    return ipo.load_sample(request.param)


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder)
    return folder


def none_links(sample: ipo.Sample) -> list[tuple[pd.Series, pd.Series]]:
    rows = sample.truth[sample.truth["kind"] == "none"]
    values = sample.panel.values
    if sample.panel.units:
        values = values.groupby(level="period").mean()
    return [(values[row.cause], values[row.effect]) for row in rows.itertuples()]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("file", ["inventory.csv", "map.yml", "series.csv", "truth.yml"])
def test_the_files_are_byte_for_byte_what_a_new_run_writes(rewritten: Path, case: str, file: str) -> None:
    assert (rewritten / case / file).read_bytes() == (sample_folder(case) / file).read_bytes()


def test_reading_the_files_gives_the_simulated_panel(sample: ipo.Sample) -> None:
    made = simulate_case(sample_folder(sample.name)).panel.values
    pd.testing.assert_frame_equal(sample.panel.values[list(made)], made, check_freq=False, check_index_type=False)


def test_every_truth_is_a_link_of_the_map_and_the_other_way_round(sample: ipo.Sample) -> None:
    truth = {(row.cause, row.effect) for row in sample.truth.itertuples()}
    assert truth == {(link.cause, link.effect) for link in sample.ipo_map.links}
    assert not sample.ipo_map.warnings
    assert len(truth) == len(sample.truth)


def test_every_kind_is_planted(sample: ipo.Sample) -> None:
    kinds = set(sample.truth["kind"])
    assert kinds == (PLANTED | {"conflict"} if sample.name == "support" else PLANTED)
    assert list(sample.truth) == ["cause", "effect", "kind", "sign", "lag", "estimate"]


def test_sign_lag_and_estimate_belong_together(sample: ipo.Sample) -> None:
    acts = ~sample.truth["kind"].isin(["none", "identity"])
    said = np.where(sample.truth["estimate"] > 0, "+", "-")
    assert (sample.truth["sign"] == np.where(acts, said, "")).all()
    assert (sample.truth["lag"].notna() == acts).all()
    for row in sample.truth[acts].itertuples():
        link = sample.ipo_map.link(row.cause, row.effect)
        assert link.lag[0] <= row.lag <= link.lag[1]
        assert link.sign == row.sign


def test_the_signs_in_the_truth_file_are_those_of_its_estimates(sample: ipo.Sample) -> None:
    text = (sample_folder(sample.name) / "truth.yml").read_text("utf-8")
    for row in sample.truth[sample.truth["sign"] != ""].itertuples():
        start = f"cause: {row.cause}, effect: {row.effect}, kind: {row.kind}, "
        assert f'{start}sign: "{row.sign}", lag: {row.lag:.0f}, ' in text


def test_the_data_show_what_is_true_and_claim_nothing_else(sample: ipo.Sample) -> None:
    table = ipo.weigh_links(sample.ipo_map, sample.panel).table
    found = sample.truth.merge(table, on=["cause", "effect"], suffixes=("_true", ""))
    true = found[found["kind"].isin(["link", "feedback", "conflict"])]
    assert (true["verdict"] == "supported").all()
    assert ((true["lag"] - true["lag_true"]).abs() <= 1).all()
    assert (np.sign(true["estimate"]) == np.sign(true["estimate_true"])).all()
    assert ((found["verdict"] == "identity") == (found["kind"] == "identity")).all()
    false = found[found["kind"].isin(["none", "too_weak"])]
    assert not false["verdict"].isin(["supported", "contradicted", "backwards"]).any()


def test_one_metric_is_isolated_and_one_outcome_has_no_process(sample: ipo.Sample) -> None:
    linked = {name for link in sample.ipo_map.links for name in (link.cause, link.effect)}
    loose = [metric for metric in sample.ipo_map.metrics if metric.name not in linked]
    assert [metric for metric in loose if metric.stage != "outcome"]
    assert [m for m in sample.ipo_map.metrics if m.stage == "outcome" and not sample.ipo_map.parents(m.name)]


def test_identities_are_arithmetic(sample: ipo.Sample) -> None:
    identities = sample.truth[sample.truth["kind"] == "identity"]
    assert all(sample.ipo_map.is_identity(sample.ipo_map.link(r.cause, r.effect)) for r in identities.itertuples())
    formulas = [sample.ipo_map.inventory.formula(metric.name) for metric in sample.ipo_map.metrics]
    names = [metric.name for metric in sample.ipo_map.metrics if metric.formula]
    for name, formula in zip(names, filter(None, formulas), strict=True):
        values = sample.panel.values
        again = formula.evaluate({part: values[part] for part in formula.names})
        np.testing.assert_allclose(values[name], again, atol=0.006)


def without_line(series: pd.Series) -> pd.Series:
    known = series.dropna()
    time = np.arange(len(known))
    return known - np.polyval(np.polyfit(time, known, 1), time)


def test_one_false_belief_only_shares_a_trend_and_one_only_a_season(sample: ipo.Sample) -> None:
    year = 12 if sample.panel.cadence == "monthly" else 52
    seen = []
    for cause, effect in none_links(sample):
        flat = without_line(cause).corr(without_line(effect))
        seen.append((cause.corr(effect), flat, cause.diff(year).corr(effect.diff(year))))
    assert any(raw > 0.5 and abs(flat) < 0.3 for raw, flat, _ in seen), "no pair would fool by its trend"
    assert any(flat > 0.3 and over < 0.2 for _, flat, over in seen), "no pair would fool by its season"


def test_the_sizes_are_those_of_the_three_stories() -> None:
    support, gaming, hospital = (ipo.load_sample(case) for case in CASES)
    assert (support.panel.cadence, len(support.panel.values), len(support.ipo_map.names)) == ("weekly", 208, 18)
    assert len({metric.team for metric in support.ipo_map.metrics}) == 5
    assert (gaming.panel.cadence, len(gaming.panel.values), len(gaming.ipo_map.names)) == ("weekly", 156, 19)
    assert (hospital.panel.cadence, len(hospital.panel.units)) == ("monthly", 24)
    assert len(hospital.panel.values) == 24 * 60


def test_the_support_team_wins_and_its_customers_lose(support: ipo.Sample) -> None:
    conflict = support.truth[support.truth["kind"] == "conflict"].iloc[0]
    metric = support.ipo_map.metric(conflict["cause"])
    assert (metric.team, metric.better, conflict["sign"], conflict["lag"]) == ("Support", "lower", "+", 4)
    handle, satisfaction = support.panel.series(metric.name), support.panel.series("Satisfaction")
    for falling in (handle, satisfaction):
        assert falling.iloc[-52:].mean() < falling.iloc[:52].mean()


def test_the_handle_time_that_harms_is_named_by_the_audit(support: ipo.Sample) -> None:
    findings = ipo.audit_map(support.ipo_map).findings
    named = findings.loc[findings["code"] == "declared_conflict", "metrics"].map(str)
    assert named.str.contains("Handle minutes").any()


def test_in_gaming_one_process_alone_drives_churn() -> None:
    truth = ipo.load_sample("gaming").truth
    into = truth[(truth["effect"] == "Churn") & (truth["kind"] != "none")]
    assert into["cause"].tolist() == ["Queue minutes"]


def test_in_the_hospital_units_and_totals_tell_different_stories() -> None:
    values = ipo.load_sample("hospital").panel.values
    pair = values[["Nurse hours", "Response minutes"]]
    inside = pair - pair.groupby(level="unit").transform("mean")
    assert pair.corr().iloc[0, 1] > 0.2
    assert inside.corr().iloc[0, 1] < -0.2
    month = values.groupby(level="period").mean()
    assert abs(month["Falls"].corr(month["Response minutes"].shift(1))) < 0.3


def test_values_are_believable(sample: ipo.Sample) -> None:
    table = sample.panel.table.set_index("metric")
    assert (table["low"] >= 0).all()
    percent = [metric.name for metric in sample.ipo_map.metrics if metric.unit == "percent"]
    assert (table.loc[percent, "high"] < 100).all()
    clipped = (sample.panel.values == table["low"]).mean()
    assert (clipped[table["low"] == 0] < 0.2).all(), "more than a fifth of a metric lies on its bound"


def test_another_seed_is_another_draw_of_the_same_truth() -> None:
    folder = sample_folder("gaming")
    one, two = simulate_case(folder), simulate_case(folder, seed=99)
    assert one.truth.equals(two.truth)
    assert (one.panel.values != two.panel.values).mean().min() > 0.3


def test_names_are_forgiven_their_capitals_and_nothing_else() -> None:
    assert sample_folder("Support") == sample_folder("support")
    with pytest.raises(ipo.BadOption, match="Did you mean 'hospital'"):
        ipo.load_sample("hopsital")
    with pytest.raises(ipo.BadOption, match="support, gaming, hospital"):
        ipo.load_sample("../support")


def test_no_widget_saves_over_a_case() -> None:
    case = ipo.load_sample("support").ipo_map
    files = {path: path.read_bytes() for path in ipo.sample_folder("support").iterdir() if path.is_file()}
    ipo.widgets.InventoryEditor(case.inventory).edit(0, unit="people")
    ipo.widgets.InventoryEditor(case.inventory, case).edit(0, unit="people")
    ipo.widgets.LinkBoard(case).link("Tool outages", "Backlog")
    assert {path: path.read_bytes() for path in files} == files
