"""State guards every act: what a closed incident still allows is being looked at."""

from sqlalchemy.orm import Session

from db import incidents
from db.tables import Incident
from tocsin.errors import NotAllowed


def must_be_open(session: Session, incident: str) -> Incident:
    """The incident, if it exists and is open; raises NotFound or NotAllowed."""
    found = incidents.get(session, incident)
    if found.state != "open":
        raise NotAllowed(f"Incident {incident} is closed: declare a new one, or look at it with `tocsin status`.")
    return found
