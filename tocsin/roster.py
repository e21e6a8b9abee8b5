"""Rows of a roster made into people.

A row is rejected only when no person can be made of it, or when it names a place that does not exist: the place decides
which law and which provider is right. A single bad address is a flaw, and the person is kept without it: whoever was
affected must be counted, and told some other way. Rejections and flaws hold a row number, a field and a
closed word, never a value.

Two rows are the same person when one of these holds:

1. they have the same account;
2. they have the same e-mail address and the same name;
3. they have the same telephone number and the same name;
4. neither has an account or a name, and they share an e-mail address or a telephone number.

Names are compared without case, width, spaces and punctuation. Nothing else merges: two people of one household may
share a mailbox, and to tell one of them twice is a smaller wrong than to leave one out.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tocsin import addresses, whereabouts
from tocsin.addresses import Unusable
from tocsin.columns import Columns, Field, plain
from tocsin.contacts import Contact
from tocsin.delivery import Channel

LONGEST_NAME = 300  # characters
LONGEST_ACCOUNT = 200


class Trouble(StrEnum):
    """Why a row was rejected, or what of it was dropped."""

    NOBODY = "nobody"  # no account, no name and no address: nothing to know a person by
    WIDTH = "column-count"  # more or fewer cells than the first row has
    QUOTES = "stray-quote"  # a quotation mark in the wrong place
    NUL = "nul-character"
    TOO_LONG = "too-long"
    EMAIL = addresses.Reason.EMAIL_INVALID.value
    PHONE = addresses.Reason.PHONE_INVALID.value
    PHONE_REGION = addresses.Reason.PHONE_NO_REGION.value
    PHONE_OTHERS = addresses.Reason.PHONE_NOT_PERSONAL.value
    TOKEN = addresses.Reason.TOKEN_INVALID.value
    PLACE = "place-unknown"
    SUBDIVISION = "subdivision-unknown"
    LANGUAGE = "language-unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Flaw:
    """One value that was dropped, and why."""

    trouble: Trouble
    field: Field | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A person as one row, or several rows merged, describe them. `repr` shows no personal data."""

    row: int
    account: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    addresses: Mapping[Channel, tuple[str, ...]] = field(default_factory=dict, repr=False)
    place: str = ""
    language: str = ""
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """A row of which no person could be made."""

    row: int
    flaws: tuple[Flaw, ...]


def identities(person: Candidate) -> tuple[str, ...]:
    """The texts whose equality makes two candidates the same person (see the module's rule), the surest first.

    They hold personal data: hash them with the incident's key before they are stored.
    """
    known = [f"account\x1f{person.account.casefold()}"] if person.account else []
    name = plain(person.name)
    if name or not person.account:
        mailboxes = person.addresses.get(Channel.EMAIL, ())
        numbers = dict.fromkeys((*person.addresses.get(Channel.SMS, ()), *person.addresses.get(Channel.PHONE, ())))
        known += [f"email\x1f{mailbox.casefold()}\x1f{name}" for mailbox in mailboxes]
        known += [f"phone\x1f{number}\x1f{name}" for number in numbers]
    return tuple(known)


def merge(first: Candidate, second: Candidate) -> Candidate:
    """One person out of two descriptions: the first one's words stand, the second adds what is missing."""
    both = {
        channel: tuple(dict.fromkeys((*first.addresses.get(channel, ()), *second.addresses.get(channel, ()))))
        for channel in Channel
        if channel in first.addresses or channel in second.addresses
    }
    closer = second.place.startswith(f"{first.place}-") or not first.place
    return replace(
        first,
        account=first.account or second.account,
        name=first.name or second.name,
        addresses=both,
        place=second.place if closer and second.place else first.place,
        language=first.language or second.language,
    )


def contact(person: Candidate) -> Contact:
    """The part of a person that is sealed."""
    return Contact(name=person.name, account=person.account, addresses=person.addresses)


def enrich(known: Contact, added: Sequence[Candidate]) -> Contact:
    """A known person's contact with what later rows add; what was known comes first and stays."""
    person = Candidate(row=0, account=known.account, name=known.name, addresses=known.addresses)
    for one in added:
        person = merge(person, one)
    return contact(person)


#: For people who state no language: the one most people of the place read, among those that notices are written in.
_USUAL_LANGUAGES = {
    "zh": "CN HK MO TW",
    "de": "AT DE LI",
    "fr": "FR MC GP MQ GF RE",
}
_LANGUAGE_OF = {place: language for language, names in _USUAL_LANGUAGES.items() for place in names.split()}


def usual_language(place: str) -> str:
    """The language for someone in `place` who states none; English where nothing is surer."""
    return _LANGUAGE_OF.get(place.partition("-")[0], "en")


class Reader:
    """Makes people of the rows of one file. `region` is the place of rows that name none."""

    def __init__(self, columns: Columns, *, region: str = "") -> None:
        self._width = columns.width
        self._cells = tuple((column.index, column.field) for column in columns.used)
        self._region = region

    def read(self, number: int, row: Sequence[str]) -> Candidate | Rejected:
        """The person of one row; `number` is the row as a spreadsheet counts it (the heading row is 1)."""
        if len(row) != self._width:
            return Rejected(row=number, flaws=(Flaw(trouble=Trouble.WIDTH),))
        cells: list[tuple[Field, str]] = []
        for index, kind in self._cells:
            text = row[index].strip()
            if not text:
                continue
            if "\0" in text or len(text) > addresses.LONGEST_ADDRESS:
                trouble = Trouble.NUL if "\0" in text else Trouble.TOO_LONG
                return Rejected(row=number, flaws=(Flaw(trouble=trouble, field=kind),))
            cells.append((kind, text))
        return self._person(number, cells)

    def _person(self, number: int, cells: Sequence[tuple[Field, str]]) -> Candidate | Rejected:
        flaws: list[Flaw] = []
        words = dict(cells)
        place = _place(words.get(Field.PLACE, ""), words.get(Field.SUBDIVISION, ""), self._region, flaws)
        if place is None:
            return Rejected(row=number, flaws=(Flaw(trouble=Trouble.PLACE, field=Field.PLACE),))
        found = _addresses(cells, place, flaws)
        account, name = _short(words, Field.ACCOUNT, LONGEST_ACCOUNT, flaws), _name(words, flaws)
        if not (account or name or found):
            return Rejected(row=number, flaws=(*flaws, Flaw(trouble=Trouble.NOBODY)))
        return Candidate(
            row=number,
            account=account,
            name=name,
            addresses=found,
            place=place,
            language=_language(words.get(Field.LANGUAGE, ""), flaws),
            flaws=tuple(flaws),
        )


def _addresses(cells: Sequence[tuple[Field, str]], place: str, flaws: list[Flaw]) -> dict[Channel, tuple[str, ...]]:
    found: dict[Channel, tuple[str, ...]] = {}
    for kind, text in cells:
        taker = _TAKERS.get(kind)
        if taker is None:
            continue
        try:
            taken = taker(_unwrapped(text), place)
        except Unusable as unusable:
            flaws.append(Flaw(trouble=Trouble(unusable.reason.value), field=kind))
            continue
        for channel, address in taken:
            before = found.get(channel, ())
            if address not in before:
                found[channel] = (*before, address)
    return found


def _unwrapped(text: str) -> str:
    """The text inside a spreadsheet's tricks for keeping digits: `="138…"` and a leading apostrophe."""
    if text.startswith('="') and text.endswith('"'):
        return text[2:-1]
    return text.removeprefix("'")


def _take_email(text: str, _: str) -> list[tuple[Channel, str]]:
    return [(Channel.EMAIL, addresses.email(text))]


def _take_phone(text: str, place: str) -> list[tuple[Channel, str]]:
    number = addresses.phone(text, addresses.numbering_region(place))
    return [
        (channel, number.number) for channel in ((Channel.SMS, Channel.PHONE) if number.takes_sms else (Channel.PHONE,))
    ]


def _take_landline(text: str, place: str) -> list[tuple[Channel, str]]:
    return [(Channel.PHONE, addresses.phone(text, addresses.numbering_region(place)).number)]


def _take_token(text: str, _: str) -> list[tuple[Channel, str]]:
    return [(Channel.PUSH, addresses.push_token(text))]


_TAKERS: Mapping[Field, Callable[[str, str], list[tuple[Channel, str]]]] = {
    Field.EMAIL: _take_email,
    Field.PHONE: _take_phone,
    Field.LANDLINE: _take_landline,
    Field.PUSH_TOKEN: _take_token,
}


def _short(words: Mapping[Field, str], kind: Field, longest: int, flaws: list[Flaw]) -> str:
    text = words.get(kind, "")
    if len(text) <= longest:
        return text
    flaws.append(Flaw(trouble=Trouble.TOO_LONG, field=kind))
    return ""


def _name(words: Mapping[Field, str], flaws: list[Flaw]) -> str:
    """The name on one line, in NFC; family and given name are joined in the order of their script."""
    whole = words.get(Field.NAME, "")
    if not whole:
        given, family = words.get(Field.GIVEN_NAME, ""), words.get(Field.FAMILY_NAME, "")
        eastern = bool(family) and "\u4e00" <= family[0] <= "\u9fff"
        whole = family + given if eastern else f"{given} {family}"
    if whole.isascii() and whole.isprintable() and "  " not in whole:
        line = whole.strip()
    else:
        line = " ".join("".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in whole).split())
        line = unicodedata.normalize("NFC", line)
    return _short({Field.NAME: line}, Field.NAME, LONGEST_NAME, flaws)


def _place(country: str, part: str, region: str, flaws: list[Flaw]) -> str | None:
    """The place code of a row, empty where it names none; None for a place that is not known.

    An unknown part of a known country leaves the country, and a flaw.
    """
    whole = whereabouts.code_of(country) if country else region
    if not whole or not part or "-" in whole:
        return whole
    closer = whereabouts.part_of(whole, part)
    if closer is None:
        flaws.append(Flaw(trouble=Trouble.SUBDIVISION, field=Field.SUBDIVISION))
        return whole
    return closer


def _language(text: str, flaws: list[Flaw]) -> str:
    """The primary subtag of a BCP 47 tag or of a locale name: `zh-CN` and `zh_CN.UTF-8` are `zh`."""
    if not text:
        return ""
    primary = text.replace("_", "-").partition("-")[0].casefold()
    if not (primary.isascii() and primary.isalpha() and len(primary) in {2, 3}):
        flaws.append(Flaw(trouble=Trouble.LANGUAGE, field=Field.LANGUAGE))
        return ""
    return primary
