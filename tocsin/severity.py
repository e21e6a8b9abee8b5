"""The severity of a breach by ENISA's method of 2013: context x ease of identification + circumstances.

`score` is the arithmetic, `derive` reads the factors from facts and says why. It is advice; a person decides.
Source: ENISA, Recommendations for a methodology of the assessment of severity of personal data breaches, 2013,
https://www.enisa.europa.eu/publications/dbn-severity
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from tocsin import vocabulary
from tocsin.errors import Invalid
from tocsin.facts import Facts

_LEVELS: Final = ((Decimal(2), "low"), (Decimal(3), "medium"), (Decimal(4), "high"))
_BEHAVIOURAL: Final = frozenset(
    {"location", "licence-plate-reader", "browsing-history", "purchase-history", "usage-log", "communications-content"}
    | {"call-records", "smart-device-data", "voice", "video", "contacts-book", "calendar", "lodging"}
)
# Behaviour that tells on its own with whom a person speaks, about what, and where the person is.
_TELLING: Final = frozenset({"location", "communications-content", "call-records", "licence-plate-reader"})
_FINANCIAL: Final = frozenset(
    {"financial-account", "financial-account-code", "payment-card", "payment-card-code", "transactions", "balances"}
    | {"income", "credit-report", "wages"}
)
_BIOGRAPHY: Final = frozenset({"education", "employment", "family"})
_CONTACT: Final = frozenset(
    {"email", "phone", "address", "date-of-birth", "photo", "signature", "employee-id", "student-id"}
)
_PSEUDONYMS: Final = frozenset(
    {"account-id", "device-id", "ip-address", "nickname", "online-credentials", "licence-plate-reader"}
)


@dataclass(frozen=True, kw_only=True)
class Factors:
    """The factors of one breach: context 1 to 4, ease of identification 0 to 1, circumstances 0 to 0.5 each."""

    dpc: Decimal
    ei: Decimal
    confidentiality: Decimal = Decimal(0)
    integrity: Decimal = Decimal(0)
    availability: Decimal = Decimal(0)
    malicious: Decimal = Decimal(0)

    @property
    def cb(self) -> Decimal:
        """The circumstances of the breach, added up."""
        return self.confidentiality + self.integrity + self.availability + self.malicious


@dataclass(frozen=True, kw_only=True)
class Severity:
    """A score, its level, and where derived the factors with their reasons."""

    score: Decimal
    level: str
    factors: Factors
    because: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As `tocsin severity --json` prints it for given factors."""
        return {"score": number(self.score), "level": self.level}

    def derivation(self) -> dict[str, Any]:
        """As `tocsin severity FACTS --json` prints it, factor by factor."""
        named = ("dpc", "ei", "cb", "confidentiality", "integrity", "availability", "malicious")
        factors = {name: number(getattr(self.factors, name)) for name in named}
        return {**self.document(), **factors, "because": list(self.because)}


def number(value: Decimal) -> int | float:
    """A decimal as JSON writes it."""
    return int(value) if value == value.to_integral_value() and abs(value) >= 1 else float(value)


def factors(**values: float) -> Factors:
    """Factors from plain numbers, as a person types them."""
    return Factors(**{name: Decimal(str(value)) for name, value in values.items()})


def score(factors: Factors) -> Severity:
    """ENISA's arithmetic; raises Invalid for a factor out of its range."""
    _in_range("dpc", factors.dpc, Decimal(4))
    _in_range("ei", factors.ei, Decimal(1))
    for name in ("confidentiality", "integrity", "availability", "malicious"):
        _in_range(name, getattr(factors, name), Decimal("0.5"))
    total = factors.dpc * factors.ei + factors.cb
    level = next((name for bound, name in _LEVELS if total < bound), "very high")
    return Severity(score=total, level=level, factors=factors)


def _in_range(name: str, value: Decimal, most: Decimal) -> None:
    if not value.is_finite() or not 0 <= value <= most:
        raise Invalid(f"`{name}` must lie between 0 and {most}: see docs/severity.md for ENISA's factors.")


def derive(facts: Facts) -> Severity | None:
    """The severity that the facts give; None while the data elements are unknown."""
    if facts.data.elements is None:
        return None
    elements = frozenset(facts.data.elements)
    dpc, context = _context(elements)
    ei, identified = _identification(elements)
    confidentiality, leaked = _confidentiality(facts)
    integrity, altered = _lasting(facts, "integrity", "altered")
    availability, lost = _lasting(facts, "availability", "out of reach")
    malicious = Decimal("0.5") if facts.breach.cause in {"attack", "insider", "theft"} else Decimal(0)
    intent = f"the cause is {facts.breach.cause}: {'malicious' if malicious else 'no malice'} ({malicious})"
    scored = score(
        Factors(
            dpc=dpc,
            ei=ei,
            confidentiality=confidentiality,
            integrity=integrity,
            availability=availability,
            malicious=malicious,
        )
    )
    sum_up = f"{dpc} x {ei} + {scored.factors.cb} = {scored.score}: {scored.level}"
    said = (
        context,
        identified,
        leaked,
        altered,
        lost,
        intent if facts.breach.cause else "the cause is not known (0)",
        sum_up,
    )
    return Severity(score=scored.score, level=scored.level, factors=scored.factors, because=said)


_CONTEXTS: Final = (  # the first that is present decides: base category, adjusted as ENISA's annex allows
    (vocabulary.ELEMENT_SETS["special-categories"], 4, "sensitive data"),
    (_FINANCIAL, 3, "financial data"),
    (_TELLING, 3, "behavioural data that show contacts or movements, raised from 2"),
    (_BEHAVIOURAL, 2, "behavioural data"),
    (frozenset({"insurance-policy"}), 2, "financial data that tell little of a person's means, lowered from 3"),
    (vocabulary.ELEMENT_SETS["credentials"], 2, "credentials, which open further data"),
)


def _context(elements: frozenset[str]) -> tuple[Decimal, str]:
    """The data processing context: that of the most telling category present."""
    for members, context, words in _CONTEXTS:
        found = sorted(elements & members)
        if found:
            return Decimal(context), f"{words} ({', '.join(found)}): context {context}"
    if "date-of-birth" in elements and elements & _BIOGRAPHY:
        return Decimal(2), "simple data that together draw a person's life: context 1, raised to 2"
    return Decimal(1), "simple data: context 1"


def _identification(elements: frozenset[str]) -> tuple[Decimal, str]:
    numbers = elements & vocabulary.ELEMENT_SETS["government-numbers"]
    if numbers or ("name" in elements and len(elements) > 1):
        named = ", ".join(sorted(numbers)) or "a name with further data"
        return Decimal(1), f"{named} single a person out: ease of identification 1"
    if elements & (_CONTACT | {"name", "biometric", "genetic", "voice", "video"}):
        return Decimal("0.75"), "a name, address or likeness leads to most people: ease of identification 0.75"
    if elements & _PSEUDONYMS:
        return Decimal("0.5"), "only pseudonyms or identifiers of accounts or devices: ease of identification 0.5"
    return Decimal("0.25"), "nothing that identifies by itself: ease of identification 0.25"


def unreadable(facts: Facts) -> bool:
    """Whether nobody can read the data: encrypted, and the key is safe."""
    return bool(facts.breach.encrypted and facts.breach.key_safe)


def _confidentiality(facts: Facts) -> tuple[Decimal, str]:
    breach = facts.breach
    if unreadable(facts):
        return Decimal(0), "encrypted with a safe key: no loss of confidentiality (0)"
    if breach.kinds is not None and "confidentiality" not in breach.kinds and not breach.exfiltrated:
        return Decimal(0), "confidentiality was not lost (0)"
    if breach.recovered:
        return Decimal("0.25"), "a trusted recipient gave the data back: known recipients (0.25)"
    if breach.exfiltrated is False:
        return Decimal("0.25"), "seen, but not taken away (0.25)"
    if breach.cause == "insider" or (breach.cause == "error" and breach.recovered is None):
        return Decimal("0.25"), "known recipients (0.25)"
    return Decimal("0.5"), "in the hands of an unknown number of people (0.5)"


def _lasting(facts: Facts, kind: str, what: str) -> tuple[Decimal, str]:
    if facts.breach.kinds is None or kind not in facts.breach.kinds:
        return Decimal(0), f"{kind} was not lost, as far as is known (0)"
    if facts.times.resolved is not None or facts.breach.cause == "theft":
        return Decimal("0.25"), f"data were {what} for a time (0.25)"
    recovery = facts.significance.service_interruption
    if recovery is not None or kind == "integrity":
        return Decimal("0.25"), f"data were {what} and can be restored with effort (0.25)"
    return Decimal("0.5"), f"data are {what}, and nothing says that they came back (0.5)"
