"""Our acts of the States against two public tables of them: every disagreement stands, with its reason, in the docs."""

import csv
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows import library
from tocsin import duties, facts, moments
from tocsin.conditions.nodes import Compared, Residents
from tocsin.facts import Facts
from tocsin.regimes import DutyVersion, Regime

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("TOCSIN_CORPUS", ROOT.parent / "shared" / "corpus"))
TABLE = CORPUS / "03-rules" / "us_states_facts.csv"
PAGE = ROOT / "docs" / "us-states.md"

pytestmark = pytest.mark.skipif(not TABLE.exists(), reason="the corpus is not here; set TOCSIN_CORPUS to its folder")

EVERYBODY = 2_000_000
OPEN = {"owed", "undetermined", "conditional", "suspended"}
# The days on which we ask what the law is: the older table is of 2022, the newer one already has the acts of 2026.
ON = {"2022": "2022-12-01", "2025": "2026-06-01"}
PLAIN = {"kinds": ["confidentiality"], "cause": "error"}
LOCKED, LOST_KEY = {"encrypted": True, "key_safe": True}, {"encrypted": True, "key_safe": False}
NOT_OF_A_SECTOR = {
    "hipaa": False,
    "glba": False,
    "nydfs": False,
    "public_agency": False,
    "sec_registrant": False,
    "bank": False,
    "licensed_clinic": False,
    "consumer_reporting_agency": False,
    "insurance_licensee": [],
}


@dataclass(frozen=True)
class Answer:
    """The duties that are not lifted under some facts."""

    versions: tuple[DutyVersion, ...]
    state: "State"
    asked: Facts
    year: str

    def __bool__(self) -> bool:
        return bool(self.versions)

    def days(self) -> str:
        """The shortest period among them, in the unit of the act; `none` where there is no number."""
        beside = [version.text.same_time_as for version in self.versions if version.text.same_time_as]
        others = [self.state.version(reference.rpartition("/")[2], self.year) for reference in beside]
        versions = [*self.versions, *(other for other in others if other)]
        periods = [clock.within for version in versions for clock in self._counting(version) if clock.within]
        if not periods:
            return "none"
        shortest = min(periods, key=lambda within: within.number / 24 if within.unit == "hours" else within.number)
        return str(shortest.number) if shortest.unit.endswith("days") else f"{shortest.number} {shortest.unit}"

    def _counting(self, version: DutyVersion) -> Iterator[Any]:
        """The clocks that count under these facts."""
        for clock, when in zip(version.text.clocks, version.clock_whens, strict=True):
            if when is None or when.judge(self.asked).value is not False:
                yield clock


class State:
    """One State's act, asked about a company that lost names with social security numbers."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.regime: Regime = {one.id: one for one in library.regimes()}[f"us-{code.lower()}"]

    def open(
        self,
        audience: str,
        year: str = "2025",
        *,
        people: int = EVERYBODY,
        role: str = "controller",
        breach: dict[str, bool] | None = None,
        harmless: bool = False,
    ) -> Answer:
        """The duties to an audience that are not lifted."""
        at = f"{ON[year]}T10:00:00-05:00"
        times = ["detected", "aware", "discovered", "determined", "confirmed", "assessed", "scope_known"]
        # Georgia's act binds nobody in trade but information brokers.
        attributes = {**NOT_OF_A_SECTOR, "information_broker": self.code == "GA"}
        told = [rule.key for rule in self.regime.duties if rule.versions[-1].text.audience == "authority"]
        filed = [{"event": "filed", "duty": f"{self.regime.id}/{key}", "at": at} for key in told]
        document = {
            "title": "Customer file copied",
            "organisation": {
                "role": role,
                "seat": "US-NY",
                "sectors": ["retail"],
                "attributes": attributes,
            },
            "times": dict.fromkeys(times, at),
            "breach": {**PLAIN, **(breach or {"encrypted": False})},
            "risk": {"to_people": "unlikely" if harmless else "high"},
            "data": {"elements": ["name", "ssn"]},
            "people": {"total": people, "by_place": {f"US-{self.code}": people}, "unlocated": 0},
            "events": [{"event": "no-harm-found", "at": at}, *filed] if harmless else [],
        }
        asked = facts.parse(document, source=self.code)
        rows = duties.assess(asked, [self.regime], as_of=moments.parse(f"{ON[year]}T20:00:00-05:00")).duties
        found = [self.version(row.id.partition("/")[2], year) for row in rows if _is_open(row, audience)]
        return Answer(tuple(version for version in found if version), self, asked, year)

    def version(self, key: str, year: str) -> DutyVersion | None:
        """A duty as it stood in that year."""
        rule = next(rule for rule in self.regime.duties if rule.key == key)
        return rule.on(moments.parse(f"{ON[year]}T12:00:00Z").date())

    def first(self, audience: str) -> str:
        """The number of residents from which on somebody is told."""
        if not self.open(audience):
            return "none"
        low, high = 0, EVERYBODY
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.open(audience, people=middle) else (middle, high)
        return f"{high:,}"

    def substitute(self, kind: type[Compared] | type[Residents]) -> str:
        """The sums of money, or the numbers of people, above which substitute notice is open."""
        forms = [way.when for version in self.open("individuals").versions for way in version.substitute]
        found = {node for form in forms for node in _nodes(form) if isinstance(node, kind)}
        bounds = {int(node.bound) for node in found if isinstance(node, Residents) or node.currency}
        return " or ".join(f"{bound:,}" for bound in sorted(bounds)) or "none"


def _is_open(row: duties.Duty, audience: str) -> bool:
    return row.audience == audience and row.status in OPEN


def _nodes(node: Any) -> Iterator[Any]:
    """A condition with all of its parts."""
    yield node
    for inner in (*getattr(node, "parts", ()), *([node.part] if hasattr(node, "part") else ())):
        yield from _nodes(inner)


def yes(value: object) -> str:
    return "yes" if value else "no"


def number(text: str) -> str:
    return f"{int(text):,}" if text not in {"", "0"} else "none"


def said(text: str) -> str:
    return yes(text in {"True", "Yes"})


@dataclass(frozen=True)
class Column:
    """A column of the tables: the question that it answers, our answer, and how theirs is read."""

    name: str
    question: str
    ours: Callable[[State], str]
    read: Callable[[str], str]

    @property
    def year(self) -> str:
        """The table that it is from."""
        return "2022" if self.name.endswith("2022") else "2025"


def of_both(year: str) -> tuple[Column, ...]:
    return (
        Column(
            f"individual_days_{year}",
            "days to tell the people",
            lambda state: state.open("individuals", year).days(),
            number,
        ),
        Column(f"ag_required_{year}", "is an authority told", lambda state: yes(state.open("authority", year)), said),
        Column(
            f"ag_days_{year}",
            "days to tell the authority",
            lambda state: state.open("authority", year).days(),
            number,
        ),
        Column(f"cra_required_{year}", "are bureaus told", lambda state: yes(state.open("credit-bureaus", year)), said),
    )


COLUMNS = (
    *of_both("2022"),
    *of_both("2025"),
    Column("ag_threshold_2025", "people from whom on an authority is told", lambda one: one.first("authority"), number),
    Column(
        "cra_threshold_2025", "people from whom on bureaus are told", lambda one: one.first("credit-bureaus"), number
    ),
    Column("substitute_cost_usd", "dollars for substitute notice", lambda one: one.substitute(Compared), number),
    Column("substitute_count", "people for substitute notice", lambda one: one.substitute(Residents), number),
    Column("vendor_days", "days for a vendor", lambda one: one.open("controller", role="processor").days(), number),
    Column(
        "harm_test_can_remove_duty",
        "does want of harm lift the duty",
        lambda one: yes(not one.open("individuals", harmless=True)),
        said,
    ),
    Column(
        "encryption_safe_harbor",
        "does encryption lift the duty",
        lambda one: yes(not one.open("individuals", breach=LOCKED)),
        said,
    ),
    Column(
        "lost_if_key_taken",
        "does it stand where the key was taken",
        lambda one: yes(one.open("individuals", breach=LOST_KEY)),
        said,
    ),
)


def table() -> list[dict[str, str]]:
    with TABLE.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def disagreements(row: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    state = State(row["code"])
    for column in COLUMNS:
        mine, theirs = column.ours(state), column.read(row[column.name])
        if theirs not in mine.split(" or "):
            yield f"US-{state.code}", column.question, mine, f"{theirs} ({column.year})"


def explained() -> dict[tuple[str, ...], str]:
    """The rows of the page: place, question, our answer, theirs; and why."""
    rows = re.findall(r"^\| `(US-\w\w)` \|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    cells = [(code, *(cell.strip() for cell in rest.split("|"))) for code, rest in rows]
    assert len({row[:4] for row in cells}) == len(cells)
    return {row[:4]: row[4] for row in cells}


@pytest.mark.parametrize("row", table() if TABLE.exists() else [], ids=lambda row: row["code"])
def test_every_disagreement_with_the_tables_is_explained_and_no_other(row):
    written = {key: why for key, why in explained().items() if key[0] == f"US-{row['code']}"}
    assert set(disagreements(row)) == set(written)
    assert all(written.values())


def test_the_page_names_no_place_that_the_tables_lack():
    assert {key[0] for key in explained()} <= {f"US-{row['code']}" for row in table()}
