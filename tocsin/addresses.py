"""Addresses as people write them, made into the one form that providers take.

The validators are `email-validator` (without DNS) and `phonenumbers`; both are slow to load and slow to run. Patterns
stand before them that accept only what the validators accept, in the same normal form: the phone patterns *are* the
library's own metadata. Whatever a pattern does not settle goes to the validator, so a pattern decides speed only.

Reasons are closed words; no error, reason or repr holds an address.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from tocsin.residency import OWN_CODE

LONGEST_ADDRESS = 4096  # characters; web push subscriptions are the longest addresses there are
SHORTEST_TOKEN = 8


class Reason(StrEnum):
    """Why an address cannot be used."""

    EMAIL_INVALID = "email-invalid"
    PHONE_INVALID = "phone-invalid"
    PHONE_NO_REGION = "phone-no-region"  # a national number, and nothing says of which country
    PHONE_NOT_PERSONAL = "phone-not-personal"  # premium rate, toll-free and the like: nobody's own number
    TOKEN_INVALID = "token-invalid"  # noqa: S105 - a reason, not a secret


class Unusable(ValueError):
    """The text is no address of that kind. Holds the reason only, never the text."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Phone:
    """A telephone number in E.164 form (`+8613800138000`), and whether it can take a text message."""

    number: str = field(repr=False)
    takes_sms: bool


# A strict subset of RFC 5321 mailboxes: lower-case dot-atom, letters-digits-hyphens labels, a top level of letters.
# A hyphen in the third and fourth place (`xn--`) is left to the validator, as is everything with capitals.
_EMAIL = re.compile(
    r"(?=.{6,254}\Z)(?=[^@]{1,64}@)(?P<local>[a-z0-9_+][a-z0-9_+-]*(?:\.[a-z0-9_+-]+)*)@"
    r"(?:(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"(?!(?:arpa|invalid|local|localhost|onion|test)\Z)[a-z]{2,63}",
    re.ASCII,
)


def email(text: str) -> str:
    """A mailbox in its normal form (domain in lower case, Unicode in NFC); raises Unusable.

    International mailboxes (RFC 6531) and domains are taken. Quoted local parts, display names, address literals and
    domains that never receive mail (RFC 6761: `.test`, `.invalid`, …) are not.
    """
    cleaned = text.strip()
    return cleaned if _EMAIL.fullmatch(cleaned) else _email_by_validator(cleaned)


def _email_by_validator(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    if len(text) > LONGEST_ADDRESS:
        raise Unusable(Reason.EMAIL_INVALID)
    try:
        return validate_email(text, check_deliverability=False, strict=True).normalized
    except EmailNotValidError:
        raise Unusable(Reason.EMAIL_INVALID) from None


@dataclass(frozen=True, kw_only=True)
class _Numbering:
    """One region's own numbers, from the metadata of `phonenumbers`."""

    prefix: str  # + and the calling code
    mobile: re.Pattern[str]
    quick: re.Pattern[str]  # the same with or without the calling code, and without what may be stripped from the front


@cache
def _numbering(region: str) -> _Numbering | None:
    from phonenumbers import PhoneMetadata, country_code_for_region

    code = country_code_for_region(region)
    metadata = PhoneMetadata.metadata_for_region(region, None) if code else None
    if metadata is None or metadata.mobile is None or not metadata.mobile.national_number_pattern:
        return None
    pattern, trunk = metadata.mobile.national_number_pattern, metadata.national_prefix_for_parsing
    untouched = f"(?!{trunk})" if trunk else ""  # a number with a trunk prefix is left to the library
    return _Numbering(
        prefix=f"+{code}",
        mobile=re.compile(pattern, re.ASCII),
        quick=re.compile(rf"(?:\+{code})?{untouched}(?:{pattern})", re.ASCII),
    )


_SEPARATORS = str.maketrans("", "", " -\u00a0")
_FAST_REGIONS = frozenset({"CN", "DE", "FR", "GB", "ES", "NL", "PL", "HK", "SG", "JP", "KR"})


def phone(text: str, region: str) -> Phone:
    """A number in E.164 form; `region` (`CN`, `US`; may be empty) is whose national numbers are meant. Raises Unusable.

    A national number without a region is refused, not guessed. A landline is a phone that takes no text message.
    """
    cleaned = text.strip()
    quick = mobile(cleaned, region)
    return Phone(number=quick, takes_sms=True) if quick else _phone_by_library(cleaned, region)


def mobile(text: str, region: str) -> str | None:
    """The E.164 form of a number that is a mobile one of that region beyond doubt, else None: then ask `phone`."""
    if region not in _FAST_REGIONS:
        return None
    return _mobile_by_pattern(text if text.isalnum() else text.translate(_SEPARATORS), region)


def _mobile_by_pattern(digits: str, region: str) -> str | None:
    """The E.164 form if this is surely a mobile number of that region, else None.

    Only for regions whose mobile numbers are told apart from landlines (a shared pattern, as in the United States, is
    fixed-or-mobile and takes text messages too, but shares its calling code with others).
    """
    numbering = _numbering(region)
    if numbering is None or not numbering.quick.fullmatch(digits):
        return None
    return digits if digits.startswith("+") else numbering.prefix + digits


def _phone_by_library(text: str, region: str) -> Phone:
    import phonenumbers
    from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

    if not text or len(text) > 64:
        raise Unusable(Reason.PHONE_INVALID)
    try:
        number = phonenumbers.parse(text, region or None)
    except NumberParseException as error:
        unknown = error.error_type == NumberParseException.INVALID_COUNTRY_CODE and not region
        raise Unusable(Reason.PHONE_NO_REGION if unknown else Reason.PHONE_INVALID) from None
    if not phonenumbers.is_valid_number(number):
        raise Unusable(Reason.PHONE_INVALID)
    kind = phonenumbers.number_type(number)
    if kind in _not_personal():
        raise Unusable(Reason.PHONE_NOT_PERSONAL)
    mobile = kind in {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
    return Phone(number=phonenumbers.format_number(number, PhoneNumberFormat.E164), takes_sms=mobile)


@cache
def _not_personal() -> frozenset[int]:
    from phonenumbers import PhoneNumberType as Kind

    return frozenset({Kind.TOLL_FREE, Kind.PREMIUM_RATE, Kind.SHARED_COST, Kind.UAN, Kind.VOICEMAIL, Kind.PAGER})


def push_token(text: str) -> str:
    """A push token or subscription: printable ASCII, 8 to 4096 characters; raises Unusable. Case is kept."""
    cleaned = text.strip()
    if not SHORTEST_TOKEN <= len(cleaned) <= LONGEST_ADDRESS or not cleaned.isascii() or not cleaned.isprintable():
        raise Unusable(Reason.TOKEN_INVALID)
    return cleaned


_US_TERRITORIES = frozenset({"PR", "GU", "VI", "AS", "MP"})


def numbering_region(place: str) -> str:
    """Whose national numbers people in a place write: `US-CA` → `US`, `CN-HK` → `HK`, `US-PR` → `PR`."""
    country, _, part = OWN_CODE.get(place, place).partition("-")
    return part if country == "US" and part in _US_TERRITORIES else country
