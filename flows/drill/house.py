"""The house of a drill: its own folder, keys, database and clock. Nothing of the operator's installation is read.

Its settings are made here and not in a file, and hold nothing but stand-ins: no real provider can be reached, for no
URL of one is known.
"""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pendulum import DateTime

from flows import contacts, settings, wiring
from flows.installing import KEY_FILE
from flows.wiring import House
from notifiers import stand_ins
from notifiers.providers import Provider
from tocsin.delivery import Channel
from tocsin.errors import Misconfigured
from tocsin.plan import Plan
from tocsin.scenario import RESPONDER, Scenario

if TYPE_CHECKING:
    from db.sealing import MasterKey
    from db.sessions import Database

MAINLAND = "CN"


@dataclass
class Clock:
    """The drill's time: it stands still until it is moved, and only ever forward."""

    at: DateTime

    def to(self, instant: DateTime) -> None:
        """Move it; a time that has passed leaves it where it is."""
        self.at = max(self.at, instant)


@dataclass(frozen=True)
class DrillHouse(House):
    """An installation that stands for one drill. `stage` names where its messages go."""

    clock: Clock = field(kw_only=True)
    scenario: Scenario = field(kw_only=True, repr=False)
    its_plan: Plan = field(kw_only=True, repr=False)
    stage: str = field(kw_only=True)
    database_url: str | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        # What `House` would read from the environment and a file is made here once, from the scenario alone.
        vars(self)["settings"] = made = _settings(self)
        _must_be_stand_ins(made)
        vars(self)["master_key"] = _master_key(self.scenario)

    def now(self) -> DateTime:
        """The drill's time."""
        return self.clock.at

    @property
    def providers(self) -> tuple[Provider, ...]:
        """The stand-ins, proven to be nothing else."""
        _must_be_stand_ins(self.settings)
        return self.settings.providers

    def plan(self, identifier: str) -> Plan:
        """The plan that is drilled; no other is known here."""
        if identifier != self.its_plan.id:
            raise Misconfigured(f"This drill is for plan {self.its_plan.id}, and not for another.")
        return self.its_plan


def _settings(house: DrillHouse) -> settings.Settings:
    return settings.parse(_document(house), home=house.folder, source="the drill's settings")


def _document(house: DrillHouse) -> dict[str, Any]:
    base = f"{stand_ins.SCHEME}://{house.stage}/"
    mark = {"processor_contract": "drill", "deletes_at_end": True, "idempotent": True, "url": base + "{to}"}
    providers = [
        {"name": f"drill-{channel}{suffix}", "channel": channel.value, "places": places, **mark}
        for channel in Channel
        for suffix, places in (("", "*"), ("-cn", (MAINLAND,)))
    ]
    people = {
        name: {"name": one.name, "zone": one.zone, "groups": list(one.roles), "urls": [base + name]}
        for name, one in house.scenario.cast.items()
    }
    return {
        "database": house.database_url or f"sqlite:///{house.folder / 'drill.db'}",
        "master_key": {"file": KEY_FILE},
        "providers": providers,
        "people": people,
        "on_call": {contacts.RESPONDERS: list(house.scenario.members(RESPONDER))},
        "stores_marked": ["*", MAINLAND],
        "simulated_clock": True,
    }


def _must_be_stand_ins(found: settings.Settings) -> None:
    """Raise Misconfigured if anything in the settings could lead out of this process."""
    urls = [provider.url.get_secret_value() for provider in found.providers]
    urls += [url.get_secret_value() for one in found.people.values() for url in one.urls]
    named = any((provider.receipts or provider.reports_to) for provider in found.providers)
    away = found.bounce_mailbox or found.bounce_listener or found.receivers or found.public_url
    acts = found.actions or found.watch_ping
    if named or away or acts or found.senders.processes != 1 or not all(stand_ins.is_one(url) for url in urls):
        raise Misconfigured("A drill reaches nobody outside this process, and its settings would: nothing was begun.")


def _master_key(scenario: Scenario) -> "MasterKey":
    """Its incidents' keys are the same for the same drill, too: keyed hashes order what happens in one instant."""
    from db.sealing import MasterKey

    class DrillKey(MasterKey):
        def _fresh(self) -> bytes:
            return hashlib.sha256(f"incident {_key_text(scenario)}".encode()).digest()

    return DrillKey.from_text(_key_text(scenario))


def _key_text(scenario: Scenario) -> str:
    """The same for the same drill: it seals nobody's data."""
    seed = hashlib.sha256(f"drill {scenario.id} {scenario.seed}".encode()).digest()
    return base64.b64encode(seed).decode()


def leave(house: DrillHouse) -> None:
    """Write down settings, key and clock of a drill that was kept, so that one can look into it with `TOCSIN_HOME`."""
    import yaml

    (house.folder / wiring.SETTINGS).write_text(yaml.safe_dump(_document(house), sort_keys=False, allow_unicode=True))
    (house.folder / KEY_FILE).write_text(_key_text(house.scenario) + "\n")
    wiring.set_clock(house.now(), folder=house.folder)


@contextmanager
def opened(
    folder: Path, scenario: Scenario, plan: Plan, *, stage: stand_ins.Stage, clock: Clock, database: str | None = None
) -> Iterator[DrillHouse]:
    """A drill's house with an empty database, for the length of a block.

    Raises Misconfigured where `database` holds incidents already: a drill never enters a real installation's.
    """
    name = f"stage-{folder.name}".lower().replace("_", "-")
    house = DrillHouse(folder, {}, clock=clock, scenario=scenario, its_plan=plan, stage=name, database_url=database)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _prepare(house)
    with stand_ins.standing(name, stage):
        _hurry(house)
        try:
            yield house
        finally:
            if "database" in vars(house):
                house.database.close()


def _prepare(house: DrillHouse) -> None:
    from db import incidents
    from db.sessions import Database

    if house.database_url is not None:
        _must_be_empty(Database(house.database_url))
    fresh = Database(house.settings.database)
    fresh.migrate()
    with fresh.reading() as session:
        used = bool(incidents.listed(session))
    fresh.close()
    if used:
        raise Misconfigured(
            "The database given with --database holds incidents: a drill wants an empty one of its own."
        )


def _hurry(house: DrillHouse) -> None:
    """A drill that the machine does not survive is played again: nothing waits for the disk."""
    from sqlalchemy import event

    if house.database_url is None:
        event.listen(house.database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
        house.database.engine.dispose()  # a connection of before still waits for the disk


def _must_be_empty(given: "Database") -> None:
    """Before anything is migrated: a database with tables is somebody's."""
    from sqlalchemy import inspect

    tables = inspect(given.engine).get_table_names()
    given.close()
    if tables:
        raise Misconfigured("The database given with --database holds tables: a drill wants an empty one of its own.")
