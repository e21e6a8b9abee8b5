"""The closed words of the facts document: data elements, events, and sets that laws share."""

import difflib
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ELEMENTS: Final = _words(
    # identity
    "name date-of-birth address photo signature electronic-signature mothers-maiden-name birth-certificate "
    "marriage-certificate gender nationality "
    # contact
    "email phone contacts-book calendar "
    # government numbers
    "ssn national-id driver-licence state-id passport military-id tribal-id tax-id irs-pin voter-id immigration-id "
    "other-government-id "
    # money
    "financial-account financial-account-code payment-card payment-card-code transactions balances income "
    "credit-report insurance-policy "
    # access
    "online-credentials email-account-credentials password-hash security-answers private-key session-token "
    # body and health
    "medical health-insurance biometric genetic health-data sex-life disability "
    # special categories
    "racial-origin political-opinion religion union-membership criminal-record "
    # behaviour
    "location licence-plate-reader browsing-history purchase-history usage-log communications-content call-records "
    "device-id ip-address account-id nickname smart-device-data voice video "
    # life
    "education student-id employment employee-id wages family child-data age-verification lodging"
)

# Sets that many laws name alike. `us-core`: what nearly every United States statute protects together with a name; an
# account or card number counts without its code too, because a code is only needed where the account requires one.
ELEMENT_SETS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "us-core": _words(
            "ssn driver-licence state-id financial-account financial-account-code payment-card payment-card-code"
        ),
        "government-numbers": _words(
            "ssn national-id driver-licence state-id passport military-id tribal-id tax-id irs-pin voter-id "
            "immigration-id other-government-id"
        ),
        "special-categories": _words(  # GDPR Art. 9(1) and Art. 10
            "medical health-insurance biometric genetic health-data sex-life disability racial-origin "
            "political-opinion religion union-membership criminal-record"
        ),
        "credentials": _words(
            "online-credentials email-account-credentials security-answers private-key session-token"
        ),
    }
)

EVENTS: Final = _words(
    "individuals-notified filed extension-filed no-harm-found finding-confirmed ransom-paid fix-available "
    "handling-ended public-notice-posted substitute-notice-posted controller-told"
)
# What was found or happened holds where it was found or happened; acts towards people are counted place by place.
FINDINGS: Final = _words("no-harm-found finding-confirmed ransom-paid fix-available handling-ended")
ROLES: Final = ("controller", "processor")
KINDS: Final = ("confidentiality", "integrity", "availability")
CAUSES: Final = ("attack", "insider", "theft", "loss", "error", "failure")
RISKS: Final = ("unlikely", "possible", "likely", "high")
CHANNELS: Final = ("email", "sms", "push", "phone", "post", "none")
# The incident's grade by a national classification guide, as a person decided it (China: the guide of the CAC).
GRADES: Final = ("general", "relatively-major", "major", "particularly-major")

AUDIENCES: Final = (
    "individuals",
    "authority",
    "credit-bureaus",
    "media",
    "public",
    "controller",
    "customers",
    "law-enforcement",
    "record",
    "service",
)
CONFIDENCES: Final = ("text", "secondary", "memory", "disputed")


def nearest(word: str, words: Collection[str], *, most: int = 3) -> tuple[str, ...]:
    """The words most like `word`, nearest first."""
    by_fold = {known.casefold(): known for known in words}
    folded = word.casefold().replace("_", "-")
    found = difflib.get_close_matches(folded, by_fold, n=most, cutoff=0.6)
    inside = [known for known in sorted(by_fold) if known not in found and (folded in known or known in folded)]
    return tuple(by_fold[known] for known in (found + inside if len(folded) > 2 else found)[:most])


def suggestion(word: str, words: Collection[str]) -> str:
    """Advice to append to a refusal: the nearest names, or all of a short list."""
    near = nearest(word, words)
    if near:
        return f"perhaps {' or '.join(f'`{name}`' for name in near)} is meant"
    if len(words) <= 12:
        return f"use one of {', '.join(f'`{name}`' for name in sorted(words))}"
    return "see docs/facts.md for the names there are"
