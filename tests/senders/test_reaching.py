"""Where a provider's messages would go, found without a connection to anybody."""

import pytest

from notifiers import reaching
from notifiers.providers import Provider

TWILIO = f"twilio://AC{'a' * 32}:{'b' * 32}@+14155550199/{{to}}"


@pytest.mark.parametrize(
    ("channel", "url", "where"),
    [
        ("sms", TWILIO, "api.twilio.com:443 web tls"),
        ("email", "sendgrid://key123456789012:from@example.com/{to}", "api.sendgrid.com:443 web tls"),
        ("push", "gateway://t@gateway.example:8080/push/?to={to}", "gateway.example:8080 web"),
        ("email", "mailtos://u:p@smtp.example:465/{to}?mode=ssl&from=a@example.com", "smtp.example:465 mail tls"),
        ("email", "mailto://u:p@smtp.example/{to}?from=a@example.com&mode=insecure", "smtp.example:25 mail"),
        ("phone", "calls://", None),
    ],
)
def test_a_provider_s_place_is_found_without_asking(channel: str, url: str, where: str | None) -> None:
    found = reaching.of_provider(Provider.model_validate({"name": "x", "channel": channel, "url": url, "places": "*"}))

    said = (
        found
        and f"{found.shown}{' web' if found.http else ' mail' if found.account else ''}{' tls' if found.tls else ''}"
    )
    assert said == where


@pytest.mark.parametrize("url", ["", "ftp://x/", "https://", "https://x:99999/", "imaps://u:p@[broken/INBOX"])
def test_a_url_that_leads_nowhere_is_no_place(url: str) -> None:
    assert reaching.of_url(url) is None
