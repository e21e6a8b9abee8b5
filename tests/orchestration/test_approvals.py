"""Nothing leaves the company without the approvals that the plan wants: every way around it is tried."""

from collections.abc import Callable

import pytest

from db import ledger
from flows.steps import announcing, approving, drafting, notifying, responding
from flows.wiring import House
from tocsin.errors import NotAllowed, NotFound

# What is tried here is the same code on either database; their differences have tests of their own.
pytestmark = pytest.mark.parametrize("installation", ["sqlite"], indirect=True)


def denials(house: House, incident: str) -> list[str]:
    with house.database.reading() as session:
        return [event.data["why"] for event in ledger.listed(session, incident) if event.type == "approval.denied"]


def sent(installation) -> int:
    return sum(len(path.read_text().splitlines()) for path in installation.outbox.glob("*.jsonl"))


def test_a_text_changed_after_its_approval_is_not_sent(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house)
    folder = house.folder / "edited"
    paths = drafting.write_files(house, incident, folder)
    paths[0].write_text(paths[0].read_text().replace("We are sorry.", "It was not our fault."))
    drafting.put_files(house, incident, paths, by="Chen Yu", now=house.now())

    with pytest.raises(NotAllowed, match="not approved"):
        notifying.send(house, incident, by="Lin Wei")
    responding.respond(house, incident)

    assert sent(installation) == 0
    assert denials(house, incident) == ["not-approved"]


def test_an_author_cannot_approve_their_own_text(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house, upto="written")

    with pytest.raises(NotAllowed, match="someone else"):
        approving.approve(house, incident, "notice", by="Chen Yu", now=house.now())

    assert denials(house, incident) == ["own-work"]
    assert notifying.missing(house, incident) == ("1 approval of the notice",)


def test_a_draft_with_gaps_cannot_be_approved(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house, upto="enrolled")
    drafting.draft_notice(house, incident, by="Chen Yu", now=house.now())

    with pytest.raises(NotAllowed, match="not ready"):
        approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())

    assert denials(house, incident) == ["not-ready"]


def test_a_refusal_takes_back_what_was_approved(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house)

    approving.refuse(house, incident, "notice", by="Wang Fang", reason="The remedy is not funded.", now=house.now())

    with pytest.raises(NotAllowed, match="not approved"):
        notifying.send(house, incident, by="Lin Wei")
    assert sent(installation) == 0


def test_an_announcement_is_not_published_unapproved(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house)
    with house.database.transaction() as session:
        announcing.draft(house, session, incident, by="Chen Yu", now=house.now())

    with pytest.raises(NotAllowed, match="not approved"):
        announcing.publish(house, incident, by="Lin Wei")

    assert not (house.settings.public / incident).exists()


def test_an_approval_of_one_incident_says_nothing_about_another(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    prepare(house)
    other = prepare(house, upto="written")

    with pytest.raises(NotAllowed, match="not approved"):
        notifying.send(house, other, by="Lin Wei")


def test_what_does_not_exist_cannot_be_approved(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house, upto="declared")

    for name in ("notice", "announcement", "report:eu-gdpr-33:initial", "everything"):
        with pytest.raises(NotFound):
            approving.approve(house, incident, name, by="Zhao Min", now=house.now())
