"""The ledger of an incident, written for a stranger to verify."""

import secrets
from pathlib import Path
from typing import TextIO

from db import ledger, signing
from flows.steps.guarding import must_be_allowed
from flows.wiring import House
from tocsin.errors import Invalid
from tocsin.ledger import EventType


def write(house: House, incident: str, out: TextIO, *, by: str) -> int:
    """Write the export, whose last line is the signed head; the export itself is on the ledger. Returns the events."""
    now = house.now()
    with house.database.transaction() as session:
        must_be_allowed(session, "ledger.export", by=by, now=now, incident=incident)
        ledger.append(session, incident, EventType.LEDGER_EXPORTED, actor=by, data={}, at=now)
        signer = signing.signer(session, house.master_key, now)
        ledger.checkpoint(session, incident, signer, now)
        return ledger.export(session, incident, out, signer=signer, at=now).count


def to_file(house: House, incident: str, path: Path, *, by: str) -> int:
    """Write the export to a file, whole or not at all."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as out:
            count = write(house, incident, out, by=by)
        part.replace(path)
    except OSError as error:
        raise Invalid(f"{path} cannot be written ({error.strerror}): choose another place with --out.") from None
    return count
