"""An honest first draft of a text, from what is known and nothing else.

What is unknown is left out or marked as a gap, `[[...]]`, which the check before approval finds. The sentences are in
playbooks/texts/<kind>/<language>/draft.txt; here is only what they are told.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pendulum import DateTime

from documents import wording
from documents.notices.text import EDITABLE, NoticeText
from tocsin import moments
from tocsin.errors import Invalid

Document = Mapping[str, Any]
_PASSWORDS = frozenset({"online-credentials", "password-hash", "security-answers"})


def draft(facts: Document, plan: Document, language: str) -> NoticeText:
    """The notice to people, drafted. `facts` has the shape of docs/facts.md, `plan` that of docs/plans.md."""
    return compose("notice", facts, plan, language)


def compose(kind: wording.Kind, facts: Document, plan: Document, language: str) -> NoticeText:
    """A draft of either kind; raises NotFound for a language without words."""
    code = wording.resolve(language)
    known = view(facts, plan, code)
    sources = [_sentences(kind, code), _sentences("notice", code)]  # an announcement says what it has no own words for
    written = {name: _tidy(str(_macro(sources, name)(known)), code) for name in EDITABLE}
    # A typographic apostrophe would put a whole SMS into the alphabet that holds 70 characters instead of 160.
    written["short"] = written["short"].replace("’", "'")
    return NoticeText(kind=kind, language=code, **written)


def _sentences(kind: wording.Kind, language: str) -> Any:
    return wording.templates().get_template(f"{kind}/{language}/draft.txt").make_module()


def _macro(sources: Sequence[Any], name: str) -> Any:
    return next(getattr(source, name) for source in sources if hasattr(source, name))


def _tidy(text: str, language: str) -> str:
    """Lines that the template broke are joined again; blank lines part paragraphs, a list stays a list."""
    blocks = [_joined(block.strip().split("\n"), language) for block in re.split(r"\n\s*\n", text) if block.strip()]
    return "\n\n".join(blocks)


def _joined(lines: Sequence[str], language: str) -> str:
    out: list[str] = []
    for line in (line.strip() for line in lines):
        if out and not line.startswith("- ") and not out[-1].startswith("- "):
            out[-1] += line if language == "zh" else f" {line}"
        else:
            out.append(line)
    # A name such as "Example Ltd." may stand at the end of a sentence, which then has one full stop and not two.
    text = re.sub(r"(?<!\.)\.\.(?!\.)", ".", "\n".join(out))
    return text if language == "zh" else re.sub(r" +([.,])", r"\1", text)


def view(facts: Document, plan: Document, language: str) -> dict[str, Any]:
    """What the sentences may speak of, in the language; None or empty where it is unknown."""
    breach = _part(facts, "breach")
    elements = affected_elements(facts)
    guidance = advised(facts, language)
    organisation = _part(plan, "organisation")
    return {
        "organisation": organisation_name(plan, facts, language) or wording.words(language).nameless,
        **_dates(facts, language, organisation),
        "kinds": _listed(breach, "kinds"),
        "cause": breach.get("cause"),
        "exfiltrated": breach.get("exfiltrated"),
        "encrypted": breach.get("encrypted") is True and breach.get("key_safe") is not False,
        "recovered": breach.get("recovered"),
        "ransomware": breach.get("ransomware") is True,
        "elements": [wording.elements()[element].label(language) for element in elements],
        "other": [str(words) for words in _listed(_part(facts, "data"), "other")],
        "password": bool(_PASSWORDS & set(elements)),
        "impacts": [one.impact for one in guidance],
        "advices": list(dict.fromkeys(one.advice for one in guidance)),
        "total": people_in_words(_part(facts, "people").get("total"), language),
        "police_delay": any(hold.get("by") == "law-enforcement" for hold in _listed(facts, "holds")),
        "remedies": localised(_part(plan, "notice").get("remedies"), language),
        **_contact(organisation, language),
    }


def affected_elements(facts: Document) -> list[str]:
    """The data elements in the vocabulary's order, so that the same facts always read the same."""
    given = set(_listed(_part(facts, "data"), "elements"))
    return [element for element in wording.elements() if element in given]


def affected_groups(facts: Document) -> list[str]:
    """Groups of harm and advice that the affected data bring, each once."""
    people = _part(_part(facts, "people"), "by_place")
    places = {str(place).partition("-")[0] for place, count in people.items() if count != 0}
    groups: dict[str, None] = {}
    for element in affected_elements(facts):
        known = wording.elements()[element]
        local = [group for place, more in known.groups_in.items() if place in places for group in more]
        groups.update(dict.fromkeys([*known.groups, *local]))
    if "credentials" in groups:
        groups.pop("password-hash", None)  # the readable password brings the same advice, more urgently
    return list(groups)


def advised(facts: Document, language: str) -> list[wording.Guidance]:
    """Harm and advice for the affected data, in the language."""
    return [wording.words(language).groups[group] for group in affected_groups(facts)]


def organisation_name(plan: Document, facts: Document, language: str) -> str | None:
    """The name that people know, from the plan, else from the facts."""
    return localised(_part(plan, "organisation").get("name"), language) or localised(
        _part(facts, "organisation").get("name"), language
    )


def localised(value: Any, language: str) -> str | None:
    """Text given once, or by language: the language's own, else English, else any."""
    if isinstance(value, Mapping):
        value = value.get(language) or value.get("en") or next((text for text in value.values() if text), None)
    return str(value) if value else None


def moment(facts: Document, name: str, *, zone: str | None = None) -> DateTime | None:
    """A time of the facts, in the zone if one is given; None where it is unknown."""
    value = _part(facts, "times").get(name)
    if value is None or value == "unknown":
        return None
    try:
        at = moments.parse(value)
    except ValueError as error:
        raise Invalid(f"`times.{name}` {error}.") from None
    return at.in_timezone(zone) if zone else at


def people_in_words(count: Any, language: str) -> str | None:
    """A count, or a range, as the language writes it."""
    known = wording.words(language)
    if isinstance(count, Mapping):
        low, high = count.get("at_least"), count.get("at_most")
        if low is None or high is None:
            return _bound(known, low, high)
        return known.number(low) if low == high else f"{known.number(low)}{known.reporting.to}{known.number(high)}"
    return known.number(count) if isinstance(count, int) and not isinstance(count, bool) else None


def _bound(known: wording.Words, low: int | None, high: int | None) -> str | None:
    if low is not None:
        return f"{known.reporting.at_least}{known.number(low)}"
    return f"{known.reporting.at_most}{known.number(high)}" if high is not None else None


def _dates(facts: Document, language: str, organisation: Document) -> dict[str, str | None]:
    names = ("occurred_from", "occurred_until", "detected", "aware", "contained", "resolved")
    return {name: _day(moment(facts, name, zone=organisation.get("zone")), language) for name in names}


def _day(at: DateTime | None, language: str) -> str | None:
    if at is None:
        return None
    known = wording.words(language)
    written = at.format(known.date_format, locale=language)
    return re.sub(r"^1\b", known.first_of_month, written) if known.first_of_month and at.day == 1 else written


def _contact(organisation: Document, language: str) -> dict[str, str | None]:
    contact, officer = _part(organisation, "contact"), organisation.get("dpo")
    if isinstance(officer, Mapping):
        said = [localised(officer.get(name), language) for name in ("name", "email", "phone")]
        officer = ", ".join(text for text in said if text)
    reached = {name: localised(contact.get(name), language) for name in ("email", "phone", "url", "address")}
    return {**reached, "dpo": officer or None}


def _part(document: Document, name: str) -> Document:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def _listed(document: Document, name: str) -> list[Any]:
    value = document.get(name)
    return list(value) if isinstance(value, list | tuple) else []
