"""Advice on the risk to people, beside which a person decides.

ENISA's score leads; where it misleads, the outcomes that the EDPB gave in Guidelines 01/2021 and 9/2022 win. Every step
says which of the two it follows.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from tocsin import severity, vocabulary
from tocsin.facts import Facts
from tocsin.severity import Severity, number

_MANY: Final = 1000  # EDPB 01/2021 case 11: plain identity data of very many people
_HANDFUL: Final = 100  # ENISA's own figure above which numbers raise the severity
_LONG: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What the engine would make of the risk: `unlikely`, `likely`, `high` or `undetermined`."""

    risk: str
    severity: Severity | None
    because: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As it stands beside the duties."""
        scored = self.severity
        return {
            "risk": self.risk,
            "score": number(scored.score) if scored else None,
            "level": scored.level if scored else None,
            "dpc": number(scored.factors.dpc) if scored else None,
            "ei": number(scored.factors.ei) if scored else None,
            "cb": number(scored.factors.cb) if scored else None,
            "because": list(self.because),
        }


def advise(facts: Facts) -> Advice:
    """The risk to people as far as the facts tell."""
    scored = severity.derive(facts)
    risk, reason = _lifted(facts) or (
        _judged(facts, scored) if scored else ("undetermined", "the data elements are not known")
    )
    return Advice(risk=risk, severity=scored, because=(*(scored.because if scored else ()), reason))


def _lifted(facts: Facts) -> tuple[str, str] | None:
    """Outcomes of the EDPB in which the data were never open to anybody who could misuse them."""
    interruption = facts.significance.service_interruption
    if severity.unreadable(facts) and (interruption is None or interruption <= _LONG):
        return (
            "unlikely",
            "unreadable without a key that is safe, and not missed for long (EDPB 01/2021 cases 1, 6 and 10)",
        )
    sensitive = facts.data.elements is None or _has(facts, "special-categories")
    few = (
        facts.people.total is not None
        and facts.people.total.at_most is not None
        and facts.people.total.at_most <= _HANDFUL
    )
    if facts.breach.recovered and facts.breach.cause in {"error", "failure", "loss"} and (few or not sensitive):
        return (
            "unlikely",
            "a trusted recipient confirmed deletion, or the device was wiped (EDPB 01/2021 cases 9, 13 and 15)",
        )
    return None


def _judged(facts: Facts, scored: Severity) -> tuple[str, str]:
    raised = _raised(facts, scored)
    if raised:
        return "high", raised
    if scored.score >= 3:
        if _only_out_of_reach(facts) and not _has(facts, "special-categories"):
            return "likely", "nothing was taken and nothing is sensitive, so not high (EDPB 01/2021 case 2)"
        return "high", f"ENISA's score {scored.score} is {scored.level}"
    if scored.score >= 2:
        return "likely", f"ENISA's score {scored.score} is {scored.level}"
    if scored.factors.confidentiality >= Decimal("0.5"):
        return "likely", "in unknown hands: even with a low score harm is not unlikely (EDPB 9/2022 Annex B ix)"
    return "unlikely", f"ENISA's score {scored.score} is {scored.level}, and the recipients are known"


def _raised(facts: Facts, scored: Severity) -> str | None:
    """Outcomes of the EDPB that are high whatever the score."""
    elements = frozenset(facts.data.elements or ())
    if scored.factors.confidentiality < Decimal("0.5"):
        return None
    if "name" in elements and _has(facts, "government-numbers"):
        return "names with official numbers in unknown hands allow identity theft (EDPB 01/2021 cases 4, 7 and 14)"
    if scored.factors.malicious and _has(facts, "credentials"):
        return "credentials in an attacker's hands open accounts (EDPB 9/2022 Annex B vi)"
    total = facts.people.total
    if elements >= {"name", "address", "date-of-birth"} and total is not None and total.at_least >= _MANY:
        return "name, address and birth date of very many people in unknown hands (EDPB 01/2021 case 11)"
    return None


def _only_out_of_reach(facts: Facts) -> bool:
    return facts.breach.kinds == ("availability",) and facts.breach.exfiltrated is False


def _has(facts: Facts, named: str) -> bool:
    return not vocabulary.ELEMENT_SETS[named].isdisjoint(facts.data.elements or ())
