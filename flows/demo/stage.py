"""Where the demonstration plays: its folder, fake providers, embedded Prefect, simulated clock."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from db import incidents, ledger
from flows import engine, wiring
from flows.installing import install
from flows.wiring import House
from notifiers import fakes, providers

PLAN = "conex-easykey"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The parts that the story needs."""

    house: House
    server: engine.Server
    outbox: Path
    resumed: bool


@contextmanager
def built(folder: Path) -> Iterator[Stage]:
    """Everything started; everything stopped at the end. The Prefect server may still be starting up."""
    folder.mkdir(parents=True, exist_ok=True)
    with engine.running(folder / "prefect") as server, fakes.start(folder / "outbox") as running:
        resumed = (folder / wiring.SETTINGS).exists()
        install(folder, stores_marked=["*", "CN"], simulated_clock=True)
        _providers(folder, running)
        os.environ["TOCSIN_HOME"] = str(folder)
        with wiring.opened(folder) as house:
            _go_on_with_clock(house)
            yield Stage(house=house, server=server, outbox=folder / "outbox", resumed=resumed)


def _providers(folder: Path, running: fakes.Running) -> None:
    """The fakes listen on new ports at every start: write where they are."""
    path = folder / wiring.SETTINGS
    head, _, _ = path.read_text().partition("\n")
    document = yaml.safe_load(path.read_text())
    made = [*fakes.providers(running, ("CN",), suffix="-cn"), *fakes.providers(running, "*")]
    document["providers"] = [providers.as_settings(provider) for provider in made]
    path.write_text(head + "\n" + yaml.safe_dump(document, sort_keys=False))


def _go_on_with_clock(house: House) -> None:
    """After an interruption the simulated clock must not run backwards past what the ledger has seen."""
    with house.database.transaction() as session:
        last = max((ledger.last_at(session, row.id) for row in incidents.listed(session)), default=None)
    if last is not None and last > house.now():
        wiring.set_clock(last, folder=house.folder)
