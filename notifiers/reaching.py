"""Whether a provider can be reached: where it is, until when its certificate is good, what its clock says.

Nothing is sent to anybody. A mail server is greeted, given its credentials and left. A web service is asked `OPTIONS`
(RFC 9110 section 9.3.7) without credentials, and any answer will do. What is told holds no URL, address or credential.
"""

import contextlib
import datetime as dt
import http.client
import smtplib
import socket
import ssl
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from cryptography import x509

from notifiers import plugins, smtp_account, wire
from notifiers.providers import Provider
from notifiers.smtp_account import Account
from tocsin.errors import Unavailable

SECONDS = 5.0  # for a connection, and for each answer


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a service answers. `http`: it is a web service; with `account` it is a mail server."""

    host: str
    port: int
    tls: bool
    verify: bool = True
    http: bool = False
    account: Account | None = None

    @property
    def shown(self) -> str:
        """The place as people write it."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A service that answered: when its certificate ends, where it has one, and what its clock said, where it did."""

    expires_at: dt.datetime | None = None
    clock: dt.datetime | None = None


def of_provider(provider: Provider) -> Place | None:
    """Where a provider's messages go; None where only sending one would tell, or nothing is sent.

    Raises Misconfigured where its URL cannot be used.
    """
    if provider.is_call_list:
        return None
    plugin, _ = plugins.probe(provider)
    account = smtp_account.account(plugin) if plugin.schema.startswith("mailto") else None
    if account is not None:
        return Place(host=account.host, port=account.port, tls=account.mode != "insecure", account=account)
    return _asked_by(plugin)


def of_url(url: str) -> Place | None:
    """Where a URL of a web service, or of a mailbox, leads."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    usual = {"https": 443, "http": 80, "imaps": 993, "imap": 143}.get(parts.scheme)
    if usual is None or not parts.hostname:
        return None
    secure, web = parts.scheme in {"https", "imaps"}, parts.scheme.startswith("http")
    return Place(host=parts.hostname, port=port or usual, tls=secure, http=web)


def reach(place: Place, *, seconds: float = SECONDS) -> Reached:
    """Go there and come back; raises Unavailable, in a sentence without its end, or Misconfigured if not let in."""
    try:
        return _knock(place, seconds) if place.account is None else _greet(place, place.account, seconds)
    except ssl.SSLCertVerificationError as error:
        raise Unavailable(f"{place.shown} shows a certificate that is not good ({error.verify_message})") from None
    except ssl.SSLError:
        raise Unavailable(f"{place.shown} does not speak TLS as we do") from None
    except TimeoutError:
        raise Unavailable(f"{place.shown} does not answer within {seconds:.0f} seconds") from None
    except (http.client.HTTPException, smtplib.SMTPException, ValueError):
        raise Unavailable(f"{place.shown} answers, but not as such a service does") from None
    except OSError as error:
        raise Unavailable(f"{place.shown} cannot be reached ({error.strerror or 'no reason given'})") from None


class _Elsewhere(wire.Wire):
    """Takes the first request of a plugin, remembers where it would have gone, and lets nothing leave."""

    def __init__(self) -> None:
        super().__init__()
        self.place: Place | None = None

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        found = of_url(url)
        if self.place is None and found is not None:
            verify = kwargs.get("verify", True) is not False
            self.place = Place(host=found.host, port=found.port, tls=found.tls, verify=verify, http=True)
        raise requests.ConnectionError(method)


def _asked_by(plugin: Any) -> Place | None:
    """Where a plugin's requests go; None for one that may go round the seam on which we listen."""
    from notifiers.carriers import http as carrier

    if not (carrier.asks_by_requests(plugin) and wire.proven()):
        return None
    listening = _Elsewhere()
    try:
        with listening.listen({}), contextlib.suppress(Exception):
            plugin.notify(title="Tocsin", body="Nothing is sent.")
    finally:
        listening.close()
    return listening.place


def _knock(place: Place, seconds: float) -> Reached:
    with socket.create_connection((place.host, place.port), timeout=seconds) as line:
        if not place.tls:
            return Reached(clock=_clock(line, place) if place.http else None)
        with _context(place.verify).wrap_socket(line, server_hostname=place.host) as secured:
            expires_at = _expiry(secured)
            return Reached(expires_at=expires_at, clock=_clock(secured, place) if place.http else None)


def _greet(place: Place, account: Account, seconds: float) -> Reached:
    patient = replace(account, connect_seconds=seconds)
    connected = smtp_account.connect(patient, provider=f"at {place.shown}")
    line = connected.socket
    try:
        expires_at = _expiry(line) if isinstance(line, ssl.SSLSocket) else None
        with contextlib.suppress(OSError):
            line.sendall(b"QUIT\r\n")
        return Reached(expires_at=expires_at)
    finally:
        line.close()


def _clock(line: socket.socket, place: Place) -> dt.datetime | None:
    """Ask what is allowed there, and read the `Date` of the answer."""
    name = f"[{place.host}]" if ":" in place.host else place.host
    asked = f"OPTIONS / HTTP/1.1\r\nHost: {name}:{place.port}\r\nUser-Agent: Tocsin\r\nConnection: close\r\n\r\n"
    line.sendall(asked.encode("ascii"))
    answer = http.client.HTTPResponse(line, method="OPTIONS")
    try:
        answer.begin()
        written = answer.getheader("Date")
    finally:
        answer.close()
    if not written:
        return None
    read = parsedate_to_datetime(written)
    return read if read.tzinfo else read.replace(tzinfo=dt.UTC)


def _expiry(secured: ssl.SSLSocket) -> dt.datetime | None:
    raw = secured.getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(raw).not_valid_after_utc if raw else None


def _context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
