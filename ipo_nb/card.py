"""The error card: how often the default test is wrong, by shape of data, measured on the package as it is installed."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ipo_nb.errors import BadOption
from ipo_nb.evidence import Evidence, weigh_links
from ipo_nb.judging import Series, judge
from ipo_nb.links import IPOMap, Link
from ipo_nb.panel import Panel
from ipo_nb.parallel import worked
from ipo_nb.regression import Array
from ipo_nb.results import Result
from ipo_nb.shapes import CADENCES, DESIGNS, FAMILIES, N_PERIODS, Network, network
from ipo_nb.surrogates import wilson

__all__ = [
    "COLUMNS",
    "LONG",
    "MAP",
    "OF_MAPS",
    "SHORT",
    "Answer",
    "ErrorCard",
    "Method",
    "Plan",
    "default_test",
    "error_card",
    "write_card",
]

LEVEL = 0.05
WINDOW = (1, 8)
CHUNK = 20  # draws that one process makes at a time
DOUBT = 3.29  # standard errors beyond a target from which it is missed, not by chance (1 in 1,000)
MARKS = "<!-- card -->", "<!-- /card -->"
FALSE, POWER, LAG, COVER = "false links at 5 %", "power", "right lag among hits", "long-run interval covers"
FALSE_CLAIMS, CLAIMED, CONFOUNDED = "claims that are false", "true links claimed", "confounded links claimed"
DECLARED = "common causes declared as well"
OF_MAPS = (
    *(FALSE_CLAIMS, CLAIMED, f"{CONFOUNDED}, each tested alone", f"{CONFOUNDED}, beside the map's other causes"),
    *(f"{CONFOUNDED}, {DECLARED}", f"{FALSE_CLAIMS}, {DECLARED}", f"{CLAIMED}, {DECLARED}"),
)
MARK = {"no": " ✕", "near": " ≈"}
TO_BE_FOUND = {"C": 0.80, "D": 0.45}  # at 104 periods and partial R² 0.2; the other designs 0.85
MAP, ALL = "maps of 200 links, 12 true", "all shapes together"
COLUMNS = ["question", "shape", "periods", "measured", "low", "high", "at_least", "at_most", "met", "draws"]


class Answer(NamedTuple):
    """What a method says of one pair: the p-value of its whole window, its lag, its interval of the long-run effect."""

    p_value: float
    lag: int | None
    low: float
    high: float


Method = Callable[[Array, Array, str], Answer]  # of cause and effect (periods,) and their cadence


def default_test(cause: Array, effect: Array, cadence: str) -> Answer:
    """The package's own answer: one link judged over lags 1 to 8.

    >>> noise = np.random.default_rng(0).normal(size=(2, 104))
    >>> default_test(noise[0], noise[0] + noise[1], "weekly").p_value > 0.05
    True
    """
    ends = Series("cause", cause[None]), Series("effect", effect[None])
    profile = judge(Link("cause", "effect", lag=WINDOW), *ends, cadence=cadence)
    return Answer(profile.p_value, profile.lag, profile.low, profile.high)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes
    ----------
    draws : pairs for each shape, length and strength.
    networks : maps of 200 links.
    null_periods, linked_periods : lengths of unrelated and of linked pairs.
    strengths : partial R² of the true links; lag and coverage are taken at the largest.
    """

    draws: int
    networks: int
    null_periods: tuple[int, ...] = (104,)
    linked_periods: tuple[int, ...] = (104,)
    strengths: tuple[float, ...] = (0.2,)

    def __post_init__(self) -> None:
        if self.draws < 1 or self.networks < 0:
            given = (self.draws, self.networks)
            raise BadOption("A card needs draws.", value=given, expected="1 or more draws, 0 or more networks")


SHORT = Plan(draws=40, networks=1)
LONG = Plan(1000, 40, null_periods=(52, 104, 156, 260), linked_periods=(104, 260), strengths=(0.05, 0.1, 0.2))


def _seeded(draw: int, shape: str, periods: int, strength: float = 0.0) -> np.random.Generator:
    """The draw is the same whatever else the card holds, so that a longer card goes on from a shorter one."""
    return np.random.default_rng([zlib.crc32(shape.encode()), periods, round(1e3 * strength), draw])


def _deceived(method: Method, family: str, periods: int, draw: int) -> tuple[float, ...]:
    """Whether an unrelated pair is called a link."""
    rng, drawn = _seeded(draw, family, periods), FAMILIES[family]
    answer = method(drawn(rng, periods), drawn(rng, periods), CADENCES[family])
    return (float(answer.p_value <= LEVEL),)


def _found(method: Method, design: str, periods: int, strength: float, draw: int) -> tuple[float, ...]:
    """Whether a true link is called one; if so, at the right lag; whether the interval, if any, holds its size."""
    linked = DESIGNS[design](_seeded(draw, design, periods, strength), periods, 1 + draw % WINDOW[1], strength)
    answer = method(linked.cause, linked.effect, "weekly")
    called = answer.p_value <= LEVEL
    known = math.isfinite(answer.low) and math.isfinite(answer.high)
    covered = float(answer.low <= linked.long_run <= answer.high) if known else math.nan
    return float(called), float(answer.lag == linked.lag) if called else math.nan, covered


def _weighed(draw: int) -> tuple[float, ...]:
    """One map of 200 links, in the order of `OF_MAPS`: as it stands, and with what the inputs feed declared as well.

    False discoveries are controlled over all links of a map, so that all claims count. Tested alone a confounded link
    would be claimed if its p-value were no larger than the largest that the map lets pass.
    """
    made = network(draw)
    (plain, false, cut), (careful, false_careful, _) = (_claimed(made, declared=declared) for declared in (False, True))
    series = [made.values[list(pair)] for pair, is_so in zip(made.candidates, made.confounded, strict=True) if is_so]
    alone = np.mean([default_test(cause, effect, "weekly").p_value <= cut for cause, effect in series])
    shares = plain[made.true], alone, plain[made.confounded], careful[made.confounded]
    return false, *(float(np.mean(share)) for share in shares), false_careful, float(careful[made.true].mean())


def _claimed(made: Network, *, declared: bool) -> tuple[Any, float, float]:
    """Which candidates `weigh_links` calls supported or contradicted, the share of false ones among all claims of the
    map, and the largest p-value that it claims."""
    weeks = pd.period_range("2022-01-03", periods=made.values.shape[1], freq="W-SUN", name="period")
    ipo_map = IPOMap(made.metrics(), made.links(declared=declared), cadence="weekly")
    evidence: Evidence = weigh_links(ipo_map, Panel.of(pd.DataFrame(made.values.T, weeks, list(made.names))))
    ends = [(made.names[cause], made.names[effect]) for cause, effect in made.candidates]
    claimed = np.array([evidence.profiles[pair].is_shown for pair in ends])
    false = float(claimed[~made.true].sum() / max(len(evidence.shown), 1))
    return claimed, false, max((profile.p_value for profile in evidence.shown), default=0.0)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ErrorCard(Result):
    """How often the test is wrong, and how often it sees what is there.

    Attributes
    ----------
    table : one row per question, shape and length: `question`, `shape`, `periods`, `measured` (a share), `low`, `high`
        (its 95 % Monte-Carlo interval), `at_least`, `at_most` (the target), `met` (`yes`; `near`: missed by no more
        than chance explains, 1 in 1,000; `no`; empty where there is no target), `draws`.
    """

    table: pd.DataFrame

    @property
    def missed(self) -> pd.DataFrame:
        """The rows whose target is missed by more than chance."""
        return self.table[self.table["met"] == "no"]

    @property
    def text(self) -> str:
        parts = self._of_noise(), self._of_links(), self._of_maps()
        return " ".join(part for part in parts if part)

    def _of_noise(self) -> str:
        rows = self.table[self.table["question"] == FALSE]
        single, together = rows[rows["shape"] != ALL], rows[rows["shape"] == ALL]
        worst = single.iloc[int(single["measured"].argmax())]
        share = np.average(together["measured"], weights=together["draws"])
        pairs = f"{single['draws'].sum():,} unrelated pairs in {single['shape'].nunique()} shapes"
        return (
            f"Of {pairs} {share:.1%} are called a link at 5 % "
            f"(worst: {worst['shape']}, {worst['periods']} periods, {worst['measured']:.1%})."
        )

    def _of_links(self) -> str:
        rows = self.table[self.table["question"].isin([self._strongest, LAG, COVER])]
        rows = rows[rows["periods"] == rows["periods"].min()]
        found, right, covered = rows.groupby("question")["measured"].mean()[[self._strongest, LAG, COVER]]
        strength = self._strongest.removeprefix(f"{POWER}, ")
        on_time = f", {right:.0%} of these at the right lag" if math.isfinite(right) else ""
        return (
            f"Of true links ({strength}, {rows['periods'].min()} periods) {found:.0%} are found{on_time}; the 95 % "
            f"interval holds the true size in {covered:.1%}."
        )

    def _of_maps(self) -> str:
        rows = self.table[self.table["question"] == MAP].set_index("shape")
        if rows.empty:
            return ""
        false, found, alone, beside = rows.loc[list(OF_MAPS[:4]), "measured"]
        return (
            f"On {rows['draws'].max()} {MAP}, {false:.0%} of the claims are false and {found:.0%} of the true links "
            f"are claimed; of the links that only a common cause makes {beside:.1%} are claimed, {alone:.1%} if each "
            "were tested alone."
        )

    @property
    def _strongest(self) -> str:
        return str(max(question for question in self.table["question"] if question.startswith(POWER)))

    def markdown(self) -> str:
        """The card as a Markdown table: one row per question and shape, one column per number of periods.

        What misses its target is marked; the last line says how.
        """
        lengths = sorted(self.table["periods"].unique())
        lines = [f"| | {' | '.join(map(str, lengths))} | target |", f"|---|{'---|' * (len(lengths) + 1)}"]
        for question, about in self.table.groupby("question", sort=False):
            lines.append(f"| **{question}** |{' |' * (len(lengths) + 1)}")
            for shape, rows in about.groupby("shape", sort=False):
                said = rows["measured"].map("{:.3f}".format) + rows["met"].map(MARK).fillna("")
                cells = dict(zip(rows["periods"], said, strict=True))
                shown = " | ".join(cells.get(length, "") for length in lengths)
                lines.append(f"| {shape} | {shown} | {_said_target(rows)} |")
        return "\n".join([*lines, "", "✕ misses its target by more than chance explains (1 in 1,000), ≈ by less."])


def _said_target(rows: pd.DataFrame) -> str:
    said = []
    for low, high in zip(rows["at_least"], rows["at_most"], strict=True):
        if math.isfinite(low) and math.isfinite(high):
            said.append(f"{low:.2f} to {high:.2f}")
        elif math.isfinite(low) or math.isfinite(high):
            said.append(f"≥ {low:.2f}" if math.isfinite(low) else f"≤ {high:.3f}")
    return " / ".join(dict.fromkeys(said))


def error_card(
    plan: Plan = SHORT, *, method: Method = default_test, n_jobs: int | None = None, progress: bool = False
) -> ErrorCard:
    """Measure how often the test is wrong: on unrelated pairs, on true links, on whole maps.

    Parameters
    ----------
    plan : `SHORT`, `LONG` or a `Plan` of one's own.
    method : what is measured on pairs; another one than the default shows how it compares. Maps always go through
        `weigh_links`.
    n_jobs : processes, or None for one; the numbers are the same for any.
    progress : show a progress bar on stderr.

    Returns
    -------
    ErrorCard

    Notes
    -----
    Intervals of shares: Wilson (1927); of maps: mean over maps plus or minus 1.96 standard errors. Seeds are fixed.

    Examples
    --------
    >>> card = error_card(Plan(draws=1, networks=0), method=lambda cause, effect, cadence: Answer(0.5, 1, -1.0, 1.0))
    >>> card.table.loc[card.table["shape"] == "white noise", "measured"].tolist()
    [0.0]
    """
    null = {(shape, n): partial(_deceived, method, shape, n) for n in plan.null_periods for shape in FAMILIES}
    linked = {
        (shape, n, r2): partial(_found, method, shape, n, r2)
        for r2 in plan.strengths
        for n in plan.linked_periods
        for shape in DESIGNS
    }
    pairs = _measured({**null, **linked}, plan.draws, CHUNK, n_jobs, progress)
    rows = [*_null_rows({key: pairs[key] for key in null}), *_linked_rows({key: pairs[key] for key in linked})]
    if plan.networks:
        rows += _map_rows(_measured({MAP: _weighed}, plan.networks, 1, n_jobs, progress)[MAP])
    return ErrorCard(pd.DataFrame(rows, columns=COLUMNS))


def _measured(
    work: Mapping[Any, Callable[[int], tuple[float, ...]]], draws: int, chunk: int, n_jobs: int | None, progress: bool
) -> dict[Any, Array]:
    """What each piece of work gave (draws, columns), in chunks of draws by as many processes as asked for."""
    parts = [range(first, min(first + chunk, draws)) for first in range(0, draws, chunk)]
    asked = [(one, part) for one in work.values() for part in parts]
    done = list(worked(_drawn, asked, n_jobs=n_jobs, progress="error card" if progress else ""))
    return {key: np.concatenate(done[k * len(parts) : (k + 1) * len(parts)]) for k, key in enumerate(work)}


def _drawn(asked: tuple[Callable[[int], tuple[float, ...]], range]) -> Array:
    one, draws = asked
    return np.array([one(draw) for draw in draws])


def _null_rows(found: Mapping[tuple[str, int], Array]) -> Iterator[list[Any]]:
    for (shape, periods), draws in found.items():
        yield _row(FALSE, shape, periods, draws[:, 0], (0.02, 0.08))
    for periods in dict.fromkeys(periods for _, periods in found):
        together = np.concatenate([draws[:, 0] for (_, n), draws in found.items() if n == periods])
        yield _row(FALSE, ALL, periods, together, (math.nan, 0.055))


def _linked_rows(found: Mapping[tuple[str, int, float], Array]) -> Iterator[list[Any]]:
    for (shape, periods, r2), draws in found.items():
        wanted = TO_BE_FOUND.get(shape[0], 0.85) if (periods, r2) == (104, 0.2) else math.nan
        yield _row(f"{POWER}, partial R² {r2:g}", shape, periods, draws[:, 0], (wanted, math.nan))
    strongest = max(r2 for _, _, r2 in found)
    found = {key: draws for key, draws in found.items() if key[2] == strongest}
    for (shape, periods, _), draws in found.items():
        wanted = math.nan if shape.startswith("D") else 0.95 if periods >= 260 else 0.92
        yield _row(LAG, shape, periods, draws[:, 1], (wanted, math.nan))
    for (shape, periods, _), draws in found.items():
        yield _row(COVER, shape, periods, draws[:, 2], (0.93, 0.97))


def _map_rows(found: Array) -> Iterator[list[Any]]:
    """Rows of maps: each map is one draw."""
    none, half = (math.nan, math.nan), (math.nan, found[:, 2].mean() / 2)
    targets = (math.nan, 0.10), (0.75, math.nan), none, half, half, (math.nan, 0.10), none
    for question, values, target in zip(OF_MAPS, found.T, targets, strict=True):
        yield _row(MAP, question, N_PERIODS, values, target)


def _row(question: str, shape: str, periods: int, values: Array, target: tuple[float, float]) -> list[Any]:
    known = values[np.isfinite(values)]
    if not known.size:
        return [question, shape, periods, math.nan, 0.0, 1.0, *target, "", 0]
    measured, wide = float(known.mean()), _interval(known, DOUBT)
    at_least, at_most = (end if math.isfinite(end) else open_end for end, open_end in zip(target, (-1, 2), strict=True))
    met = "yes" if at_least <= measured <= at_most else "no" if wide[1] < at_least or wide[0] > at_most else "near"
    met = met if any(map(math.isfinite, target)) else ""
    return [question, shape, periods, measured, *_interval(known, 1.96), *target, met, known.size]


def _interval(values: Array, z: float) -> tuple[float, float]:
    """Of a share of hits, or of the mean of shares."""
    if np.isin(values, (0.0, 1.0)).all():
        return wilson(values.sum(), values.size, z)
    if values.size == 1:
        return 0.0, 1.0
    half = z * float(values.std(ddof=1)) / math.sqrt(values.size)
    return max(float(values.mean()) - half, 0.0), min(float(values.mean()) + half, 1.0)


def write_card(card: ErrorCard, path: Path | str) -> Path:
    """Write a card's text and table into a Markdown file, between `<!-- card -->` and `<!-- /card -->`.

    A file that is not there is made; of one that is there nothing but what stands between the marks is changed.

    Raises
    ------
    BadOption : the file is there and has no such marks.
    """
    path = Path(path)
    text = path.read_text("utf-8") if path.exists() else f"{MARKS[0]}\n{MARKS[1]}\n"
    before, opened, rest = text.partition(MARKS[0])
    _, closed, after = rest.partition(MARKS[1])
    if not (opened and closed):
        fix = f"Put the two lines {MARKS[0]} and {MARKS[1]} where the card belongs, or name a new file."
        raise BadOption(f"{path.name} has no place for a card.", value=str(path), fix=fix)
    path.write_text(f"{before}{opened}\n{card.text}\n\n{card.markdown()}\n{closed}{after}", "utf-8")
    return path
