"""Texts for people: drafted from the facts, edited in files, previewed as a recipient sees them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import facts as facts_store
from db import incidents, ledger, people, texts
from documents import notices
from flows import papers
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.wiring import House
from tocsin.delivery import Channel
from tocsin.errors import Invalid, NotFound
from tocsin.ledger import EventType
from tocsin.plan import Plan

_GAP = re.compile(r"\[\[.*?\]\]", re.DOTALL)
_DRAFTED = {"notice": EventType.NOTICE_DRAFTED, "announcement": EventType.ANNOUNCEMENT_PROPOSED}


def draft_notice(house: House, incident: str, *, by: str, now: DateTime, again: bool = False) -> list[str]:
    """Draft the notice in each language that people of the roster read, or the plan's first; returns the languages."""
    with house.database.transaction() as session:
        record = must_be_open(session, incident)
        must_be_allowed(session, "notice.draft", by=by, now=now, incident=incident)
        plan = house.plan(record.plan)
        stored = facts_store.latest(session, incident)
        assert stored is not None
        written = set() if again else set(texts.all_latest(session, incident, "notice"))
        wanted = [language for language in _languages(session, incident, plan) if language not in written]
        for language in wanted:
            text = notices.draft(stored.document, plan.for_documents(), language)
            _put(session, incident, "notice", text, by=by, now=now)
    return wanted


def _languages(session: Session, incident: str, plan: Plan) -> list[str]:
    read = people.counts(session, incident).by_language
    return [language for language in plan.notice.languages if language in read] or [plan.notice.languages[0]]


def _put(
    session: Session, incident: str, kind: str, text: notices.NoticeText, *, by: str, now: DateTime
) -> tuple[int, bool]:
    before = texts.latest(session, incident, kind, text.language)
    row = texts.put(session, incident, kind=kind, language=text.language, fields=text.fields(), author=by, at=now)
    new = before is None or before.version != row.version
    if new:
        entry = {"language": text.language, "version": row.version, "hash": row.hash}
        ledger.append(session, incident, _DRAFTED[kind], actor=by, data=entry, at=now)
    return row.version, new


def write_files(house: House, incident: str, folder: Path, *, kind: str = "notice") -> list[Path]:
    """Write the latest texts as YAML, one file a language, for a person to edit."""
    with house.database.reading() as session:
        rows = texts.all_latest(session, incident, kind).values()
    return [
        papers.put(folder / f"{row.language}.yaml", notices.to_yaml(notices.from_fields(row.fields)).encode())
        for row in rows
    ]


def put_files(
    house: House, incident: str, files: Sequence[Path], *, by: str, now: DateTime, kind: str = "notice"
) -> list[tuple[str, int, bool]]:
    """Take edited files in, all or none; returns (language, version, whether it is new)."""
    edited = [_read(path) for path in files]
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "text.put", by=by, now=now, incident=incident)
        return [(text.language, *_put(session, incident, kind, text, by=by, now=now)) for text in edited]


def _read(path: Path) -> notices.NoticeText:
    try:
        return notices.from_yaml(path.read_text(encoding="utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError):
        raise Invalid(f"The text {path} cannot be read as UTF-8: check the path and save it as UTF-8.") from None


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A text as one recipient would see it on one channel."""

    language: str
    version: int
    author: str
    subject: str
    text: str


def previews(house: House, incident: str, *, language: str | None, channel: str, kind: str = "notice") -> list[Preview]:
    """The notice (or announcement) on a channel, in one language or all; raises Invalid or NotFound in one sentence."""
    if channel not in set(Channel):
        raise Invalid(f"There is no channel {channel!r}: say {', '.join(Channel)}.")
    with house.database.reading() as session:
        incidents.get(session, incident)
        rows = [row for row in texts.all_latest(session, incident, kind).values() if language in (None, row.language)]
    if not rows:
        raise NotFound(
            f"There is no notice text{f' in {language}' if language else ''} yet: `tocsin notice draft` makes one."
        )
    shown = []
    for row in rows:
        rendered = notices.render(
            notices.from_fields(row.fields), person_name=None, channel=Channel(channel), code="0000000000"
        )
        shown.append(
            Preview(
                language=row.language,
                version=row.version,
                author=row.author,
                subject=rendered.subject,
                text=rendered.text,
            )
        )
    return shown


def fill_gaps(path: Path, words: Mapping[str, str]) -> None:
    """Put words into the gaps of an edited text file, as a person with an editor would; `words` are by section."""
    text = _read(path)
    open_sections = {name: value for name, value in text.fields().items() if name in words and _GAP.search(value)}
    filled = {name: _GAP.sub(lambda _, name=name: words[name], value) for name, value in open_sections.items()}  # type: ignore[misc]
    path.write_text(notices.to_yaml(notices.edit(text, filled)), encoding="utf-8")
