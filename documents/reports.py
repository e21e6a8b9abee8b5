"""A regulator's form filled from the facts as they stand, with a list of what is still missing.

No answer is invented: what is unknown says so, and is listed with what to find out. The same inputs give the same
document, the same hash and the same bytes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import rfc8785
from pendulum import DateTime

from documents.derivations import DERIVATIONS, Answer, Known
from documents.forms import Field, Form, forms
from documents.notices.drafting import localised
from tocsin import moments
from tocsin.errors import Invalid
from tocsin.ledger import fingerprint

__all__ = ["Missing", "Report", "as_json", "as_pdf", "fill", "forms", "from_document"]

RECORD: Final = ("people_by_verdict", "people_total")
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MOST_CHARACTERS: Final = 20_000


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A question without an answer. `why` says what to find out, in the form's first language."""

    field: str
    label: str
    why: str
    required: bool

    def __str__(self) -> str:
        """One line for a list."""
        return f"{self.label}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Report:
    """A form as filled at one stage. `document` is plain JSON and holds everything that the paper shows."""

    form: str
    stage: str
    document: dict[str, Any]

    @property
    def missing(self) -> tuple[Missing, ...]:
        """What is still unknown, what the stage requires first."""
        first = self.document["languages"][0]
        return tuple(
            Missing(field=one["field"], label=one["label"][first], why=one["ask"][first], required=one["required"])
            for one in self.document["missing"]
        )

    @property
    def hash(self) -> str:
        """SHA-256, hexadecimal, over the RFC 8785 form of form, stage and document."""
        return fingerprint({"form": self.form, "stage": self.stage, "document": self.document})


def fill(
    form: Form,
    facts: Mapping[str, Any],
    *,
    duties: Sequence[Mapping[str, Any]],
    plan: Mapping[str, Any],
    stage: str,
    extra: Mapping[str, Any] | None = None,
    now: DateTime | None = None,
) -> Report:
    """Fill the form for a stage.

    `extra` holds answers of people by the key of the field (text, or text by language), which go before derived ones,
    and beside them `people_by_verdict` and `people_total`. Whether the report is late is known only with `now`; without
    it the reasons for a delay are asked for. Raises Invalid for an unknown stage or answer.
    """
    if stage not in form.stages:
        raise Invalid(f"The form {form.id} has no stage {stage[:40]!r}; it has {', '.join(form.stages)}.")
    answers = _answers(form, extra or {})
    known = _known(form, facts, duties, plan, extra or {}, now)
    sections: list[dict[str, Any]] = [
        {
            "key": section.key,
            "title": dict(section.title),
            "fields": [_field(one, known, answers, stage) for one in section.fields],
        }
        for section in form.sections
    ]
    by_key = {field.key: field for field in form.questions}
    unanswered = [one for section in sections for one in section["fields"] if not one["known"]]
    missing = [_missing(by_key[one["key"]], required=one["required"]) for one in unanswered]
    document = {
        "form": form.id,
        "title": dict(form.title),
        "stage": stage,
        "stage_title": dict(form.stage_titles[stage]),
        "languages": list(form.languages),
        "law": form.law.model_dump(),
        "due": _due(known.duties),
        "late": known.late,
        "sections": sections,
        "missing": sorted(missing, key=lambda one: not one["required"]),
    }
    return Report(form=form.id, stage=stage, document=document)


def from_document(document: Mapping[str, Any]) -> Report:
    """The report that was stored as its document."""
    return Report(form=document["form"], stage=document["stage"], document=dict(document))


def as_json(report: Report) -> bytes:
    """The document in RFC 8785 canonical form: the same report is the same bytes."""
    return bytes(rfc8785.dumps(report.document))


def as_pdf(form: Form, report: Report, *, version: int, at: DateTime, languages: Sequence[str] | None = None) -> bytes:
    """The report as a tagged PDF/A, in all of the form's languages or some; `at` is when this version was made."""
    from documents import typesetting  # Typst is loaded only where paper is wanted

    shown = tuple(languages or form.languages)
    unknown = [language for language in shown if language not in form.languages]
    if unknown:
        raise Invalid(f"The form {form.id} is written in {', '.join(form.languages)}, not in {unknown[0][:20]!r}.")
    paper = typesetting.report(report.document, report.hash, version=version, at=at, zone=form.zone, languages=shown)
    return bytes(paper)


def _answers(form: Form, extra: Mapping[str, Any]) -> dict[str, Answer]:
    keys = {field.key for field in form.questions}
    unknown = sorted(str(key)[:40] for key in extra if key not in keys and key not in RECORD)
    if unknown:
        raise Invalid(f"The form {form.id} has no field `{unknown[0]}`; it has {', '.join(sorted(keys))}.")
    entered = {key: _entered(form, key, value) for key, value in extra.items() if key in keys}
    return {key: answer for key, answer in entered.items() if answer is not None}


def _entered(form: Form, key: str, value: Any) -> Answer | None:
    said = value if isinstance(value, Mapping) else {form.languages[0]: value}
    for words in said.values():
        if not isinstance(words, str) or _CONTROL.search(words) or len(words) > _MOST_CHARACTERS:
            raise Invalid(f"The answer to `{key}` must be plain text of at most {_MOST_CHARACTERS:,} characters.")
    text = {language: (localised(said, language) or "").strip() for language in form.languages}
    return Answer(value=text, text=text, source="entered") if all(text.values()) else None


def _known(
    form: Form,
    facts: Mapping[str, Any],
    duties: Sequence[Mapping[str, Any]],
    plan: Mapping[str, Any],
    extra: Mapping[str, Any],
    now: DateTime | None,
) -> Known:
    served = [row for row in duties if row["id"] in form.duties and row["status"] != "not-owed"]
    return Known(
        facts=facts,
        plan=plan,
        duties=served,
        individuals=[row for row in duties if row["audience"] == "individuals"],
        record={key: extra[key] for key in RECORD if key in extra},
        languages=form.languages,
        zone=form.zone,
        late=_late(served, now),
    )


def _due(duties: Sequence[Mapping[str, Any]]) -> str | None:
    return min((row["due"] for row in duties if row.get("due")), key=moments.parse, default=None)


def _late(duties: Sequence[Mapping[str, Any]], now: DateTime | None) -> bool | None:
    """Whether a duty that is surely owed is past its time; where it is not sure, nobody pleads guilty."""
    due = _due([row for row in duties if row["status"] in {"owed", "done"}])
    return None if due is None or now is None else now > moments.parse(due)


def _field(field: Field, known: Known, answers: Mapping[str, Answer], stage: str) -> dict[str, Any]:
    answer = answers.get(field.key) or _derived(field, known)
    required = stage in field.required_at or _applies(field, known) is True
    blank = known.say(lambda words, _: words.reporting.unknown)
    return {
        "key": field.key,
        "label": dict(field.label),
        "known": answer is not None,
        "value": answer.value if answer else None,
        "text": dict(answer.text) if answer else blank,
        "source": answer.source if answer else None,
        "required": required,
        "citation": field.citation,
    }


def _derived(field: Field, known: Known) -> Answer | None:
    if _applies(field, known) is False:
        return Answer(value=None, text=known.say(lambda words, _: words.reporting.not_applicable), source="facts")
    return DERIVATIONS[field.derive](known, field) if field.derive else None


def _applies(field: Field, known: Known) -> bool | None:
    """Whether a question for a certain situation must be answered; None where that is unknown, or asked of all."""
    ransomware = known.fact("breach.ransomware")
    situations = {"late": known.late, "ransomware": ransomware if isinstance(ransomware, bool) else None}
    return situations[field.required_when] if field.required_when else None


def _missing(field: Field, *, required: bool) -> dict[str, Any]:
    return {"field": field.key, "label": dict(field.label), "ask": dict(field.ask), "required": required}
