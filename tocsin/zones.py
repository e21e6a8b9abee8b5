"""Names of time zones, as the IANA database has them."""

from typing import Annotated

from pydantic import AfterValidator


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("is no time zone: write one such as Asia/Shanghai") from None
    return name


Zone = Annotated[str, AfterValidator(_zone)]
