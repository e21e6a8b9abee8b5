"""What to find out first: the unknown facts, by how urgent the duties are that turn on them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pendulum import DateTime

from tocsin import moments, places
from tocsin.attributes import ATTRIBUTES
from tocsin.duty import Duty

_NEVER: Final = float("inf")

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "as_of": "Of which moment is what is known?",
        "breach.cause": "What caused it: an attack, an insider, theft, loss, an error or a failure?",
        "breach.encrypted": "Were the data unintelligible to whoever has them?",
        "breach.exfiltrated": "Did the data leave the organisation?",
        "breach.key_safe": "Was the key to the encrypted data kept safe?",
        "breach.kinds": "What was hurt: confidentiality, integrity, availability?",
        "breach.ransomware": "Was ransomware used?",
        "breach.recovered": "Are the data back, with their deletion confirmed?",
        "data.elements": "Which data were they?",
        "data.other": "Do the words under data.other belong to a protected kind of data?",
        "events": "What was done so far, and when?",
        "holds": "Has a public authority asked to wait with telling people?",
        "organisation.attributes": "What is the organisation under the laws that may bind it (docs/facts.md)?",
        "organisation.name": "What is the organisation called?",
        "organisation.role": "Is the organisation the controller of the data, or a processor for another?",
        "organisation.seat": "Where is the organisation's main establishment?",
        "organisation.sectors": "In which sectors does the organisation work?",
        "people.by_place": "Where do the people live, and how many in each place?",
        "people.children": "How many of the people are children?",
        "people.contactable": "How many people can be reached, by which channel?",
        "people.cost_to_notify": "What would it cost to tell everybody one by one?",
        "people.total": "How many people are affected?",
        "people.unlocated": "Of how many people is it unknown where they live?",
        "records": "How many records are affected?",
        "risk.basis": "Why is the risk to the people that high, or that low?",
        "risk.determined_by": "Who decided how high the risk to the people is?",
        "risk.to_people": "How high is the risk to the people?",
        "significance.economic_loss": "How large is the economic loss?",
        "significance.found": "Under which laws was the incident found significant?",
        "significance.grade": "Which grade does the national classification guide give the incident?",
        "significance.service_interruption": "How long was the service interrupted?",
        "times.assessed": "When was it decided that the breach must be notified?",
        "times.aware": "When was it reasonably certain that personal data were hurt?",
        "times.classified": "Is the incident major or significant, and since when is that decided?",
        "times.confirmed": "When was the breach confirmed?",
        "times.detected": "When was the first sign seen?",
        "times.determined": "When was it determined that this is a breach in the sense of the law?",
        "times.discovered": "When was the breach discovered?",
        "times.material": "Is the incident material to investors, and when was that decided?",
        "times.occurred_from": "When did the incident begin?",
        "times.occurred_until": "When did the incident end?",
        "times.scope_known": "When was it known who is affected?",
        "title": "What is the incident called?",
    }
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """An unknown fact; the duties it decides alone, and all that turn on it; the earliest of their days."""

    fact: str
    words: str
    decides: tuple[str, ...]
    touches: tuple[str, ...]
    before: DateTime | None

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "fact": self.fact,
            "question": self.words,
            "decides": list(self.decides),
            "touches": list(self.touches),
            "before": None if self.before is None else moments.text(self.before),
        }


def ranked(duties: Iterable[Duty]) -> tuple[Question, ...]:
    """The unknown facts of undetermined duties, the most urgent first.

    Urgent is the fact on which the duty with the earliest day turns; of two, the one that decides more of what is due
    then; undated duties come after dated ones.
    """
    open_duties = [duty for duty in duties if duty.status == "undetermined"]
    facts = dict.fromkeys(fact for duty in open_duties for fact in duty.unknown)
    by_fact: dict[str, list[Duty]] = {fact: [] for fact in facts}
    for duty in open_duties:
        for fact in duty.unknown:
            by_fact[fact].append(duty)
    order = sorted(by_fact, key=lambda fact: _urgency(by_fact[fact]))
    return tuple(_question(fact, by_fact[fact]) for fact in order)


def _urgency(touched: Sequence[Duty]) -> tuple[float, float, float]:
    """The earliest day; how much of what is due then it decides (a duty that hangs on three facts counts a third)."""
    first = min(map(_day, touched))
    then = sum(1 / len(duty.unknown) for duty in touched if _day(duty) == first)
    return first, -then, -sum(1 / len(duty.unknown) for duty in touched)


def _day(duty: Duty) -> float:
    return duty.target.timestamp() if duty.target is not None else _NEVER


def _question(fact: str, touched: Sequence[Duty]) -> Question:
    days = [duty.target for duty in touched if duty.target is not None]
    return Question(
        fact=fact,
        words=words(fact),
        decides=tuple(duty.id for duty in touched if len(duty.unknown) == 1),
        touches=tuple(duty.id for duty in touched),
        before=min(days, default=None),
    )


def words(fact: str) -> str:
    """The question that a person can answer."""
    if fact in _WORDS:
        return _WORDS[fact]
    for prefix, question in _PREFIXED.items():
        if fact.startswith(prefix):
            return question(fact.removeprefix(prefix))
    return f"What is `{fact}`?"


def _contactable(channel: str) -> str:
    return f"How many people can be reached by {'no channel at all' if channel == 'none' else channel}?"


_PREFIXED: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        "people.by_place.": lambda place: f"How many of the people live in {places.name(place)}?",
        "people.contactable.": _contactable,
        "organisation.attributes.": lambda key: f"Is the organisation {ATTRIBUTES[key].meaning}?",
        "significance.found.": lambda law: f"Was the incident found significant under {law}?",
        "times.": lambda name: f"When was it {name.replace('_', ' ')}?",
    }
)
