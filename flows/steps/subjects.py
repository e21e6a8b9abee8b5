"""What can be approved: these words, going out with exactly this, by these authors, with these problems left."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from db import facts as facts_store
from db import incidents, reports, texts, waves
from documents import notices
from flows.steps import measuring
from flows.wiring import House
from tocsin import bindings
from tocsin.errors import NotFound
from tocsin.ledger import fingerprint
from tocsin.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One thing that needs approval before it leaves the company.

    `hash` is what is approved: that of the whole `binding`. `content` is the hash of the words alone, by which they go
    out and are known afterwards.
    """

    name: str  # notice | announcement | report:FORM:STAGE
    hash: str
    content: str
    authors: frozenset[str]
    problems: tuple[str, ...]
    binding: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The part of the name that the plan's approval rules speak of."""
        return self.name.partition(":")[0]


def find(house: House, session: Session, incident: str, name: str) -> Subject:
    """The subject of that name as it stands now; raises NotFound saying how to make it."""
    return _found(house, session, incident, name, checked=True)


def bound(house: House, session: Session, incident: str, name: str) -> Subject:
    """The same without a look at what is wrong with the words: quick enough to be asked for every batch."""
    return _found(house, session, incident, name, checked=False)


def _found(house: House, session: Session, incident: str, name: str, *, checked: bool) -> Subject:
    plan = house.plan(incidents.get(session, incident).plan)
    if name in {"notice", "announcement"}:
        return _texts(house, session, incident, name, plan, checked=checked)
    if name.startswith("report:"):
        return _report(session, incident, name, plan)
    raise NotFound(f"Nothing called {name!r} can be approved: say notice, announcement or report:FORM:STAGE.")


def _texts(house: House, session: Session, incident: str, kind: str, plan: Plan, *, checked: bool) -> Subject:
    rows = list(texts.all_latest(session, incident, kind).values())
    if not rows:
        raise NotFound(
            f"There is no {kind} text yet: `tocsin {'notice' if kind == 'notice' else 'announce'} draft` makes one."
        )
    written = [notices.from_fields(row.fields) for row in rows]
    content = notices.text_hash(written)
    document: dict[str, Any] = {"subject": kind, "words": content, "texts": {row.language: row.version for row in rows}}
    document |= {"facts": facts_store.latest_version(session, incident), **_way(house, session, incident, kind, plan)}
    binding = bindings.of(document, words_only=plan.approval(kind).rebind == "text")
    return Subject(
        name=kind,
        hash=bindings.hash_of(binding),
        content=content,
        authors=frozenset(row.author for row in rows),
        problems=_problems(house, session, incident, written, plan) if checked else (),
        binding=binding,
    )


def _way(house: House, session: Session, incident: str, kind: str, plan: Plan) -> dict[str, Any]:
    """How and to how many it goes out. People are counted by their waves: nobody reads a million rows for a batch."""
    if kind == "announcement":
        return {"channels": list(plan.announcement.channels)}
    return {
        "people": waves.people(session, incident),
        "ladder": fingerprint(plan.text.ladder.model_dump(mode="json")),
        "providers": sorted(provider.name for provider in house.settings.providers),
    }


def _problems(
    house: House, session: Session, incident: str, written: list[notices.NoticeText], plan: Plan
) -> tuple[str, ...]:
    stored = facts_store.latest(session, incident)
    assert stored is not None
    found = [
        str(problem)
        for text in written
        for problem in notices.check(text, required=plan.notice.requires, facts=stored.document)
    ]
    return (*found, *measuring.problems(house, plan, [text for text in written if text.kind == "notice"]))


def _report(session: Session, incident: str, name: str, plan: Plan) -> Subject:
    _, form, stage = f"{name}::".split(":", 3)[:3]
    if not form or not stage:
        raise NotFound(f"{name!r} names no report: say report:FORM:STAGE, as `tocsin report list` shows them.")
    row = reports.latest(session, incident, form, stage)
    if row is None:
        raise NotFound(f"There is no {stage} report on form {form} yet: `tocsin report draft {incident}` makes it.")
    # The paper is the facts, filled in: new facts make a new version, and what was handed in can be recorded later.
    full = f"report:{row.form}:{row.stage}"
    document = {"subject": full, "words": row.hash, "version": row.version}
    binding = bindings.of(document, words_only=plan.approval("report").rebind == "text")
    # A report is filled from the facts by the engine; whoever drafted it is its author.
    return Subject(
        name=full,
        hash=bindings.hash_of(binding),
        content=row.hash,
        authors=frozenset({row.by}),
        problems=(),
        binding=binding,
    )
