"""Which incident is meant: a whole id, the start of one, or `-` for the only open one."""

from typing import TYPE_CHECKING

from tocsin.errors import Invalid, NotFound

if TYPE_CHECKING:
    from flows.wiring import House


def incident(house: "House", given: str) -> str:
    """The id of the incident meant; raises NotFound or Invalid in one sentence."""
    from db import incidents

    with house.database.reading() as session:
        known = incidents.listed(session)
    if given == "-":
        return _only([row.id for row in known if row.state == "open"])
    exact = [row.id for row in known if row.id == given]
    fitting = exact or [row.id for row in known if given and row.id.startswith(given)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise Invalid(f"{given!r} fits {len(fitting)} incidents: give more of the id; `tocsin status` lists them.")
    raise NotFound(f"There is no incident {given!r}; `tocsin status --all` lists those there are.")


def _only(opened: list[str]) -> str:
    if len(opened) == 1:
        return opened[0]
    if opened:
        raise Invalid(f"{len(opened)} incidents are open: say which; `tocsin status` lists them.")
    raise NotFound("There is no open incident: `tocsin declare FACTS --plan PLAN` opens one.")
