"""The words of each language and the templates around them, read from playbooks/texts.

Everything read here ships with Tocsin and is read once. What a caller passes into a template is data: the environment
is sandboxed, and a name that a template asks for and nobody gave is an error, never an empty space.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import rfc8785
import yaml
from jinja2 import FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape
from pydantic import BaseModel, ConfigDict

from tocsin.errors import NotFound

Kind = Literal["notice", "announcement"]
PARTS = ("situation", "impact", "measures", "advice", "remedies", "contact")
# ASCII only: a Chinese sentence goes on right after an address, without a space.
_LINK = re.compile(
    r"(https://[!#$%&'()*+,./0-9:;=?@A-Z\[\]_a-z~-]*[#%&+/0-9=@A-Z_a-z~-])|([A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
)


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Guidance(_Data):
    """What the loss of one group of data may mean for a person, and what the person can do about it.

    `harm` names it for an authority; `impact` and `advice` speak to the person.
    """

    harm: str
    impact: str
    advice: str


class Reporting(_Data):
    """Words for values in a regulator's form."""

    unknown: str
    yes_: str
    no_: str
    none_: str
    to: str
    at_least: str
    at_most: str
    people: str
    not_applicable: str
    kinds: Mapping[str, str]
    causes: Mapping[str, str]
    statuses: Mapping[str, str]
    incident_types: Mapping[str, str]
    risks: Mapping[str, str]
    verdicts: Mapping[str, str]
    contained: str
    resolved: str
    told: str


class Page(_Data):
    """Words around a public notice on its page."""

    public_notice: str
    read: str
    choose: str
    other_languages: str
    published: str
    reference: str
    fingerprint: str
    updates: str
    skip: str


class Paper(_Data):
    """Words around a report on paper."""

    stage: str
    version: str
    prepared: str
    due: str
    required: str
    missing: str
    missing_none: str
    find_out: str
    fingerprint: str
    law: str
    late: str


class Words(_Data):
    """One language."""

    tag: str  # BCP 47
    name: str  # in the language itself
    date_format: str
    first_of_month: str | None  # how the first day is written where it is not "1"
    thousands: str
    frequent: tuple[str, ...]  # everyday words that give the language away; empty where its script does
    nameless: str  # the gap where the organisation's name belongs
    separator: str  # between the items of a list in a line
    colon: str
    headings: Mapping[str, str]
    groups: Mapping[str, Guidance]
    reporting: Reporting
    places: Mapping[str, str] = {}
    page: Page
    paper: Paper

    def number(self, value: int) -> str:
        """A whole number as the language writes it."""
        return f"{value:,}".replace(",", self.thousands)


class Element(_Data):
    """A data element: its name in every language, and the groups whose harm and advice it shares."""

    groups: tuple[str, ...]
    groups_in: Mapping[str, tuple[str, ...]] = {}
    en: str
    zh: str
    de: str
    fr: str

    def label(self, language: str) -> str:
        """The plain noun in a language."""
        return str(getattr(self, language))


class Requirement(_Data):
    """What a regime wants a notice to people to contain."""

    parts: tuple[str, ...]
    title: Mapping[str, str] = {}
    headings: Mapping[str, tuple[str, ...]] = {}
    citation: str
    source: str
    read_on: Any
    confidence: Literal["text", "secondary", "memory", "disputed"]


def folder() -> Path:
    """Where the texts are."""
    return Path(str(resources.files("playbooks"))) / "texts"


def _read(name: str) -> Any:
    return yaml.safe_load((folder() / name).read_text(encoding="utf-8"))


@cache
def languages() -> tuple[str, ...]:
    """The languages that there are words for, in a fixed order."""
    return tuple(sorted(path.stem for path in (folder() / "words").glob("*.yaml")))


def resolve(language: str) -> str:
    """Our code for a BCP 47 tag (`zh-Hans-CN` is `zh`); raises NotFound naming the languages there are."""
    primary = language.partition("-")[0].lower()
    if primary not in languages():
        raise NotFound(f"There are no texts in the language {language[:20]!r}; there are: {', '.join(languages())}.")
    return primary


@cache
def words(language: str) -> Words:
    """The words of a language; raises NotFound for one that we do not have."""
    return Words.model_validate(_read(f"words/{resolve(language)}.yaml"))


@cache
def elements() -> Mapping[str, Element]:
    """Every data element by its id."""
    return {key: Element.model_validate(value) for key, value in _read("elements.yaml").items()}


@cache
def requirements() -> Mapping[str, Requirement]:
    """What each regime wants a notice to contain, by regime id."""
    return {key: Requirement.model_validate(value) for key, value in _read("required.yaml").items()}


def paragraphs(text: str) -> Markup:
    """Plain text as HTML: blank lines part paragraphs, lines that begin with `- ` are a list, addresses are links."""
    return Markup("\n").join(_block(block) for block in text.split("\n\n") if block.strip())


def _block(block: str) -> Markup:
    lines = block.strip().split("\n")
    if all(line.startswith("- ") for line in lines):
        items = Markup("").join(Markup("<li>{}</li>").format(_linked(line[2:])) for line in lines)
        return Markup("<ul>{}</ul>").format(items)
    return Markup("<p>{}</p>").format(Markup("<br>").join(_linked(line) for line in lines))


def _linked(line: str) -> Markup:
    out, start = Markup(""), 0
    for found in _LINK.finditer(line):
        target = found[1] or f"mailto:{found[2]}"
        out += escape(line[start : found.start()]) + Markup('<a href="{}">{}</a>').format(target, found[0])
        start = found.end()
    return out + escape(line[start:])


def heading(text: str) -> str:
    """A heading in plain text: underlined, and twice as long under wide characters."""
    wide = sum(1 for character in text if ord(character) > 0x2E7F)
    return f"{text}\n{'-' * (len(text) + wide)}"


@cache
def templates() -> ImmutableSandboxedEnvironment:
    """The environment of every template: texts of the playbooks, and the pages around them."""
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([folder(), Path(__file__).parent / "templates"]),
        autoescape=select_autoescape(["html", "atom"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["paragraphs"] = paragraphs
    environment.filters["heading"] = heading
    return environment


@cache
def layout(kind: Kind, language: str) -> str:
    """A short fingerprint of every word that stands around a text of this kind: templates, headings, greetings.

    A text carries it from the moment it is written, so that approving the text approves these words too.
    """
    known = words(language)
    files = {
        "notice": [folder() / "notice" / "layout.html", *_own_files(resolve(language))],
        "announcement": sorted((Path(__file__).parent / "templates").glob("page.*")),
    }[kind]
    around = {
        "headings": dict(known.headings),
        "page": known.page.model_dump(),
        "files": {path.name: path.read_text(encoding="utf-8") for path in files},
    }
    return hashlib.sha256(rfc8785.dumps(around)).hexdigest()[:16]


def _own_files(language: str) -> list[Path]:
    names = ("subject.txt", "body.txt", "body.html", "short.txt", "voice.txt")
    return [folder() / "notice" / language / name for name in names]
