"""The report: one offline file that runs nothing, reads everywhere, and can be checked."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ipo_nb as ipo
from ipo_nb import report
from ipo_nb.errors import BadOption, FileFault
from ipo_nb.panel import Panel
from ipo_nb.simulate import simulate_system

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "CSAT:Q {{7*7}} {% raw %}",
    "a.b[0]['x'] & \"q\"",
    "W" * 200,
    "\u202eevil عدد\u2066",
]
DIGEST = re.compile(r'(?<=name="ipo-nb-digest" content=")sha256-[0-9a-f]{64}')


class Page(HTMLParser):
    """Every tag with its attributes, and the text that a reader sees."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.seen: list[str] = []
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self.inside = tag

    def handle_data(self, data: str) -> None:
        if self.inside not in {"script", "style"}:
            self.seen.append(data)

    def all(self, *names: str) -> list[dict[str, str]]:
        return [attrs for tag, attrs in self.tags if tag in names]


@pytest.fixture(scope="module")
def sample() -> ipo.Sample:
    return simulate_system(seed=1)


@pytest.fixture(scope="module")
def study(sample: ipo.Sample) -> ipo.Study:
    return ipo.run_study(sample.ipo_map, sample.panel)


@pytest.fixture(scope="module")
def hostile(sample: ipo.Sample) -> tuple[ipo.Study, str]:
    """A study under names that want to be markup, and its page."""
    new = dict(zip(sample.ipo_map.names, HOSTILE, strict=True))
    text = "</style></title></script><script>alert(3)</script>\u2028\u202e"
    metrics = [m.to_dict() | {"name": new[m.name], "team": text, "definition": text} for m in sample.ipo_map.metrics]
    links = [link.to_dict() | {"cause": new[link.cause], "effect": new[link.effect]} for link in sample.ipo_map.links]
    panel = Panel.of(sample.panel.values.rename(columns=new), cadence="weekly")
    study = ipo.run_study(ipo.IPOMap(metrics=metrics, links=links, title=text), panel)
    return study, report.render_report(study)


@pytest.fixture(scope="module")
def page(study: ipo.Study) -> str:
    return report.render_report(study)


def signed(page: str) -> str:
    """A page with a digest that fits, as a forger would make it."""
    digest = hashlib.sha256(DIGEST.sub("", page).encode()).hexdigest()
    return DIGEST.sub(f"sha256-{digest}", page)


def test_the_same_study_gives_the_same_bytes(study: ipo.Study, page: str, tmp_path: Path) -> None:
    first = ipo.write_report(study, tmp_path / "one.html").read_bytes()
    assert first == ipo.write_report(study, str(tmp_path / "two.html")).read_bytes() == page.encode()


def test_the_finding_comes_first_and_the_third_column_always_stands(study: ipo.Study, page: str) -> None:
    headings = re.findall(r"<h[12][^>]*>(.*?)</h", page)
    assert headings[0] == study.headline
    assert headings[2:4] == ["Local win, strategic loss", "What we cannot say"]
    third = page[page.index("What we cannot say") :]
    assert re.match(r".*?</h2>\s*<p>.+?</p>", third, re.DOTALL)


def test_no_script_runs_no_request_is_made_no_style_is_foreign(page: str) -> None:
    seen = Page(page)
    policy = next(a["content"] for a in seen.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert [a["type"] for a in seen.all("script")] == ["application/json"]
    assert not seen.all("img", "iframe", "object", "embed", "link", "base", "form", "image", "use", "foreignobject")
    attributes = [(name, value) for _, attrs in seen.tags for name, value in attrs.items()]
    assert not [name for name, _ in attributes if name.startswith("on") or name in {"style", "src"}]
    assert all(value.startswith("#") for name, value in attributes if name.endswith("href"))
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", page)


def test_hostile_names_are_shown_as_written_and_stay_text(hostile: tuple[ipo.Study, str], page: str) -> None:
    seen = Page(hostile[1])
    assert {tag for tag, _ in seen.tags} <= {tag for tag, _ in Page(page).tags} | {"tspan"}
    assert [a["type"] for a in seen.all("script")] == ["application/json"]
    assert not [name for _, attrs in seen.tags for name in attrs if name.startswith("on")]
    text = "".join(seen.seen)
    assert all(name in text for name in HOSTILE[:5])
    assert "evil عدد" in text
    assert "\u202e" not in text


def test_numbers_in_the_page_read_back_with_hostile_names(hostile: tuple[ipo.Study, str]) -> None:
    study, page = hostile
    data = json.loads(re.search(r'id="results">(.*?)</script>', page, re.DOTALL)[1])
    assert [metric["name"] for metric in data["map"]["metrics"]] == list(study.ipo_map.names)
    found = [row["estimate"] for row in data["evidence"]["table"]]
    assert found == pytest.approx(study.evidence.table["estimate"].tolist(), rel=1e-9)


def test_the_page_can_be_read_without_eyes(page: str) -> None:
    seen = Page(page)
    assert seen.all("html") == [{"lang": "en-GB"}]
    levels = [int(tag[1]) for tag, _ in seen.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert len(seen.all("table")) == len(seen.all("caption"))
    assert all(attrs.get("scope") in {"col", "row"} for attrs in seen.all("th"))
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 20 for attrs in seen.all("svg"))
    ids = [attrs["id"] for _, attrs in seen.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_every_link_metric_and_drawing_of_the_support_case_fits_into_300_kb(support_study: ipo.Study) -> None:
    page = report.render_report(support_study)
    seen = Page(page)
    assert len(page.encode()) < 300_000
    assert len(seen.all("svg")) >= 10
    text = "".join(seen.seen)
    assert all(f"{link.cause} → {link.effect}" in text for link in support_study.ipo_map.links)
    assert all(name in text for name in support_study.ipo_map.names)


def test_an_untouched_report_stands_and_gives_its_numbers_again(page: str, sample: ipo.Sample, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    path.write_text(page, "utf-8")
    assert ipo.verify_report(path).ok
    again = ipo.verify_report(path, ipo_map=sample.ipo_map, panel=sample.panel)
    assert again.table["check"].tolist() == ["untouched", "same numbers", "same page"]
    assert again.ok
    assert "to the last byte" in again.text


def test_an_edited_number_is_noticed(page: str, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    path.write_text(page.replace("208 weeks", "308 weeks", 1), "utf-8")
    found = ipo.verify_report(path)
    assert not found.ok
    assert "changed after it was written" in found.text


def test_a_forged_digest_does_not_survive_a_new_run(page: str, sample: ipo.Sample, tmp_path: Path) -> None:
    path, inputs = tmp_path / "r.html", {"ipo_map": sample.ipo_map, "panel": sample.panel}
    estimate = re.search(r'"estimate":(-?[0-9.]+)', page)
    path.write_text(signed(page.replace(estimate[0], f'"estimate":{float(estimate[1]) * 1.01}')), "utf-8")
    assert ipo.verify_report(path).ok
    found = ipo.verify_report(path, **inputs)
    assert found.table["passed"].tolist() == [True, False]
    path.write_text(signed(page.replace("208 weeks", "308 weeks", 1)), "utf-8")
    found = ipo.verify_report(path, **inputs)
    assert found.table["passed"].tolist() == [True, True, False]


def test_other_data_are_noticed(page: str, tmp_path: Path) -> None:
    path, other = tmp_path / "r.html", simulate_system(seed=2)
    path.write_text(page, "utf-8")
    found = ipo.verify_report(path, ipo_map=other.ipo_map, panel=other.panel)
    assert not found.ok
    assert "other numbers" in found.text


def test_what_is_no_report_is_refused_by_name(sample: ipo.Sample, tmp_path: Path) -> None:
    other = tmp_path / "notes.html"
    other.write_text("<p>mine</p>", "utf-8")
    with pytest.raises(FileFault, match="not a report of ipo_nb"):
        ipo.verify_report(other)
    with pytest.raises(FileFault, match="cannot be read"):
        ipo.verify_report(tmp_path / "missing.html")
    with pytest.raises(BadOption, match="both, or neither"):
        ipo.verify_report(other, ipo_map=sample.ipo_map)


def test_only_our_own_files_are_replaced(
    study: ipo.Study, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "render_report", lambda _: page)
    notes = tmp_path / "notes.html"
    notes.write_text("mine", "utf-8")
    with pytest.raises(FileFault, match="left as it is"):
        ipo.write_report(study, notes)
    assert notes.read_text("utf-8") == "mine"
    ours = ipo.write_report(study, tmp_path / "r.html")
    ours.write_bytes(ours.read_bytes() + b"<!-- older -->")
    assert ipo.write_report(study, ours).read_text("utf-8") == page
    with pytest.raises(FileFault, match="a folder"):
        ipo.write_report(study, tmp_path)
    with pytest.raises(FileFault, match="no such folder"):
        ipo.write_report(study, tmp_path / "nowhere" / "r.html")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    study: ipo.Study, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "render_report", lambda _: page)
    ours = ipo.write_report(study, tmp_path / "r.html")
    before = ours.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileFault, match="No space left"):
        ipo.write_report(study, ours)
    assert ours.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]


def test_a_map_without_links_still_gives_a_report(sample: ipo.Sample) -> None:
    bare = ipo.IPOMap(metrics=sample.ipo_map.metrics, links=[])
    page = report.render_report(ipo.run_study(bare, sample.panel))
    assert "What we cannot say" in page


def test_units_are_said(tmp_path: Path) -> None:
    wards = simulate_system(periods=60, units=[f"Ward {k}" for k in range(3)], seed=4)
    page = report.render_report(ipo.run_study(wards.ipo_map, wards.panel))
    assert "60 weeks in 3 units" in page
    assert "median of the units" in page


@pytest.mark.browser
def test_a_phone_shows_it_without_sideways_scrolling_requests_or_complaints(
    browser: Browser, hostile: tuple[ipo.Study, str], tmp_path: Path
) -> None:
    (tmp_path / "r.html").write_text(hostile[1], "utf-8")
    said: list[str] = []
    page = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: said.append(request.url))
    page.goto((tmp_path / "r.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("getComputedStyle(document.querySelector('svg text')).fill") == "rgb(108, 180, 238)"
    assert said == [(tmp_path / "r.html").as_uri()]
    page.close()
