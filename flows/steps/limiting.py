"""The limits of provider accounts that hold over all processes, asked of the database."""

from dataclasses import dataclass, field

from db import rates
from flows.wiring import House
from notifiers.providers import Provider
from notifiers.rate import Limiter
from notifiers.sharing import SharedBucket


@dataclass(frozen=True)
class Limiters:
    """One limiter a provider for the length of a run: what it has been given is not thrown away between batches."""

    house: House
    _of: dict[str, Limiter] = field(default_factory=dict, init=False)

    def of(self, provider: Provider) -> Limiter | None:
        """The provider's limiter; None where its settings set no rate."""
        rate = provider.rate_per_second
        if rate is None:
            return None
        if provider.name not in self._of:
            self._of[provider.name] = SharedBucket(rate, lambda: self._take(provider.name, rate))
        return self._of[provider.name]

    def _take(self, name: str, rate: float) -> rates.Block:
        return self.house.database.transact(lambda session: rates.take(session, name, per_second=rate))
