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
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from tocsin import addresses, whereabouts
from tocsin.addresses import Unusable
from tocsin.columns import Columns, Field, plain
from tocsin.contacts import Contact
from tocsin.delivery import Channel

LONGEST_NAME = 300  # characters
LONGEST_ACCOUNT = 200
_EMAIL, _SMS, _PHONE = Channel.EMAIL, Channel.SMS, Channel.PHONE


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


class Candidate(NamedTuple):
    """A person as one row, or several rows merged, describe them. `repr` shows no personal data.

    A tuple, for a million are made: a frozen dataclass takes four times as long.
    """

    row: int
    account: str = ""
    name: str = ""
    addresses: Mapping[Channel, tuple[str, ...]] = MappingProxyType({})
    place: str = ""
    language: str = ""
    flaws: tuple[Flaw, ...] = ()

    def __repr__(self) -> str:
        return f"Candidate(row={self.row}, place={self.place!r}, language={self.language!r}, flaws={self.flaws!r})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """A row of which no person could be made."""

    row: int
    flaws: tuple[Flaw, ...]


def identities(person: Candidate) -> tuple[str, ...]:
    """The texts whose equality makes two candidates the same person (see the module's rule), the surest first.

    They hold personal data: hash them with the incident's key before they are stored.
    """
    account, name, known_at = person.account, person.name, person.addresses
    known = [f"account\x1f{account.casefold()}"] if account else []
    words = plain(name) if name else ""
    if words or not account:
        texted, called = known_at.get(_SMS, ()), known_at.get(_PHONE, ())
        numbers = called if texted == called else dict.fromkeys((*texted, *called))
        known += [f"email\x1f{mailbox.casefold()}\x1f{words}" for mailbox in known_at.get(_EMAIL, ())]
        known += [f"phone\x1f{number}\x1f{words}" for number in numbers]
    return tuple(known)


def merge(first: Candidate, second: Candidate) -> Candidate:
    """One person out of two descriptions: the first one's words stand, the second adds what is missing."""
    both = {
        channel: tuple(dict.fromkeys((*first.addresses.get(channel, ()), *second.addresses.get(channel, ()))))
        for channel in Channel
        if channel in first.addresses or channel in second.addresses
    }
    closer = second.place.startswith(f"{first.place}-") or not first.place
    return first._replace(
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
    """Makes people of the rows of one file. `region` is the place of rows that name none.

    Whatever most rows have in common is settled once; a pattern or a remembered answer serves for the plain cases, and
    the full validators for the rest.
    """

    def __init__(self, columns: Columns, *, region: str = "") -> None:
        self._width = columns.width
        self._cells = tuple((column.index, column.field) for column in columns.used)
        self._takers = tuple((index, kind, _TAKERS[kind]) for index, kind in self._cells if kind in _TAKERS)
        index_of = {kind: index for index, kind in self._cells}
        words = (Field.ACCOUNT, Field.NAME, Field.PLACE, Field.SUBDIVISION, Field.LANGUAGE)
        self._account, self._name, self._place, self._subdivision, self._language = (
            index_of.get(kind, -1)
            for kind in words  # the last cell, which `read` adds, is empty
        )
        self._given, self._family = index_of.get(Field.GIVEN_NAME, -1), index_of.get(Field.FAMILY_NAME, -1)
        self._region = region

    def read(self, number: int, row: Sequence[str]) -> Candidate | Rejected:
        """The person of one row; `number` is the row as a spreadsheet counts it (the heading row is 1)."""
        if len(row) != self._width:
            return Rejected(row=number, flaws=(Flaw(trouble=Trouble.WIDTH),))
        cells = [*map(str.strip, row), ""]
        line = "".join(cells)
        if "\0" in line or len(line) > addresses.LONGEST_ADDRESS:
            damage = self._damage(cells)
            if damage is not None:
                return Rejected(row=number, flaws=(damage,))
        place, flaws, numbering = _place(cells[self._place], cells[self._subdivision], self._region)
        if place is None:
            return Rejected(row=number, flaws=flaws)
        found, unusable = self._addresses(cells, numbering)
        account = cells[self._account]
        name = _one_line(cells[self._name] or _joined(cells[self._given], cells[self._family]))
        flaws += unusable
        if len(account) > LONGEST_ACCOUNT:
            account, flaws = "", (*flaws, Flaw(trouble=Trouble.TOO_LONG, field=Field.ACCOUNT))
        if len(name) > LONGEST_NAME:
            name, flaws = "", (*flaws, Flaw(trouble=Trouble.TOO_LONG, field=Field.NAME))
        if not (account or name or found):
            return Rejected(row=number, flaws=(*flaws, Flaw(trouble=Trouble.NOBODY)))
        language, unknown = _language(cells[self._language])
        return Candidate(number, account, name, found, place, language, flaws + unknown)

    def _damage(self, cells: Sequence[str]) -> Flaw | None:
        """The first cell in use that no person can have written."""
        for index, kind in self._cells:
            text = cells[index]
            if "\0" in text or len(text) > addresses.LONGEST_ADDRESS:
                return Flaw(trouble=Trouble.NUL if "\0" in text else Trouble.TOO_LONG, field=kind)
        return None

    def _addresses(
        self, cells: Sequence[str], numbering: str
    ) -> tuple[dict[Channel, tuple[str, ...]], tuple[Flaw, ...]]:
        """The addresses of a row in its columns' order, and what could not be used."""
        found: dict[Channel, tuple[str, ...]] = {}
        flaws: tuple[Flaw, ...] = ()
        for index, kind, taker in self._takers:
            text = cells[index]
            if not text:
                continue
            try:
                address, channels = taker(_unwrapped(text) if text[0] in "='" else text, numbering)
            except Unusable as unusable:
                flaws += (Flaw(trouble=Trouble(unusable.reason.value), field=kind),)
                continue
            for channel in channels:
                before = found.get(channel, ())
                if address not in before:
                    found[channel] = (*before, address)
        return found, flaws


def _unwrapped(text: str) -> str:
    """The text inside a spreadsheet's tricks for keeping digits: `="138…"` and a leading apostrophe."""
    if text.startswith('="') and text.endswith('"'):
        return text[2:-1]
    return text.removeprefix("'")


_Taken = tuple[str, tuple[Channel, ...]]  # an address in its normal form, and the channels that it serves

_BY_MAIL, _BY_PUSH, _BY_VOICE = (Channel.EMAIL,), (Channel.PUSH,), (Channel.PHONE,)
_BY_TEXT_AND_VOICE = (Channel.SMS, Channel.PHONE)


def _take_email(text: str, _: str) -> _Taken:
    return addresses.email(text), _BY_MAIL


def _take_phone(text: str, numbering: str) -> _Taken:
    mobile = addresses.mobile(text, numbering)
    if mobile is not None:
        return mobile, _BY_TEXT_AND_VOICE
    number = addresses.phone(text, numbering)
    return number.number, _BY_TEXT_AND_VOICE if number.takes_sms else _BY_VOICE


def _take_landline(text: str, numbering: str) -> _Taken:
    return addresses.phone(text, numbering).number, _BY_VOICE


def _take_token(text: str, _: str) -> _Taken:
    return addresses.push_token(text), _BY_PUSH


_TAKERS: Mapping[Field, Callable[[str, str], _Taken]] = {
    Field.EMAIL: _take_email,
    Field.PHONE: _take_phone,
    Field.LANDLINE: _take_landline,
    Field.PUSH_TOKEN: _take_token,
}


def _joined(given: str, family: str) -> str:
    """Family and given name in the order of their script."""
    eastern = bool(family) and "\u4e00" <= family[0] <= "\u9fff"
    return family + given if eastern else f"{given} {family}"


def _one_line(name: str) -> str:
    """A name on one line, in NFC."""
    if name.isprintable() and "  " not in name and unicodedata.is_normalized("NFC", name):
        return name.strip()  # a printable text has no controls, and no spaces but the common one
    line = " ".join("".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in name).split())
    return unicodedata.normalize("NFC", line)


@lru_cache(maxsize=4096)
def _place(country: str, part: str, region: str) -> tuple[str | None, tuple[Flaw, ...], str]:
    """The place code of a row, its flaws, and whose telephone numbers its people write.

    The code is empty where the row names no place, and None for a place that is not known. An unknown part of a known
    country leaves the country, and a flaw.
    """
    place = whereabouts.code_of(country) if country else region
    flaws: tuple[Flaw, ...] = ()
    if place is None:
        return None, (Flaw(trouble=Trouble.PLACE, field=Field.PLACE),), ""
    if place and part and "-" not in place:
        closer = whereabouts.part_of(place, part)
        if closer is None:
            flaws = (Flaw(trouble=Trouble.SUBDIVISION, field=Field.SUBDIVISION),)
        place = closer or place
    return place, flaws, addresses.numbering_region(place)


@lru_cache(maxsize=4096)
def _language(text: str) -> tuple[str, tuple[Flaw, ...]]:
    """The primary subtag of a BCP 47 tag or of a locale name: `zh-CN` and `zh_CN.UTF-8` are `zh`."""
    if not text:
        return "", ()
    primary = text.replace("_", "-").partition("-")[0].casefold()
    if primary.isascii() and primary.isalpha() and len(primary) in {2, 3}:
        return primary, ()
    return "", (Flaw(trouble=Trouble.LANGUAGE, field=Field.LANGUAGE),)
