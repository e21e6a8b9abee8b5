"""Whether a text may go to approval: what is missing, unfit or unlawful in it, one sentence each.

The machine finds gaps and forms; whether the words are true and kind is for the people who approve them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from documents import wording
from documents.notices.rendering import render
from documents.notices.text import EDITABLE, NoticeText
from tocsin import places, segments
from tocsin.delivery import Channel

_ALIASES: Final = {"situation-and-impact": ("situation", "impact")}
_GAP: Final = re.compile(r"\[\[|\]\]")
_CODE: Final = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")
_REACHABLE: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|https://[!-~]+|\+?\d[\d ()/.-]{5,}\d")
_LINK: Final = re.compile(r"(?:https?://|(?<![/.\w])www\.)[!-~]+", re.IGNORECASE | re.ASCII)
# Links that hide where they lead or count who follows them have no place in a warning.
_TRACKED: Final = re.compile(r"[?&](?:utm_\w+|fbclid|gclid|mc_[ce]id|campaign)=", re.IGNORECASE)
_SHORTENERS: Final = frozenset(
    {"bit.ly", "t.co", "tinyurl.com", "goo.gl", "ow.ly", "is.gd", "t.cn", "dwz.cn", "url.cn"}
)
_SELLING: Final = re.compile(
    r"\b(?:unsubscribe|newsletter|special offer|discount|promo(?:tion)? code|buy now|Rabatt|Sonderangebot|"
    r"Gutscheincode|offre spéciale|code promo)\b|优惠券|促销|限时|立即购买",
    re.IGNORECASE,
)
_CJK: Final = re.compile("[\u3400-\u9fff]")
_LETTER: Final = re.compile(r"[^\W\d_]")
_ENOUGH_WORDS: Final = 25
_MOST_SMS_SEGMENTS: Final = 8


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that must be put right. `code` is a closed word for programs, `sentence` is for people."""

    code: str
    language: str
    part: str | None
    sentence: str

    def __str__(self) -> str:
        """The sentence."""
        return self.sentence


Found = Iterator[Problem]


def check(
    text: NoticeText,
    *,
    required: Sequence[str],
    regimes: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> list[Problem]:
    """Everything that stands between the text and approval; an empty list is fit to approve.

    `required` names parts (`situation`, `impact`, `measures`, `advice`, `remedies`, `contact`, or the plan's
    `situation-and-impact`). Regimes that apply because of where people live are added from the facts if given.
    """
    asked = dict.fromkeys([*regimes, *(regimes_of(facts) if facts else ())])
    known = {name: wording.requirements()[name] for name in asked if name in wording.requirements()}
    found = [*_missing_parts(text, required, known), *_title(text)]
    for one in (_gaps, _template_code, _reachable, _links, _selling, _language, _short):
        found += one(text)
    return [*found, *_statutory_form(text, known), *_layout(text)]


def regimes_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The regimes with words of their own that apply because people live where they do."""
    people = facts.get("people")
    by_place = people.get("by_place") if isinstance(people, Mapping) else None
    living = [str(place) for place, count in by_place.items() if count != 0] if isinstance(by_place, Mapping) else []
    where = {"cn-pipl": ("CN",), "eu-gdpr": ("EEA",), "uk-gdpr": ("GB",), "us-ca": ("US-CA",)}
    return tuple(name for name, area in where.items() if any(places.within(place, area) for place in living))


def notes(text: NoticeText) -> list[str]:
    """What is worth knowing and no reason to refuse: the length of the short text as an SMS."""
    return [f"As an SMS the short text ({text.language}) takes {segments.measure(_sms(text)).sentence}."]


def _sms(text: NoticeText) -> str:
    return (
        render(text, person_name=None, channel=Channel.SMS, code="0" * 10).text if text.kind == "notice" else text.short
    )


def _problem(text: NoticeText, code: str, part: str | None, sentence: str) -> Problem:
    return Problem(
        code=code, language=text.language, part=part, sentence=f"The {text.kind} ({text.language}) {sentence}"
    )


def _missing_parts(text: NoticeText, required: Sequence[str], regimes: Mapping[str, wording.Requirement]) -> Found:
    wanted: dict[str, str] = {}
    for name in required:
        for part in _ALIASES.get(name, (name,)):
            wanted.setdefault(part, "the plan")
    for requirement in regimes.values():
        for part in requirement.parts:
            wanted.setdefault(part, requirement.citation)
    for part, why in wanted.items():
        if part not in wording.PARTS:
            yield _problem(
                text, "unknown-part", None, f"is asked for a part `{part}` that notices do not have: correct the plan."
            )
        elif not (_GAP.search(words := getattr(text, part)) or _LETTER.search(words)):  # a gap has its own sentence
            yield _problem(text, "missing-part", part, f"says nothing under `{part}`, which {why} requires: write it.")


def _filled(words: str) -> str:
    return re.sub(r"\[\[.*?(?:\]\]|$)", "", words, flags=re.DOTALL)


def _title(text: NoticeText) -> Found:
    if not text.title:
        yield _problem(text, "missing-part", "title", "has no title: write one line.")


def _gaps(text: NoticeText) -> Found:
    for name in _fields_with(text, _GAP):
        yield _problem(text, "gap", name, f"still has a gap marked `[[...]]` under `{name}`: fill it or take it out.")


def _template_code(text: NoticeText) -> Found:
    for name in _fields_with(text, _CODE):
        yield _problem(text, "template-code", name, f"has template code under `{name}`: write plain words.")


def _reachable(text: NoticeText) -> Found:
    if text.contact and not _REACHABLE.search(text.contact):
        yield _problem(
            text, "no-contact", "contact", "names no e-mail address, phone number or https:// page under `contact`."
        )
    if text.short and not _REACHABLE.search(text.short):
        yield _problem(
            text, "no-contact", "short", "does not say under `short` where the whole of it can be read or asked for."
        )


def _links(text: NoticeText) -> Found:
    for name in EDITABLE:
        for link in _LINK.findall(getattr(text, name)):
            if not link.lower().startswith("https://"):
                yield _problem(
                    text, "link", name, f"has a link without https:// under `{name}`: write the full https:// address."
                )
            host = re.sub(r"^(?:https?://)?(?:www\.)?", "", link.lower()).split("/")[0]
            if _TRACKED.search(link) or host in _SHORTENERS:
                yield _problem(
                    text, "link", name, f"has a shortened or counted link under `{name}`: write the plain address."
                )


def _selling(text: NoticeText) -> Found:
    for name in _fields_with(text, _SELLING):
        yield _problem(text, "selling", name, f"has words of advertising under `{name}`: a warning sells nothing.")


def _language(text: NoticeText) -> Found:
    whole = " ".join(_filled(getattr(text, name)) for name in EDITABLE)
    letters = len(_LETTER.findall(whole))
    if not letters:
        return
    share = len(_CJK.findall(whole)) / letters
    if (share < 0.3) if text.language == "zh" else (share > 0.3):
        yield _problem(text, "language", None, "is not written in its language: translate it, or correct `language`.")
    elif text.language != "zh":
        yield from _sounds_like(text, whole)


def _sounds_like(text: NoticeText, whole: str) -> Found:
    said = re.findall(r"[^\W\d_]+", whole.lower())
    scores = {
        language: sum(1 for word in said if word in frequent)
        for language in wording.languages()
        if (frequent := frozenset(wording.words(language).frequent))
    }
    likeliest = max(scores, key=lambda language: (scores[language], language == text.language))
    if len(said) >= _ENOUGH_WORDS and likeliest != text.language:
        name = wording.words(likeliest).name
        yield _problem(text, "language", None, f"reads like {name}: translate it, or correct `language`.")


def _short(text: NoticeText) -> Found:
    if not text.short:
        yield _problem(text, "missing-part", "short", "has no `short` text, which push messages, SMS and calls need.")
    elif text.kind == "notice" and _renders(text):
        length = segments.measure(_sms(text))
        if length.segments > _MOST_SMS_SEGMENTS:
            most = f"{_MOST_SMS_SEGMENTS} is the most: shorten `short`."
            yield _problem(
                text, "too-long", "short", f"takes {length.segments} SMS segments ({length.alphabet}); {most}"
            )


def _renders(text: NoticeText) -> bool:
    return text.layout == wording.layout(text.kind, text.language)


def _layout(text: NoticeText) -> Found:
    if not _renders(text):
        yield _problem(
            text,
            "layout",
            None,
            "was written for other words around it (greeting, headings): edit it, and it takes today's.",
        )


def _statutory_form(text: NoticeText, regimes: Mapping[str, wording.Requirement]) -> Found:
    headings = [_folded(heading) for heading in _headings(text)]
    for requirement in regimes.values():
        title = requirement.title.get(text.language)
        if title and text.kind == "notice" and _folded(text.title) != _folded(title):
            yield _problem(text, "title", "title", f"must be titled “{title}” ({requirement.citation}).")
        for heading in requirement.headings.get(text.language, ()):
            if _folded(heading) not in headings:
                yield _problem(text, "heading", None, f"lacks the heading “{heading}” ({requirement.citation}).")


def _headings(text: NoticeText) -> list[str]:
    known = wording.words(text.language).headings
    return [known[part] for part, _ in text.sections]


def _folded(words: str) -> str:
    return " ".join(re.findall(r"\w+", words.casefold()))


def _fields_with(text: NoticeText, pattern: re.Pattern[str]) -> list[str]:
    return [name for name in EDITABLE if pattern.search(getattr(text, name))]
