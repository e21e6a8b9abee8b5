"""Regimes: laws, contracts and a plan's own promises as data.

`parse` reads one document; a file that breaks the schema is refused with one sentence naming the file and the path.
"""

from tocsin.regimes.model import DutyRule, DutyText, DutyVersion, Exempt, Regime, RegimeText, SubstituteWay, weakest
from tocsin.regimes.parsing import Shared, opened, parse, shared

__all__ = [
    "DutyRule",
    "DutyText",
    "DutyVersion",
    "Exempt",
    "Regime",
    "RegimeText",
    "Shared",
    "SubstituteWay",
    "opened",
    "parse",
    "shared",
    "weakest",
]
