"""Which of several accounts is asked: the first in the settings while it works, the next when it does not.

A circuit breaker an account: closed while it works; open, for a while that doubles, after a run of trouble; then half
open, when a few messages try whether it works again. In between, trouble moves a share of the messages to the next
account. Pure but for the clock it is given, and thread-safe; nothing here sends.
"""

import threading
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, TypeVar

RUN_OF_TROUBLE: Final = 5  # so many troubles in a row open the circuit
FIRST_REST_SECONDS: Final = 30.0
LONGEST_REST_SECONDS: Final = 900.0
PROBES: Final = 3  # so many messages try an account that rested; as many answers in a row close the circuit
WEIGHT_OF_THE_LATEST: Final = 0.05  # health is a running mean over some twenty answers
WELL: Final = 0.99
LITTLE: Final = 0.9  # less trouble than this is nothing to tell other processes


class State(StrEnum):
    """Whether an account is asked."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Named(Protocol):
    """An account, as far as choosing needs to know it."""

    @property
    def name(self) -> str: ...  # noqa: D102


NamedT = TypeVar("NamedT", bound=Named)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What processes tell each other about an account. The seconds count from the moment at which they are told."""

    health: float = 1.0
    rest_seconds: float = 0.0
    open_for_seconds: float | None = None  # None: it is asked


@dataclass
class _Circuit:
    """One account. `health` is 1.0 where every answer was one, 0.0 where none was."""

    health: float = 1.0
    troubles: int = 0
    rest_seconds: float = 0.0
    open_until: float | None = None
    probes_left: int = 0
    probes_until: float = 0.0
    answered: int = 0
    told: int = 3  # how well it worked when that was last told, in thirds


@dataclass
class Circuits:
    """The circuits of an installation's accounts, by name.

    One for a run. Where they are shared, an account that has rested is tried by the process that may, and no other.
    """

    monotonic: Callable[[], float] = time.monotonic
    _of: dict[str, _Circuit] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _troubled: bool = field(default=False, init=False)
    _shared: bool = field(default=False, init=False)
    _may_try: set[str] = field(default_factory=set, init=False)
    _news: set[str] = field(default_factory=set, init=False)

    @property
    def all_well(self) -> bool:
        """Whether every account works, so that there is nothing to choose."""
        return not self._troubled

    def state(self, name: str) -> State:
        """Whether the account is asked now."""
        with self._lock:
            return self._state(self._of.get(name) or _Circuit())

    def order(self, accounts: Sequence[NamedT], key: str) -> Sequence[NamedT]:
        """The accounts of one channel in the order in which a message of this key should try them.

        The same key gets the same order while nothing changes. Open circuits come last and are not left out: whether
        nobody is asked is the caller's to decide. Being put first by a half-open circuit uses up one of its probes.
        """
        if not self._troubled:
            return accounts
        with self._lock:
            asked: list[NamedT] = []
            resting: list[NamedT] = []
            for account in accounts:
                circuit = self._of.setdefault(account.name, _Circuit())
                (resting if self._is_left_alone(account.name, circuit) else asked).append(account)
            first = next((place for place, account in enumerate(asked) if self._takes(account.name, key)), 0)
            return [*asked[first : first + 1], *asked[:first], *asked[first + 1 :], *resting]

    def answered(self, name: str) -> None:
        """The account answered: it took a message or refused one for a reason about that message."""
        if not self._troubled:
            return
        with self._lock:
            circuit = self._of.setdefault(name, _Circuit())
            circuit.health += (1.0 - circuit.health) * WEIGHT_OF_THE_LATEST
            circuit.troubles = 0
            if self._state(circuit) is State.HALF_OPEN:
                circuit.answered += 1
                if circuit.answered >= PROBES:
                    circuit = self._of[name] = _Circuit(health=max(circuit.health, 0.5))
                    self._may_try.discard(name)
                    self._news.add(name)
            self._note(name, circuit)
            self._troubled = self._any_trouble()

    def troubled(self, name: str, *, retry_after_seconds: float | None = None, surely: bool = False) -> None:
        """The account was not there, was slow beyond patience, or asked to be left alone; `surely` opens at once."""
        with self._lock:
            circuit = self._of.setdefault(name, _Circuit())
            self._troubled = True
            state = self._state(circuit)
            if state is State.OPEN:
                return
            circuit.health -= circuit.health * WEIGHT_OF_THE_LATEST
            circuit.troubles += 1
            if surely or state is State.HALF_OPEN or circuit.troubles >= RUN_OF_TROUBLE:
                self._open(circuit, retry_after_seconds or 0.0)
                self._may_try.discard(name)
                self._news.add(name)
            self._note(name, circuit)

    def share(self) -> None:
        """From now on other processes tell what they find, and are told: see `hear`, `news` and `may_try`."""
        self._shared = True

    def hear(self, name: str, known: Known) -> bool:
        """Take over what another process found; not where this one has news of its own, which are to be told first."""
        with self._lock:
            if name in self._news:
                return False
            rests = known.open_for_seconds
            self._of[name] = _Circuit(
                health=known.health,
                rest_seconds=known.rest_seconds,
                open_until=None if rests is None else self.monotonic() + rests,
                probes_left=0 if rests is None else PROBES,
                told=_thirds(known.health),
            )
            self._may_try.discard(name)
            self._troubled = self._any_trouble()
            return True

    def news(self) -> dict[str, Known]:
        """What changed here since it was last asked for: an account opened, closed, or works better or worse."""
        with self._lock:
            names, self._news = sorted(self._news), set()
            return {name: self._known(self._of[name]) for name in names}

    def untold(self, name: str) -> None:
        """The news of this account could not be told: they are news still."""
        with self._lock:
            self._news.add(name)

    def is_open(self, name: str) -> bool:
        """Whether the account rests, or has rested and was not found well yet."""
        return self.state(name) is not State.CLOSED

    def may_try(self, name: str, mine: bool) -> None:
        """Whether it is for this process to try the account."""
        with self._lock:
            (self._may_try.add if mine else self._may_try.discard)(name)

    def _known(self, circuit: _Circuit) -> Known:
        circuit.told = _thirds(circuit.health)
        until = circuit.open_until
        rests = None if until is None else max(until - self.monotonic(), 0.0)
        return Known(health=circuit.health, rest_seconds=circuit.rest_seconds, open_for_seconds=rests)

    def _note(self, name: str, circuit: _Circuit) -> None:
        now = _thirds(circuit.health)
        if circuit.open_until is None and (now > circuit.told or (now < circuit.told and circuit.health < LITTLE)):
            self._news.add(name)

    def _any_trouble(self) -> bool:
        return any(one.health < WELL or one.open_until is not None for one in self._of.values())

    def _is_left_alone(self, name: str, circuit: _Circuit) -> bool:
        state = self._state(circuit)
        return state is State.OPEN or (state is State.HALF_OPEN and self._shared and name not in self._may_try)

    def _open(self, circuit: _Circuit, at_least: float) -> None:
        circuit.rest_seconds = min(max(2 * circuit.rest_seconds, FIRST_REST_SECONDS), LONGEST_REST_SECONDS)
        circuit.open_until = self.monotonic() + max(circuit.rest_seconds, at_least)
        circuit.probes_left, circuit.answered, circuit.troubles = PROBES, 0, 0
        circuit.probes_until = circuit.open_until

    def _state(self, circuit: _Circuit) -> State:
        if circuit.open_until is None:
            return State.CLOSED
        return State.OPEN if self.monotonic() < circuit.open_until else State.HALF_OPEN

    def _takes(self, name: str, key: str) -> bool:
        """Whether a message goes to this account first: by its health, or as one of the probes of a half-open one."""
        circuit = self._of[name]
        if self._state(circuit) is State.HALF_OPEN:
            return self._probes(circuit)
        return zlib.crc32(f"{name} {key}".encode()) / 2**32 < circuit.health

    def _probes(self, circuit: _Circuit) -> bool:
        """Take a probe. Probes that were never answered are given out again after a rest."""
        now = self.monotonic()
        if not circuit.probes_left and now >= circuit.probes_until:
            circuit.probes_left = PROBES
        if not circuit.probes_left:
            return False
        if circuit.probes_left == PROBES:
            circuit.probes_until = now + max(circuit.rest_seconds, FIRST_REST_SECONDS)
        circuit.probes_left -= 1
        return True


def _thirds(health: float) -> int:
    return 3 if health >= WELL else int(health * 3)


def shown(circuits: Circuits, names: Iterable[str]) -> dict[str, str]:
    """The state of each account, for people."""
    return {name: circuits.state(name).value for name in names}
