"""Classes of data as breach lists name them (Have I Been Pwned's words) made into the elements that laws ask about.

Only what is surely the same is here. `Passwords` is not: whether they were readable, hashed or came with a user name
decides what they are in law, and a person must say.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from tocsin import vocabulary

_CLASSES: Final = """
name: Names
date-of-birth: Dates of birth
address: Physical addresses
photo: Photos, Profile photos
gender: Genders
nationality: Nationalities
mothers-maiden-name: Mothers maiden names
email: Email addresses, Recovery email addresses
phone: Phone numbers
contacts-book: Address book contacts
ssn: Social security numbers
passport: Passport numbers
driver-licence: Driver's licenses
financial-account: Bank account numbers
payment-card: Credit cards
payment-card-code: Credit card CVV
transactions: Payment histories, Financial transactions
balances: Account balances
income: Income levels
credit-report: Credit scores, Credit status information
security-answers: Security questions and answers
session-token: Auth tokens
medical: HIV statuses
health-data: Personal health data
health-insurance: Health insurance information
biometric: Biometric data
genetic: Genetic data
sex-life: Sexual orientations, Sexual fetishes
racial-origin: Ethnicities, Races
political-opinion: Political views
religion: Religions
criminal-record: Criminal records
location: Latitude and longitude pairs
browsing-history: Browsing histories
purchase-history: Purchases
usage-log: Login histories
communications-content: Private messages, Email messages, SMS messages, Chat logs
call-records: Call logs
device-id: Device serial numbers, IMEI numbers, IMSI numbers, MAC addresses
ip-address: IP addresses
account-id: Usernames
nickname: Nicknames, Display names
voice: Audio recordings
education: Education levels, Academic records, School grades (class levels)
employment: Employers, Job titles, Occupations, Employment statuses, Career levels, Job applications
family: Marital statuses, Family structure, Family members' names, Spouses names
"""


def _plain(name: str) -> str:
    return " ".join(name.replace("’", "'").casefold().split())


def _table() -> dict[str, str]:
    lines = (line.partition(": ") for line in _CLASSES.strip().splitlines())
    return {_plain(name): element for element, _, names in lines for name in names.split(", ")}


ELEMENTS_OF: Final[Mapping[str, str]] = MappingProxyType(
    {element: element for element in vocabulary.ELEMENTS} | _table()
)


def elements(classes: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The elements that classes of data surely are, and the classes that a person must look at, each once."""
    named = [" ".join(name.split()) for name in classes if name.strip()]
    known = dict.fromkeys(ELEMENTS_OF[_plain(name)] for name in named if _plain(name) in ELEMENTS_OF)
    return tuple(known), tuple(dict.fromkeys(name for name in named if _plain(name) not in ELEMENTS_OF))
