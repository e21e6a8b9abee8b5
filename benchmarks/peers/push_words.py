"""The SMS or push message for one person, and what a sender without Apprise asks of the provider for it."""

from standing import filled, job, measured

__all__ = ["CHANNELS", "asked", "job", "measured", "wanted"]
CHANNELS = ("sms", "push")


def wanted(given: dict, number: int) -> tuple[str, str]:
    """The address and the text."""
    to = f"+86138{number:08}" if given["channel"] == "sms" else f"{number:064x}"
    return to, filled(given["text"], number)


def asked(given: dict, number: int) -> tuple[str, dict]:
    """The URL, and what is posted to it."""
    to, text = wanted(given, number)
    if given["channel"] == "sms":
        url = f"{given['base']}/2010-04-01/Accounts/{given['account']}/Messages.json"
        return url, {"data": {"Body": text, "From": "+15005550006", "To": to}}
    body = {"to": to, "title": given["subject"], "body": text, "language": "zh", "reference": f"{number:064}"}
    return f"{given['base']}/push", {"json": body, "headers": {"Authorization": f"Bearer {given['token']}"}}
