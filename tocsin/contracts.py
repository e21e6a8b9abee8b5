"""Contracts are regimes too: a customer's or a vendor's clock, from a few lines, beside those of the law.

A `customer` is told by us, in the role of its processor; a `vendor` tells us, and its duty stands in the list so that
nobody waits in silence.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, ValidationError, model_validator

from tocsin import complaints, periods, regimes
from tocsin.complaints import Strict
from tocsin.errors import Invalid
from tocsin.facts.fields import Place, Text
from tocsin.regimes import Regime
from tocsin.regimes.parts import Anchor, Day, Slug

PREFIX = "contract-"
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]*")


def _countable(value: str) -> str:
    try:
        period = periods.within(value)
    except Invalid:
        raise ValueError("must be a number and a unit, such as 24 hours or 2 working days") from None
    if period.half:
        raise ValueError("has half a month, which only Regulation 1182/71 counts: write it in days")
    return value


class Contract(Strict):
    """A contract as a person writes it; exactly one of customer and vendor, and of within and undated."""

    id: Slug
    customer: Text | None = None
    vendor: Text | None = None
    within: Annotated[Text, AfterValidator(_countable)] | None = None
    undated: Text | None = None
    recipient: Text
    clause: Text
    place: Place
    starts: Anchor = "aware"
    rule: Text | None = None
    content: tuple[Text, ...] = ()
    read_on: Day

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.customer is None) == (self.vendor is None):
            raise ValueError("must name either `customer` (we tell them) or `vendor` (they tell us)")
        if (self.within is None) == (self.undated is None):
            raise ValueError("must have either `within`, such as 24 hours, or `undated` with the contract's words")
        return self


def parse(document: Mapping[str, Any], *, source: str) -> Regime:
    """The regime of a contract; raises Invalid in one sentence."""
    try:
        contract = Contract.model_validate(dict(document))
    except ValidationError as error:
        raise complaints.invalid(error, source=source) from None
    return regimes.parse(_regime(contract), source=source)


def _regime(contract: Contract) -> dict[str, Any]:
    party = contract.customer or contract.vendor or ""
    ours = contract.customer is not None
    role, parties = ("processor", "processor_of") if ours else ("controller", "breached_vendors")
    return {
        "id": f"{PREFIX}{contract.id}",
        "title": f"Contract with {party}",
        "law": f"Contract with {party}",
        "kind": "contract",
        "place": contract.place,
        "dated_by": contract.starts,
        "citation": contract.clause,
        "source": "contract",
        "sources": {
            "contract": {
                "title": f"Contract with {party}",
                "read_on": contract.read_on.isoformat(),
                "confidence": "text",
            }
        },
        "applies": {
            "all": [
                {"fact": "organisation.role", "is": role},
                {"fact": f"organisation.attributes.{parties}", "names": party},
            ]
        },
        "duties": {
            "notice": {
                "audience": "customers" if ours else "controller",
                "recipient": contract.recipient if ours else f"{contract.recipient} (told by {party})",
                "when": {"always": True},
                "citation": contract.clause,
                "source": "contract",
                "content": list(contract.content),
                **_timing(contract),
            }
        },
    }


def _timing(contract: Contract) -> dict[str, Any]:
    if contract.within is None:
        return {"undated": contract.undated}
    period = periods.within(contract.within)
    usual = {"hours": "exact", "working-days": "business-days"}.get(period.unit, "calendar-days")
    provisional = [] if contract.starts == "detected" else ["detected"]
    return {
        "clock": {
            "starts": {"at": contract.starts, "provisional": provisional},
            "within": {period.unit: period.number},
            "rule": contract.rule or usual,
        }
    }


def check_id(identifier: str) -> str:
    """The id of a contract as regimes carry it; raises Invalid for one that is no contract's."""
    name = identifier.removeprefix(PREFIX)
    if name == identifier or _SLUG.fullmatch(name) is None:
        raise Invalid(f"`{identifier}` is no contract: their ids begin with `{PREFIX}`; `tocsin law list` shows all.")
    return name
