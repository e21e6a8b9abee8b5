"""What a notice costs as SMS, said before anybody approves it."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from flows.wiring import House


def say_sms(house: "House", incident: str, language: str | None = None) -> None:
    """Print segments a person and in all, one line a language."""
    from flows.steps import measuring

    with house.database.reading() as session:
        costs = measuring.sms_costs(house, session, incident, now=house.now())
    for cost in costs:
        if language in (None, cost.language):
            typer.echo(cost.sentence)
