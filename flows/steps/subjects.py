"""What can be approved: exactly these bytes, by these authors, with these problems left."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from db import facts as facts_store
from db import incidents, reports, texts
from documents import notices
from flows.wiring import House
from tocsin.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One thing that needs approval before it leaves the company."""

    name: str  # notice | announcement | report:FORM:STAGE
    hash: str
    authors: frozenset[str]
    problems: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The part of the name that the plan's approval rules speak of."""
        return self.name.partition(":")[0]


def find(house: House, session: Session, incident: str, name: str) -> Subject:
    """The subject of that name as it stands now; raises NotFound saying how to make it."""
    if name in {"notice", "announcement"}:
        return _texts(house, session, incident, name)
    if name.startswith("report:"):
        return _report(session, incident, name)
    raise NotFound(f"Nothing called {name!r} can be approved: say notice, announcement or report:FORM:STAGE.")


def _texts(house: House, session: Session, incident: str, kind: str) -> Subject:
    rows = list(texts.all_latest(session, incident, kind).values())
    if not rows:
        raise NotFound(
            f"There is no {kind} text yet: `tocsin {'notice' if kind == 'notice' else 'announce'} draft` makes one."
        )
    written = [notices.from_fields(row.fields) for row in rows]
    plan = house.plan(incidents.get(session, incident).plan)
    stored = facts_store.latest(session, incident)
    assert stored is not None
    problems = tuple(
        str(problem)
        for text in written
        for problem in notices.check(text, required=plan.notice.requires, facts=stored.document)
    )
    return Subject(
        name=kind,
        hash=notices.text_hash(written),
        authors=frozenset(row.author for row in rows),
        problems=problems,
    )


def _report(session: Session, incident: str, name: str) -> Subject:
    _, form, stage = f"{name}::".split(":", 3)[:3]
    if not form or not stage:
        raise NotFound(f"{name!r} names no report: say report:FORM:STAGE, as `tocsin report list` shows them.")
    row = reports.latest(session, incident, form, stage)
    if row is None:
        raise NotFound(f"There is no {stage} report on form {form} yet: `tocsin report draft {incident}` makes it.")
    # A report is filled from the facts by the engine; whoever drafted it is its author.
    return Subject(name=name, hash=row.hash, authors=frozenset({row.by}), problems=())
