"""Accounts in trouble, known to every process and to the next run: one read a batch, one write a change."""

from db import circuits
from db.circuits import Circuit
from flows.steps import leasing
from flows.wiring import House
from notifiers.breaker import Circuits, Known


class Resting:
    """Keeps one run's circuits and the database of one mind. Called by one thread at a time."""

    def __init__(self, house: House, known: Circuits) -> None:
        self._house, self._circuits = house, known
        self._names = sorted({provider.name for provider in house.settings.providers})
        self._owner = leasing.new_owner()
        self._versions: dict[str, int] = {}
        known.share()

    def look(self) -> None:
        """Hear what other processes found, tell what this one did, and see which accounts it may try again."""
        with self._house.database.reading() as session:
            told, now = circuits.read(session, self._names)
        for name, circuit in told.items():
            self._hear(name, circuit, now)
        self.tell()
        for name, circuit in told.items():
            if circuit.is_free_to_try(self._owner, now) and self._circuits.is_open(name):
                self._circuits.may_try(name, self._tries(name))

    def tell(self) -> None:
        """Say what changed here since the last time."""
        for name, found in self._circuits.news().items():
            try:
                circuit, now = self._told(name, found)
            except BaseException:
                self._circuits.untold(name)
                raise
            self._hear(name, circuit, now)

    def _hear(self, name: str, circuit: Circuit, now: float) -> None:
        """Take another's word over where it is new, and this process has no newer trouble of its own."""
        if circuit.version == self._versions.get(name, 0):
            return
        rests = circuit.rests(now)
        word = Known(health=circuit.health, rest_seconds=circuit.rest_seconds, open_for_seconds=rests)
        if self._circuits.hear(name, word):
            self._versions[name] = circuit.version

    def _told(self, name: str, found: Known) -> tuple[Circuit, float]:
        """What holds now, and the database's time."""
        return self._house.database.transact(
            lambda session: circuits.tell(
                session,
                name,
                knew=self._versions.get(name, 0),
                health=found.health,
                rest_seconds=found.rest_seconds,
                open_for_seconds=found.open_for_seconds,
                at=self._house.now(),
            )
        )

    def _tries(self, name: str) -> bool:
        at = self._house.now()
        return self._house.database.transact(lambda session: circuits.try_out(session, name, self._owner, at=at))
