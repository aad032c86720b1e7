"""LagExplorer, DriverExplorer and ScenarioPanel by mouse and by keys: Python follows, and the screen shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from stage import settle, shown, slide

import ipo_nb as ipo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


def lit(page: Page) -> set[str]:
    return set(page.locator(".ipo-box.ipo-on").evaluate_all("boxes => boxes.map((box) => box.dataset.box)"))


def keys(page: Page, *names: str) -> None:
    for name in names:
        page.keyboard.press(name)
        settle(page)


def test_another_link_is_explored(browser: Browser, support_study: ipo.Study) -> None:
    widget = ipo.widgets.LagExplorer(support_study.evidence)
    with shown(browser, widget) as page:
        choice = page.get_by_role("combobox", name="Link")
        choice.select_option("Handle minutes → Satisfaction")
        settle(page)
        assert widget.link == ("Handle minutes", "Satisfaction")
        assert "Satisfaction" in page.locator(".ipo-headline").inner_text()
        choice.focus()
        keys(page, "Home")
        assert widget.link == ("Agents on shift", "Wait minutes")
        assert choice.evaluate("(node) => node === document.activeElement")
        assert "Wait minutes" in page.locator(".ipo-headline").inner_text()


def test_lag_sliders_move_by_mouse_and_by_keys(browser: Browser, support_study: ipo.Study) -> None:
    widget = ipo.widgets.LagExplorer(support_study.evidence, ("Handle minutes", "Satisfaction"))
    with shown(browser, widget) as page:
        slide(page, page.get_by_role("slider", name="Lags looked at"), 0.999)
        assert len(widget.looked.table) == 27
        before = page.locator("section[aria-label=Correlations] svg").inner_html()
        page.get_by_role("slider", name="Own history").focus()
        own = widget._settings["own_lags"]
        keys(page, "ArrowLeft", "ArrowLeft")
        assert widget._settings["own_lags"] == own - 2
        assert page.locator("section[aria-label=Correlations] svg").inner_html() != before
        page.get_by_role("slider", name="Season").focus()
        keys(page, "Home")
        assert page.get_by_role("slider", name="Season").get_attribute("aria-valuetext") == "0 waves"
        assert widget._settings["pairs"] == 0


def test_the_cause_is_moved_over_the_effect(browser: Browser, support_study: ipo.Study) -> None:
    widget = ipo.widgets.LagExplorer(support_study.evidence, ("Handle minutes", "Satisfaction"))
    with shown(browser, widget) as page:
        words = page.locator(".ipo-names .ipo-second-words")
        assert f"{widget.profile.lag} later" in words.inner_text()
        page.get_by_role("slider", name="Move the cause").focus()
        keys(page, "Home", "ArrowRight", "ArrowRight")
        assert "2 later" in words.inner_text()
        slide(page, page.get_by_role("slider", name="Move the cause"), 0.999)
        assert "26 later" in words.inner_text()


def test_a_driver_lights_its_path(browser: Browser, support_study: ipo.Study) -> None:
    widget = ipo.widgets.DriverExplorer(support_study.evidence, "Satisfaction")
    with shown(browser, widget) as page:
        coaching = page.get_by_role("button", name="Coaching hours")
        coaching.click()
        assert lit(page) == {"Coaching hours", "First-contact resolution", "Handle minutes", "Satisfaction"}
        assert coaching.get_attribute("aria-pressed") == "true"
        keys(page, "Enter")  # it kept the focus, and a second press puts all back
        assert coaching.get_attribute("aria-pressed") == "false"
        assert "Wait minutes" in lit(page)
        page.get_by_role("button", name="Wait minutes").press(" ")
        assert lit(page) == {"Wait minutes", "Satisfaction"}


def test_another_outcome_is_explored(browser: Browser, support_study: ipo.Study) -> None:
    widget = ipo.widgets.DriverExplorer(support_study.evidence, "Satisfaction")
    with shown(browser, widget) as page:
        choice = page.get_by_role("combobox", name="Outcome")
        choice.select_option("Complaints")
        settle(page)
        assert widget.outcome == "Complaints"
        assert page.locator(".ipo-driver").count() == len(widget.drivers.table)
        choice.focus()
        keys(page, "Home")
        assert widget.outcome == widget.view["outcomes"][0] != "Complaints"
        assert choice.evaluate("(node) => node === document.activeElement")


def test_sliders_of_a_scenario_move_by_mouse_and_by_keys(browser: Browser, support_study: ipo.Study) -> None:
    widget = ipo.widgets.ScenarioPanel(support_study.evidence)
    with shown(browser, widget) as page:
        slide(page, page.get_by_role("slider", name="Handle minutes"), 0)
        handle = widget.changes["Handle minutes"]
        assert handle < 0
        assert "Satisfaction" in page.locator(".ipo-guard").inner_text()  # the guardrail
        page.get_by_role("slider", name="Coaching hours").focus()
        keys(page, "ArrowRight", "ArrowRight")
        step = next(lever["step"] for lever in widget.view["levers"] if lever["name"] == "Coaching hours")
        assert widget.changes == {"Handle minutes": handle, "Coaching hours": pytest.approx(2 * step)}
        page.get_by_role("slider", name="Look ahead").focus()
        keys(page, "Home")
        assert widget.horizon == 4
        assert page.locator(".ipo-follows section").count() == len(widget.moved["rows"])


def test_a_target_is_reached_and_all_is_put_back(browser: Browser, support_study: ipo.Study) -> None:
    widget = ipo.widgets.ScenarioPanel(support_study.evidence)
    with shown(browser, widget) as page:
        page.get_by_role("combobox", name="Outcome").select_option("Satisfaction")
        page.get_by_label("Target").fill("7.5")
        page.get_by_role("button", name="Find the change").click()
        settle(page)
        assert len(widget.changes) == 1
        name, by = next(iter(widget.changes.items()))
        assert float(page.get_by_role("slider", name=name).input_value()) == pytest.approx(by, abs=0.1)
        page.get_by_role("button", name="Put all back").press("Enter")
        settle(page)
        assert widget.changes == {}
        assert page.get_by_text("Nothing is changed yet").count() == 1
        page.get_by_label("Target").fill("99")
        keys(page, "Enter")
        page.get_by_role("alert").filter(has_text="✕").wait_for()
        assert widget.changes == {}
        page.get_by_label("Target").fill("7.5")
        keys(page, "Enter")
        assert list(widget.changes) == [name]
