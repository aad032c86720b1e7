"""LinkBoard by mouse and by keys: what is done on the screen stands in Python and in the map's file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from in_lab import PLACES, Notebook, serving
from stage import settle, shown

import ipo_nb as ipo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser
NEW = ("Tool outages", "Backlog")
OLD = ("Handle minutes", "Satisfaction")


class Board(NamedTuple):
    page: Page
    widget: ipo.widgets.LinkBoard | Filed

    def box(self, name: str) -> Locator:
        return self.page.locator(f'[data-box="{name}"]')

    def arrow(self, cause: str, effect: str) -> Locator:
        return self.page.get_by_role("button", name=f"{cause} → {effect}", exact=True).and_(
            self.page.locator(".ipo-label")
        )

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            settle(self.page)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()
        settle(self.page)

    def drag(self, start: Locator, end: Locator, *, drop: bool = True) -> None:
        """From the middle of one thing to the lower part of another."""
        (x, y), (x2, y2) = _middle(start), _middle(end)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + 12, y + 4)
        self.page.mouse.move(x2, y2, steps=4)
        if drop:
            self.page.mouse.up()
        settle(self.page)

    def focused(self) -> str:
        return str(self.page.evaluate("document.activeElement.closest('[data-key]')?.dataset.key || ''"))

    def told(self) -> str:
        return self.page.get_by_role("status").inner_text()

    def said(self) -> str:
        return self.page.locator("[aria-live=polite].ipo-live").inner_text()

    @property
    def saved(self) -> ipo.IPOMap:
        """The map as its file has it, which is the one that Python has."""
        path = self.widget.ipo_map.path
        assert path is not None
        on_disk = ipo.read_map(path)
        assert tuple(on_disk.links) == tuple(self.widget.ipo_map.links)
        assert tuple(on_disk.metrics) == tuple(self.widget.ipo_map.metrics)
        return on_disk

    def pairs(self) -> set[tuple[str, str]]:
        return {(link.cause, link.effect) for link in self.saved.links}


def _middle(place: Locator) -> tuple[float, float]:
    box = place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


GUESSES = [ipo.Link("Coaching hours", "Complaints", "-", lag=(1, 3)), ipo.Link("Tool outages", "Complaints", "+")]
EVIDENCE = "sample = ipo.load_sample('support'); evidence = ipo.weigh_links(sample.ipo_map, sample.panel)"
CELL = """from ipo_nb import Link
ipo.widgets.LinkBoard(ipo.read_map("case/map.yml"), evidence, suggestions=[
    Link("Coaching hours", "Complaints", "-", lag=(1, 3)), Link("Tool outages", "Complaints", "+")])"""


class Filed:
    """The board of a notebook, as far as the page and the map's file tell of it."""

    def __init__(self, page: Any, path: Path, evidence: ipo.Evidence) -> None:
        self.page, self.path = page, path
        self.view = ipo.widgets.LinkBoard(ipo.read_map(path), evidence, suggestions=GUESSES).view

    @property
    def ipo_map(self) -> ipo.IPOMap:
        return ipo.read_map(self.path)

    @property
    def team(self) -> str:
        return str(self.page.get_by_label("Team").input_value())

    @property
    def outcome(self) -> str:
        return str(self.page.get_by_label("What leads to").input_value())


@pytest.fixture(scope="module")
def notebook(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """A notebook in JupyterLab whose last cell makes a board."""
    with serving(tmp_path_factory.mktemp("lab")) as served:
        yield Notebook(browser, served, EVIDENCE, CELL)


@pytest.fixture(scope="module")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """The same notebook in Voila."""
    with serving(tmp_path_factory.mktemp("voila"), voila=True) as served:
        yield Notebook(browser, served, EVIDENCE, CELL, voila=True)


@pytest.fixture(params=PLACES)
def board(
    request: pytest.FixtureRequest, browser: Browser, support_study: ipo.Study, tmp_path: Path
) -> Iterator[Board]:
    """The board on a copy of the support case, with evidence and two suggestions; in a bare page, and in JupyterLab."""
    if request.param != "stage":
        notebook: Notebook = request.getfixturevalue("notebook" if request.param == "lab" else "app")
        shutil.rmtree(notebook.folder / "case", ignore_errors=True)
        case = shutil.copytree(ipo.sample_folder("support"), notebook.folder / "case")
        page = notebook.fresh()
        yield Board(page, Filed(page, case / "map.yml", support_study.evidence))
        return
    case = shutil.copytree(ipo.sample_folder("support"), tmp_path / "case")
    widget = ipo.widgets.LinkBoard(ipo.read_map(case / "map.yml"), support_study.evidence, suggestions=GUESSES)
    with shown(browser, widget, width=1300, height=900) as page:
        yield Board(page, widget)


def test_an_arrow_is_drawn_by_mouse(board: Board) -> None:
    board.drag(board.box(NEW[0]), board.box(NEW[1]))
    assert NEW in board.pairs()
    assert board.told() == "Linked Tool outages → Backlog. Saved to map.yml."
    assert board.arrow(*NEW).count() == 1
    assert board.page.get_by_role("heading", name="Tool outages → Backlog").count() == 1  # its form is open


def test_an_arrow_is_drawn_by_keys(board: Board) -> None:
    board.box(NEW[0]).focus()
    board.keys("l", "ArrowRight")
    assert board.said().startswith("Arrow from Tool outages.")
    lane = [
        box["name"] for box in sorted(board.widget.view["boxes"], key=lambda box: box["y"]) if box["stage"] == "process"
    ]
    start, end = lane.index(board.focused().removeprefix("box ")), lane.index("Backlog")
    board.keys(*["ArrowDown" if end > start else "ArrowUp"] * abs(end - start), "Enter")
    assert NEW in board.pairs()
    assert board.focused() == 'link ["Tool outages","Backlog"]'


def test_an_arrow_is_drawn_from_the_form(board: Board) -> None:
    board.box(NEW[0]).click()
    board.page.get_by_label("Draw an arrow to").select_option(NEW[1])
    settle(board.page)
    assert NEW in board.pairs()


def test_escape_gives_up_a_drag_and_an_arrow_in_the_making(board: Board) -> None:
    before = board.pairs()
    board.drag(board.box(NEW[0]), board.box(NEW[1]), drop=False)
    assert board.page.locator(".ipo-rubber").count() == 1
    board.keys("Escape")
    assert board.page.locator(".ipo-rubber").count() == 0
    board.page.mouse.up()
    settle(board.page)
    board.box(NEW[0]).focus()
    board.keys("l", "Escape", "ArrowRight", "Enter")
    assert board.pairs() == before
    assert board.page.locator(".ipo-from").count() == 0


def test_what_an_arrow_claims_is_said_by_mouse(board: Board) -> None:
    board.arrow(*OLD).click()
    form = board.page
    form.get_by_label("− one rises").click()
    settle(form)
    form.get_by_label("Last lag").fill("6")
    form.get_by_label("Why", exact=True).fill("It takes a month")
    form.get_by_label("Matters from").fill("0.25")
    form.get_by_role("heading", name="Handle").click()  # leaves the field
    settle(form)
    link = board.saved.link(*OLD)
    assert (link.sign, link.lag, link.why, link.matters) == ("-", (1, 6), "It takes a month", 0.25)


def test_what_an_arrow_claims_is_said_by_keys(board: Board) -> None:
    board.box("Handle minutes").focus()
    board.keys("o", "Enter")  # to the arrow that leaves, and into its form
    board.keys("ArrowDown")  # + becomes −
    assert board.saved.link(*OLD).sign == "-"
    assert board.focused() == "link sign -"  # the redraw has not lost the focus
    board.keys("Tab", "ArrowUp", "Tab", "Tab")
    board.page.keyboard.type("shorter is worse")
    board.keys("Tab")
    board.page.keyboard.type("0.2")
    board.keys("Tab")
    link = board.saved.link(*OLD)
    assert link.lag == (2, 8)
    assert "shorter is worse" in link.why
    assert link.matters == 0.2


def test_what_is_refused_is_said_aloud_and_the_form_shows_what_stands(board: Board) -> None:
    board.arrow(*OLD).click()
    board.page.get_by_label("First lag").fill("-3")
    board.page.get_by_label("First lag").press("Tab")
    settle(board.page)
    assert "lag" in board.page.get_by_role("alert").inner_text()
    assert board.page.get_by_label("First lag").input_value() == "1"
    assert board.saved.link(*OLD).lag == (1, 8)


def test_an_arrow_is_turned_and_deleted_by_mouse(board: Board) -> None:
    board.arrow(*OLD).click()
    board.press("Turn round")
    assert OLD[::-1] in board.pairs()
    assert OLD not in board.pairs()
    board.press("Delete arrow")
    assert OLD[::-1] not in board.pairs()
    assert board.page.get_by_role("heading", name="Satisfaction").count() == 1  # what it started from is shown next


def test_an_arrow_is_turned_and_deleted_by_keys(board: Board) -> None:
    board.arrow(*OLD).focus()
    board.keys("Enter")
    board.page.get_by_role("button", name="Turn round").press("Enter")
    settle(board.page)
    assert OLD[::-1] in board.pairs()
    board.arrow(*OLD[::-1]).focus()
    board.keys("Delete")
    assert OLD[::-1] not in board.pairs()
    assert board.focused() == "box Satisfaction"


def test_a_metric_gets_another_stage(board: Board) -> None:
    board.drag(board.box("Paid hours"), board.page.locator("[data-lane=input]"))
    assert board.saved.metric("Paid hours").stage == "input"
    board.box("Paid hours").focus()
    board.keys("Shift+ArrowRight")
    assert board.saved.metric("Paid hours").stage == "process"
    assert board.focused() == "box Paid hours"
    board.box("Paid hours").click()
    board.page.get_by_role("combobox", name="Stage", exact=True).select_option("outcome")
    settle(board.page)
    assert board.saved.metric("Paid hours").stage == "outcome"


def test_undo_and_redo_by_mouse_and_by_keys(board: Board) -> None:
    before = board.pairs()
    board.drag(board.box(NEW[0]), board.box(NEW[1]))
    board.press("Undo: Linked Tool outages → Backlog")
    assert board.pairs() == before
    board.press("Redo: Linked Tool outages → Backlog")
    assert board.pairs() == before | {NEW}
    board.box(NEW[0]).focus()
    board.keys("Control+z")
    assert board.pairs() == before
    board.keys("Control+y")
    assert board.pairs() == before | {NEW}
    board.keys("Control+z", "Control+Shift+Z")
    assert board.pairs() == before | {NEW}
    assert board.focused() == "box Tool outages"


def test_keys_go_on_where_an_undone_arrow_was(board: Board) -> None:
    before = board.pairs()
    board.drag(board.box(NEW[0]), board.box(NEW[1]))
    assert board.focused() == 'link ["Tool outages","Backlog"]'
    board.keys("Control+z")
    assert board.focused() == "box Tool outages"
    board.keys("Control+y")
    assert board.pairs() == before | {NEW}
    board.page.get_by_role("button", name="Undo: Linked").press("Enter")  # which cannot be pressed again
    settle(board.page)
    assert board.focused().startswith("box ")


def test_search_dims_all_else_and_enter_goes_there(board: Board) -> None:
    board.box("Backlog").focus()
    board.keys("/")
    board.page.keyboard.type("wait")
    settle(board.page)
    assert board.page.locator(".ipo-lit .ipo-box.ipo-on").count() == 1
    assert board.said() == "1 found, first Wait minutes"
    board.keys("Enter")
    assert board.focused() == "box Wait minutes"
    board.page.get_by_label("Search metrics").press("Escape")
    assert board.page.locator(".ipo-lit .ipo-box.ipo-on").count() != 1


def test_one_team_is_shown(board: Board) -> None:
    board.page.get_by_label("Team", exact=True).select_option("Workforce")
    settle(board.page)
    assert board.box("Agents on shift").count() == 1
    assert board.box("Newsletter readers").count() == 0
    board.page.get_by_label("Team", exact=True).focus()
    board.keys("Home")
    assert board.box("Newsletter readers").count() == 1
    assert board.widget.team == ""


def test_what_leads_to_an_outcome_lights_up(board: Board) -> None:
    board.page.get_by_label("What leads to").select_option("Satisfaction")
    settle(board.page)
    board.page.mouse.move(5, 5)
    lit = board.page.locator(".ipo-box.ipo-on").evaluate_all("boxes => boxes.map((box) => box.dataset.box)")
    assert {"Satisfaction", "Coaching hours", "Wait minutes"} <= set(lit)
    assert "Renewals" not in lit
    board.page.get_by_label("What leads to").focus()
    board.keys("Home")
    assert board.widget.outcome == ""


def test_a_finding_is_read_with_its_mend(board: Board) -> None:
    found = board.widget.view["findings"]
    one = next(finding for finding in found if "Newsletter readers" in finding["metrics"])
    badge = board.box("Newsletter readers").locator(".ipo-badge")
    badge.click()
    for words in (one["message"], one["mend"]):
        assert board.page.get_by_label("Details").get_by_text(words).count() == 1
    board.keys("Escape")
    board.page.locator("summary", has_text="findings of the audit").press("Enter")
    assert board.page.get_by_label("Details").get_by_text(one["mend"]).first.is_visible()
    assert "1 finding" in str(board.box("Newsletter readers").get_attribute("aria-label"))


def test_suggestions_are_taken_or_dismissed_by_mouse(board: Board) -> None:
    before = board.pairs()
    board.page.get_by_label("Details").get_by_role("button", name="Coaching hours → Complaints").click()
    board.press("Accept")
    assert board.pairs() == before | {("Coaching hours", "Complaints")}
    board.arrow("Tool outages", "Complaints").click()
    board.press("Dismiss")
    assert board.pairs() == before | {("Coaching hours", "Complaints")}
    assert board.arrow("Tool outages", "Complaints").count() == 0


def test_suggestions_are_taken_or_dismissed_by_keys(board: Board) -> None:
    before = board.pairs()
    board.arrow("Coaching hours", "Complaints").focus()
    board.keys("d")
    assert board.arrow("Coaching hours", "Complaints").count() == 0
    assert board.focused() == "box Coaching hours"
    board.arrow("Tool outages", "Complaints").focus()
    board.keys("a")
    assert board.pairs() == before | {("Tool outages", "Complaints")}


def test_a_metric_is_added_by_mouse_and_by_keys(board: Board) -> None:
    board.press("Add a metric")
    board.page.get_by_label("Name", exact=True).fill("Churn")
    board.page.get_by_role("combobox", name="Stage", exact=True).select_option("outcome")
    board.page.get_by_role("button", name="Add", exact=True).click()
    settle(board.page)
    assert board.saved.metric("Churn").stage == "outcome"
    board.page.get_by_role("button", name="Add a metric").press("Enter")
    board.page.keyboard.type("churn")
    board.keys("Enter")
    assert "already" in board.page.get_by_role("alert").inner_text()
    board.page.get_by_label("Name", exact=True).fill("Visits")
    board.keys("Enter")
    assert board.saved.metric("Visits").stage == "process"
    assert board.page.get_by_role("alert").count() == 0


def test_300_metrics_open_by_team_by_mouse_and_by_key(browser: Browser) -> None:
    teams = [ipo.Metric(f"Metric {k}", "process", team=f"Team {k % 6}", unit="things") for k in range(300)]
    widget = ipo.widgets.LinkBoard(ipo.IPOMap(teams, [ipo.Link("Metric 1", "Metric 2")]))
    with shown(browser, widget) as page:
        assert page.locator("[data-box]").count() == 6
        page.locator("[data-box]").nth(1).click()
        settle(page)
        assert widget.team == "Team 1"
        assert page.locator("[data-box]").count() == 51  # fifty of its own, and one that its arrow reaches
        page.get_by_label("Team", exact=True).select_option("")
        settle(page)
        page.locator("[data-box]").first.focus()
        page.keyboard.press("Enter")
        settle(page)
        assert widget.team == "Team 0"
