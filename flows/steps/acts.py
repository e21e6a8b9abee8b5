"""What was done, in the words of the facts document: events that finish duties and start further clocks."""

from typing import Any

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import announcements, people, reports
from db import holds as hold_store
from tocsin import moments


def events(session: Session, incident: str) -> list[dict[str, Any]]:
    """Events for the facts document, from our own record, oldest first."""
    found = [*_people_told(session, incident), *_filings(session, incident), *_postings(session, incident)]
    return sorted(found, key=lambda event: event["at"])


def holds(session: Session, incident: str) -> list[dict[str, Any]]:
    """What authorities asked for, from our own record; one that was lifted ended then, or before by its own words."""
    found = []
    for row in hold_store.listed(session, incident):
        until = min((at for at in (row.lifted_at, row.until) if at is not None), default=None)
        if until is not None and until <= row.from_at:
            continue
        asked = {"by": row.by, "places": row.places, "from": row.from_at.isoformat(), "written": row.written}
        found.append(asked if until is None else {**asked, "until": until.isoformat()})
    return found


def done_at(row: dict[str, Any], done: list[dict[str, Any]]) -> DateTime | None:
    """When a duty was done by our acts: the filing that names it, or the last place whose people were told."""
    times = [
        event["at"]
        for event in done
        if event.get("duty") == row["id"]
        or (row["audience"] == "individuals" and event["event"] == "individuals-notified")
    ]
    return moments.parse(max(times)) if times else None


def _people_told(session: Session, incident: str) -> list[dict[str, Any]]:
    """A place's people count as told when each has a verdict and, for those not reached, the announcement is up."""
    published = min((row.published_at for row in announcements.listed(session, incident)), default=None)
    told = []
    for place in people.by_place_settled(session, incident):
        if not place.place or place.open or place.settled_at is None or (place.not_reached and published is None):
            continue
        at = max(place.settled_at, published) if place.not_reached and published is not None else place.settled_at
        told.append({"event": "individuals-notified", "at": at.isoformat(), "places": [place.place]})
    return told


def _filings(session: Session, incident: str) -> list[dict[str, Any]]:
    return [
        {"event": "filed", "duty": duty, "at": row.filed_at.isoformat()}
        for row in reports.listed(session, incident)
        if row.filed_at
        for duty in row.duties
    ]


def _postings(session: Session, incident: str) -> list[dict[str, Any]]:
    return [
        {"event": "public-notice-posted", "at": row.published_at.isoformat()}
        for row in announcements.listed(session, incident)
    ]
