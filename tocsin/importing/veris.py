"""A VERIS incident made into facts (https://verisframework.org).

VERIS counts and classifies for statistics: by month, by kinds of data, by records. Facts need instants, elements and
people. What is the same in both is put; what is not stays as it was, and becomes a question where a law may ask it.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from tocsin import durations, facts, places
from tocsin.importing import days, sectors, shape
from tocsin.importing.draft import Draft, Imported
from tocsin.importing.leaves import Leaves

# Varieties of data that are one element of ours and nothing else; `Personal`, `Credentials` and others are many.
_ELEMENTS: Final = {
    "Medical": "medical",
    "Payment": "payment-card",
    "Bank": "financial-account",
    "Session key": "session-token",
}
# Varieties of actions that are a cause of their own.
_CAUSE_WORDS: Final = {
    ("physical", "Theft"): "theft",
    ("error", "Loss"): "loss",
    ("error", "Malfunction"): "failure",
    ("environmental", "Power failure"): "failure",
}
_EXACT: Final = ("Seconds", "Minutes", "Hours", "Days", "Weeks")  # months and years have no exact length
_LONG: Final = 10**8  # of any unit; more does not fit a length of time at all
_NOT_SAID: Final = frozenset({"Unknown", "Other", "NA"})
_READABLE: Final = frozenset({"Stored unencrypted", "Transmitted unencrypted", "Printed"})
_UNREADABLE: Final = frozenset({"Stored encrypted", "Transmitted encrypted"})


def incident(document: Mapping[str, Any], *, source: str, zone: str | None = None) -> Imported:
    """The facts of a VERIS incident of version 1.3 or 1.4; raises Invalid where it is none.

    `zone` is where its days began; without it a day is a question, for it is no instant.
    """
    shape.check(document, source=source)
    draft, leaves = Draft(zone=days.checked(zone)), Leaves(document)
    _title(document, draft, leaves)
    _organisation(document.get("victim", {}), draft, leaves)
    _began(document["timeline"]["incident"], draft, leaves)
    _detected(document["timeline"].get("discovery", {}), draft)
    attribute = document.get("attribute", {})
    _kinds(attribute, draft, leaves)
    _cause(document["action"], set(document["actor"]), draft, leaves)
    _ransomware(document["action"], draft, leaves)
    _exfiltration(document, draft, leaves)
    confidentiality = attribute.get("confidentiality", {})
    _encryption(set(confidentiality.get("state", ())), draft, leaves)
    _elements(confidentiality.get("data", ()), draft, leaves)
    _records(confidentiality, draft, leaves)
    _interruption(attribute.get("availability", {}), draft, leaves)
    return draft.imported(facts.parse(draft.document, source=source), leaves.left())


def _title(document: Mapping[str, Any], draft: Draft, leaves: Leaves) -> None:
    """A neutral title: a summary may name people, and titles are shown in lists."""
    named = document.get("incident_id", "").strip()
    draft.put("title", f"VERIS incident {named}".rstrip())
    if named:
        leaves.take("incident_id")
    if "summary" in document:
        draft.ask("title", "by which line do people know it? The summary of the record may name persons")
    status = document.get("security_incident", "Confirmed")
    if status != "Confirmed":
        draft.ask("breach.kinds", "the record does not call it a confirmed incident: is it one?")


def _organisation(victim: Mapping[str, Any], draft: Draft, leaves: Leaves) -> None:
    name = victim.get("victim_id", "Unknown").strip()
    if name and name not in _NOT_SAID:
        draft.put("organisation.name", name)
        leaves.take("victim", "victim_id")
    countries = victim.get("country", [])
    if len(countries) == 1 and places.known(countries[0]):
        draft.put("organisation.seat", countries[0])
        leaves.take("victim", "country", 0)
    elif countries:
        draft.ask("organisation.seat", "the record names no single country: where is the main establishment?")
    tags = sectors.of_industry(victim.get("industry", "00"))  # which says more than its tags, so it is kept as well
    if not tags and set(victim.get("government", ())) & {"Federal", "Regional", "Local"}:
        tags = ("government",)
    if tags:
        draft.put("organisation.sectors", list(tags))


def _began(incident: Mapping[str, Any], draft: Draft, leaves: Leaves) -> None:
    """When it began, if the record knows the day and somebody said the zone."""
    known = str(incident["year"]) + (f"-{incident['month']:02}" if "month" in incident else "")
    if "month" not in incident or "day" not in incident:
        draft.ask("times.occurred_from", f"the record says {known} only: when exactly?")
        return
    try:
        written = days.read(f"{known}-{incident['day']:02} {incident.get('time', '')}")
        put = draft.moment("times.occurred_from", written)
    except ValueError as error:
        draft.ask("times.occurred_from", f"what the record says of a day in {known} {error}: when exactly?")
        return
    if put:
        for name in ("year", "month", "day", *(["time"] if "time" in incident else [])):
            leaves.take("timeline", "incident", name)


def _detected(discovery: Mapping[str, Any], draft: Draft) -> None:
    if discovery.get("unit") in shape.SPANS:
        amount = f"{discovery['value']} " if "value" in discovery else "an unsaid number of "
        draft.ask("times.detected", f"it was {amount}{discovery['unit'].lower()} after the compromise: when exactly?")


def _kinds(attribute: Mapping[str, Any], draft: Draft, leaves: Leaves) -> None:
    """What was lost. A list says no to what is not in it, so one that is not whole is no list yet."""
    disclosed = attribute.get("confidentiality", {}).get("data_disclosure", "No")
    kinds = [kind for kind in ("integrity", "availability") if kind in attribute]
    kinds += ["confidentiality"] if disclosed == "Yes" else []
    if disclosed in {"Potentially", "Unknown"}:
        draft.ask("breach.kinds", f"whether data were disclosed is `{disclosed}` in the record: were they?")
    elif "unknown" in attribute or not kinds:
        draft.ask("breach.kinds", "the record does not say what was lost: confidentiality, integrity, availability?")
    else:
        draft.put("breach.kinds", sorted(kinds))
        if "confidentiality" in attribute:
            leaves.take("attribute", "confidentiality", "data_disclosure")


def _cause(action: Mapping[str, Any], actors: set[str], draft: Draft, leaves: Leaves) -> None:
    causes = {cause for name, part in action.items() for cause in _causes(name, part.get("variety", ()), actors)}
    cause = next(iter(causes))
    if len(causes) > 1 or cause is None:
        names = ", ".join(action)
        who = ", ".join(sorted(actors))
        draft.ask("breach.cause", f"the record names the actions {names} (by: {who}): which one is the cause?")
        return
    draft.put("breach.cause", cause)
    for name, word in _CAUSE_WORDS:
        leaves.take_word("action", name, "variety", word=word)


def _causes(action: str, varieties: Iterable[str], actors: set[str]) -> set[str | None]:
    """What one action may be in our words; None where that is not sure."""
    if action in {"hacking", "malware", "social", "physical"}:
        intended = {frozenset({"external"}): "attack", frozenset({"internal"}): "insider"}.get(frozenset(actors))
        return {_CAUSE_WORDS.get((action, word), intended) for word in varieties}
    if action == "misuse":  # a former employee who kept his access is an outsider by now
        return {"insider" if actors == {"internal"} else None}
    if action == "error":
        return {_CAUSE_WORDS.get((action, word), "error") for word in varieties}
    return {_CAUSE_WORDS.get((action, word)) for word in varieties} or {None}


def _ransomware(action: Mapping[str, Any], draft: Draft, leaves: Leaves) -> None:
    if "Ransomware" in action.get("malware", {}).get("variety", ()):
        draft.put("breach.ransomware", True)
        leaves.take_word("action", "malware", "variety", word="Ransomware")


def _exfiltration(document: Mapping[str, Any], draft: Draft, leaves: Leaves) -> None:
    """Whether data left: an action had that result, or the record knows how long it took; `Never` says no."""
    acted = [name for name, part in document["action"].items() if "Exfiltrate" in part.get("result", ())]
    unit = document["timeline"].get("exfiltration", {}).get("unit")
    left = bool(acted) or unit in shape.SPANS
    if left and unit == "Never":
        draft.ask("breach.exfiltrated", "the record says both that data left and that they never did: did they?")
    elif left:
        draft.put("breach.exfiltrated", True)
        for name in acted:
            leaves.take_word("action", name, "result", word="Exfiltrate")
    elif unit == "Never":
        draft.put("breach.exfiltrated", False)
        leaves.take("timeline", "exfiltration", "unit")


def _encryption(states: set[str], draft: Draft, leaves: Leaves) -> None:
    readable, unreadable = states & _READABLE, states & _UNREADABLE
    if readable and unreadable:
        draft.ask("breach.encrypted", "the record says that some data were encrypted and some not: which were taken?")
    elif readable or (unreadable and states == unreadable):
        draft.put("breach.encrypted", not readable)
        for state in readable | unreadable:
            leaves.take_word("attribute", "confidentiality", "state", word=state)
    elif unreadable:
        draft.ask("breach.encrypted", "the record says so of some data only: were all of them encrypted?")


def _elements(data: Iterable[Mapping[str, Any]], draft: Draft, leaves: Leaves) -> None:
    """What the data were. VERIS names kinds, not all that was in them, so beside elements `other` is never empty."""
    elements, other = [], []
    for number, item in enumerate(data):
        variety = item["variety"]
        if variety in _NOT_SAID:
            continue
        if variety in _ELEMENTS:
            elements.append(_ELEMENTS[variety])
        else:
            other.append(f"{variety} (VERIS)")
        leaves.take("attribute", "confidentiality", "data", number, "variety")
    if elements:
        draft.put("data.elements", list(dict.fromkeys(elements)))
    if elements or other:
        draft.put("data.other", list(dict.fromkeys(other)) or ["whatever VERIS does not name"])
        draft.ask("data.elements", "the record names kinds of data only: which elements were they, names too?")


def _records(confidentiality: Mapping[str, Any], draft: Draft, leaves: Leaves) -> None:
    """VERIS counts records. How many people they are about it never says."""
    amounts = [item.get("amount", 0) for item in confidentiality.get("data", ())]
    total, most = confidentiality.get("data_total"), max(amounts, default=0)
    if total is not None and (total == 0 or total < most):  # a nought often stood for a number that nobody knew
        draft.ask("records", f"the record says {total} in all, and {most} of one kind: how many?")
        return
    if total:
        leaves.take("attribute", "confidentiality", "data_total")
    if total or most:
        draft.put("records", total or {"at_least": most})
        draft.ask("people.total", f"the record counts {total or most} records, not people: how many people is that?")


def _interruption(availability: Mapping[str, Any], draft: Draft, leaves: Leaves) -> None:
    """How long a service was down, where it was one and the unit has an exact length."""
    duration = availability.get("duration", {})
    unit, value = duration.get("unit"), duration.get("value")
    if value is None or unit not in shape.SPANS:
        return
    length = timedelta(**{unit.lower(): value}) if unit in _EXACT and 0 <= value < _LONG else None
    counted = length is not None and not length.microseconds and length <= durations.LONGEST
    if length is None or not counted or "Interruption" not in availability["variety"]:
        draft.ask(
            "significance.service_interruption", f"something was unavailable for {value} {unit.lower()}: a service?"
        )
        return
    draft.put("significance.service_interruption", durations.text_of(length))
    leaves.take("attribute", "availability", "duration", "unit")
    leaves.take("attribute", "availability", "duration", "value")
