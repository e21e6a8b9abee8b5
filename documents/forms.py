"""Regulators' forms as data: what each asks, where the answer comes from, and at which stage it must be there.

A form is one YAML file in playbooks/reports. Adding a form is adding a file; a new way of deriving an answer is a
function in documents/derivations.py.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import Field as Bounded
from pydantic import ValidationError, field_validator, model_validator

from documents import wording
from documents.derivations import DERIVATIONS
from tocsin import places, reading
from tocsin.complaints import Strict, invalid
from tocsin.errors import Invalid, NotFound

Texts = Mapping[str, str]  # by language


class Law(Strict):
    """Where the form comes from, and how sure we are of it."""

    citation: str
    source: str
    read_on: str
    confidence: Literal["text", "secondary", "memory", "disputed"]


class Level(Strict):
    """A grade that a number of people reaches; "at least" includes the number."""

    at_least: int
    text: Texts


class Field(Strict):
    """One question. Without `derive` only a person can answer it."""

    key: str = Bounded(pattern=r"^[a-z][a-z0-9-]*$")
    label: Texts
    ask: Texts
    derive: str | None = None
    path: str | None = None
    fallback: str | None = None
    choices: Mapping[str, Texts] = {}
    levels: tuple[Level, ...] = ()
    required_at: tuple[str, ...] = ()
    required_when: Literal["late", "ransomware"] | None = None
    citation: str | None = None

    @model_validator(mode="after")
    def _known(self) -> "Field":
        if self.derive is not None and self.derive not in DERIVATIONS:
            raise ValueError(f"`derive` names no derivation; there are {', '.join(sorted(DERIVATIONS))}")
        if self.derive in {"moment", "yes-no", "count", "choice", "place"} and self.path is None:
            raise ValueError(f"`derive: {self.derive}` needs a `path` into the facts")
        return self


class Section(Strict):
    """Questions that belong together."""

    key: str
    title: Texts
    fields: tuple[Field, ...]


class Form(Strict):
    """One regulator's form. `zone` is the clock that its times are shown in; none leaves each time its own offset."""

    id: str
    title: Texts
    languages: tuple[str, ...]
    zone: str | None
    law: Law
    duties: tuple[str, ...]
    stages: tuple[str, ...]
    stage_titles: Mapping[str, Texts]
    sections: tuple[Section, ...]

    @field_validator("duties")
    @classmethod
    def _one_for_each_place(cls, duties: tuple[str, ...]) -> tuple[str, ...]:
        """`authority-{EEA}` stands for the duty to the authority of each place of that group."""
        return tuple(one for duty in duties for one in _expanded(duty))

    @property
    def questions(self) -> tuple[Field, ...]:
        """Every question in order."""
        return tuple(field for section in self.sections for field in section.fields)

    @model_validator(mode="after")
    def _whole(self) -> "Form":
        keys = [field.key for field in self.questions]
        doubled = next((key for key in keys if keys.count(key) > 1), None)
        if doubled:
            raise ValueError(f"the field `{doubled}` stands there twice")
        if set(self.stage_titles) != set(self.stages) or not self.stages:
            raise ValueError("`stage_titles` must name exactly the `stages`")
        for field in self.questions:
            if set(field.required_at) - set(self.stages):
                raise ValueError(f"the field `{field.key}` is required at a stage that the form does not have")
        for texts in self._texts():
            if set(texts) != set(self.languages):
                raise ValueError(f"every text must be given in {', '.join(self.languages)}, and in nothing else")
        if set(self.languages) - set(wording.languages()):
            raise ValueError(f"`languages` may hold {', '.join(wording.languages())}")
        return self

    def _texts(self) -> list[Texts]:
        of_fields = [texts for field in self.questions for texts in (field.label, field.ask, *field.choices.values())]
        of_levels = [level.text for field in self.questions for level in field.levels]
        of_sections = [section.title for section in self.sections]
        return [self.title, *self.stage_titles.values(), *of_sections, *of_fields, *of_levels]


def _expanded(duty: str) -> list[str]:
    for group, members in places.GROUPS.items():
        if f"{{{group}}}" in duty:
            return [duty.replace(f"{{{group}}}", place) for place in sorted(members)]
    return [duty]


def parse(document: Mapping[str, Any], *, source: str) -> Form:
    """The form in a document; raises Invalid in one sentence with the source and the path of what is wrong."""
    try:
        return Form.model_validate(document)
    except ValidationError as error:
        raise invalid(error, source=source) from None


def forms(documents: Mapping[str, str]) -> list[Form]:
    """Forms from the text of their files by file name, sorted by id; raises Invalid for a wrong or doubled one."""
    parsed = [(name, parse(reading.document(text, source=name), source=name)) for name, text in documents.items()]
    for name, form in parsed:
        if form.id != name.removesuffix(".yaml"):
            raise Invalid(f"{name}: the form's id is `{form.id}`: give the file that name.")
    return sorted((form for _, form in parsed), key=lambda form: form.id)


@cache
def load() -> tuple[Form, ...]:
    """The forms that ship with Tocsin, sorted by id."""
    folder = resources.files("playbooks") / "reports"
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name.endswith(".yaml")}
    return tuple(forms(found))


def find(identifier: str) -> Form:
    """The form of that id; raises NotFound naming those there are."""
    known = {form.id: form for form in load()}
    if identifier not in known:
        raise NotFound(f"There is no form {identifier[:60]!r}; there are: {', '.join(known)}.")
    return known[identifier]
