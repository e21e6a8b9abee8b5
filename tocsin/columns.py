"""Which column of a roster holds what: by its heading in English, Chinese, German or French, or as the user says.

Headings are never quoted in an error: a file without a heading row has a person's data in that place.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from tocsin.errors import Invalid


class Field(StrEnum):
    """What a roster can say of a person."""

    ACCOUNT = "account"  # the customer, user or employee number: the surest sign of one person
    NAME = "name"
    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    EMAIL = "email"
    PHONE = "phone"  # mobile by nature; a landline in it is called, not texted
    LANDLINE = "landline"
    PUSH_TOKEN = "push_token"  # noqa: S105 - the name of a column
    PLACE = "place"  # a country, or a whole place code such as US-CA
    SUBDIVISION = "subdivision"  # state, province, Land
    LANGUAGE = "language"


#: A roster must have one of these, or nobody in it could be told apart or reached.
USABLE = (Field.ACCOUNT, Field.EMAIL, Field.PHONE, Field.LANDLINE, Field.PUSH_TOKEN)

#: Several columns may hold addresses of one kind (`mobile`, `mobile 2`).
REPEATABLE = frozenset({Field.EMAIL, Field.PHONE, Field.LANDLINE, Field.PUSH_TOKEN})

_HEADINGS: Mapping[Field, str] = {
    Field.ACCOUNT: (
        "account, account id, account no, account number, user, user id, userid, uid, id, customer, customer id, "
        "customer no, customer number, client id, member id, person id, employee id, external id, "
        "账号, 账户, 帐号, 账号id, 用户id, 用户编号, 会员号, 会员id, 客户编号, 客户号, 工号, 编号, "
        "konto, kontonummer, kunde, kundennummer, kundennr, benutzer id, benutzernummer, "
        "mitgliedsnummer, personalnummer, "
        "compte, numéro de compte, identifiant, numéro client, numéro de client, id client, matricule"
    ),
    Field.NAME: (
        "name, full name, fullname, display name, customer name, user name, person, contact name, "
        "姓名, 名字, 用户名, 用户姓名, 客户姓名, 联系人, 昵称, "
        "vollständiger name, kundenname, nom complet, nom et prénom"
    ),
    Field.GIVEN_NAME: "first name, firstname, given name, forename, 名, vorname, prénom",
    Field.FAMILY_NAME: (
        "last name, lastname, family name, surname, 姓, 姓氏, nachname, familienname, nom, nom de famille"
    ),
    Field.EMAIL: (
        "email, e-mail, mail, email address, e-mail address, mail address, email 1, email 2, primary email, "
        "邮箱, 电子邮箱, 电子邮件, 邮件, 邮箱地址, 电邮, e-mail-adresse, mailadresse, emailadresse, "
        "courriel, adresse e-mail, adresse électronique, adresse mail, mél"
    ),
    Field.PHONE: (
        "phone, phone number, phone no, mobile, mobile phone, mobile number, cell, cell phone, cellphone, sms, tel, "
        "telephone, telephone number, msisdn, contact number, phone 1, phone 2, mobile 1, mobile 2, "
        "手机, 手机号, 手机号码, 移动电话, 电话, 电话号码, 联系电话, 联系方式, "
        "telefon, telefonnummer, handy, handynummer, mobil, mobilnummer, mobiltelefon, rufnummer, "
        "téléphone, numéro de téléphone, portable, téléphone portable, téléphone mobile, tél"
    ),
    Field.LANDLINE: (
        "landline, home phone, work phone, office phone, fixed line, voice, 固定电话, 座机, 家庭电话, 办公电话, "
        "festnetz, festnetznummer, téléphone fixe, fixe"
    ),
    Field.PUSH_TOKEN: (
        "push token, push, device token, push id, registration id, fcm token, apns token, client id push, cid, "
        "推送令牌, 推送, 设备令牌, 推送id, push-token, gerätetoken, jeton push, jeton de notification"
    ),
    Field.PLACE: (
        "place, country, country code, nation, residence, country of residence, 国家, 地区, 国家地区, 所在地, 国别, "
        "land, ländercode, wohnsitz, wohnsitzland, staat, pays, code pays, pays de résidence"
    ),
    Field.SUBDIVISION: (
        "region, state, province, subdivision, state code, state province, 省, 省份, 州, 省市, "
        "bundesland, provinz, kanton, région, département, province ou état"
    ),
    Field.LANGUAGE: (
        "language, lang, locale, language code, preferred language, 语言, 语种, 首选语言, "
        "sprache, sprachcode, bevorzugte sprache, langue, langue préférée"
    ),
}


_SIGNS = re.compile(r"[\W_]+")


def plain(text: str) -> str:
    """A heading without case, width, accents-as-marks, spaces and punctuation, for comparison."""
    folded = (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()
    return folded if folded.isalnum() else _SIGNS.sub("", folded)


_FIELD_OF = {plain(heading): field for field, headings in _HEADINGS.items() for heading in headings.split(", ")} | {
    plain(field): field for field in Field
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column that is read: its place (from 0), its heading, and what it holds."""

    index: int
    heading: str
    field: Field


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What is read of each row."""

    width: int
    used: tuple[Column, ...]

    def of(self, field: Field) -> tuple[Column, ...]:
        """The columns of one field, in the file's order."""
        return tuple(column for column in self.used if column.field is field)


def field_of(heading: str) -> Field | None:
    """What a column with this heading holds, if its name is known."""
    return _FIELD_OF.get(plain(heading))


def known_headings(header: Sequence[str]) -> int:
    """How many headings are known words: how surely this is a heading row, read rightly."""
    return sum(field_of(heading) is not None for heading in header)


def match(header: Sequence[str], chosen: Mapping[str, str], *, source: str) -> Columns:
    """The columns to read: those the user chose (`field` → heading), then those known by their headings.

    Raises Invalid when the choice names an unknown field or a heading that is not there, when two columns claim to be
    the same single thing, or when no column says who or how to reach.
    """
    picked = _chosen(header, chosen, source=source)
    taken = {column.index for column in picked}
    decided = {column.field for column in picked}
    for index, heading in enumerate(header):
        field = field_of(heading)
        if field is not None and index not in taken and field not in decided:
            picked.append(Column(index=index, heading=heading.strip(), field=field))
    picked.sort(key=lambda column: column.index)
    _refuse_ambiguous(picked, source=source)
    if not any(column.field in USABLE for column in picked):
        raise Invalid(
            f"{source}: none of its {len(header)} columns is usable: name one {', '.join(USABLE[:-1])} or {USABLE[-1]} "
            "in the first row, or say which it is with --map email=HEADING."
        )
    return Columns(width=len(header), used=tuple(picked))


def _chosen(header: Sequence[str], chosen: Mapping[str, str], *, source: str) -> list[Column]:
    places = {plain(heading): index for index, heading in reversed(list(enumerate(header)))}
    picked = []
    for word, heading in chosen.items():
        field = _field_named(word)
        index = places.get(plain(heading))
        if index is None:
            raise Invalid(
                f"{source}: --map {word}={heading}: no column has that heading; check it against the first row."
            )
        picked.append(Column(index=index, heading=header[index].strip(), field=field))
    return picked


def _field_named(word: str) -> Field:
    try:
        return Field(word)
    except ValueError:
        near = get_close_matches(word, list(Field), n=2, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else f": use one of {', '.join(Field)}."
        raise Invalid(f"--map {word}=…: there is no such field{hint}") from None


def _refuse_ambiguous(picked: Sequence[Column], *, source: str) -> None:
    for field in Field:
        places = [str(column.index + 1) for column in picked if column.field is field]
        if len(places) > 1 and field not in REPEATABLE:
            raise Invalid(
                f"{source}: columns {' and '.join(places)} both look like the {field}: "
                f"say which one it is with --map {field}=HEADING."
            )
