"""The limits of provider accounts that hold over all processes, asked of the database."""

from dataclasses import dataclass, field

from db import rates
from flows.steps import leasing
from flows.wiring import House
from notifiers.providers import Provider
from notifiers.rate import Limiter
from notifiers.sharing import SharedBucket, SharedConnections


@dataclass(frozen=True)
class Limiters:
    """The limits of each provider for the length of a run: what it has been given is kept from batch to batch."""

    house: House
    _of: dict[str, Limiter] = field(default_factory=dict, init=False)
    _connections: dict[str, SharedConnections] = field(default_factory=dict, init=False)

    def of(self, provider: Provider) -> Limiter | None:
        """The provider's limiter; None where its settings set no rate."""
        rate = provider.rate_per_second
        if rate is None:
            return None
        if provider.name not in self._of:
            self._of[provider.name] = SharedBucket(rate, lambda: self._take(provider.name, rate))
        return self._of[provider.name]

    def connections(self, provider: Provider) -> SharedConnections | None:
        """The provider's connections of all processes; None where its settings do not count them."""
        most = provider.connections_total
        if most is None:
            return None
        if provider.name not in self._connections:
            owner = leasing.new_owner()
            self._connections[provider.name] = SharedConnections(
                min(provider.connections, most),
                lambda wanted, open_now: self._hold(provider.name, owner, wanted, most, open_now),
                good_for_seconds=rates.HOLD_SECONDS,
            )
        return self._connections[provider.name]

    def _take(self, name: str, rate: float) -> rates.Block:
        return self.house.database.transact(lambda session: rates.take(session, name, per_second=rate))

    def _hold(self, name: str, owner: str, wanted: int, most: int, open_now: int) -> int:
        return self.house.database.transact(
            lambda session: rates.hold(session, name, owner, wanted=wanted, most=most, open_now=open_now)
        )
