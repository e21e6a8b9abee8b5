"""Requests as bytes for the wire, and what comes back as a real `requests.Response`.

`requests` itself prepares each new shape of request (its URL, headers, credentials); what follows in the same shape
reuses the bytes and fills in the body. What cannot be prepared for a kept line is left to a `requests.Session`.
"""

import functools
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import requests
import urllib3
from requests.structures import CaseInsensitiveDict
from urllib3.util import Url, parse_url

LIMIT = 1 << 20  # bytes of an answer that are read; no provider says more about one message

_VARYING = "Idempotency-Key"  # differs with every message; the rest of the headers hardly ever does
_PLAIN = re.compile(r"[!-~]{1,200}\Z")
_SHAPES = 64
_OURS = {"allow_redirects", "headers", "data", "json", "params", "auth", "timeout", "verify"}
_USUAL = {"User-Agent": requests.utils.default_user_agent(), "Accept": "*/*", "Accept-Encoding": "identity"}


_ESCAPED = re.compile(r"[^A-Za-z0-9_.~ -]+")


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a line leads, and whom it believes: all known (True), anybody (False), or a bundle of certificates.

    One object an origin: a Composer gives the same again.
    """

    scheme: str
    host: str
    port: int
    verify: bool | str


@dataclass(frozen=True, slots=True)
class Shape:
    """What is the same for many requests: where they go, and the head up to what each adds."""

    origin: Origin
    head: bytes
    url: str


@dataclass(slots=True)
class Asked:
    """One request as bytes. Seconds to wait for a connection, and for the answer to begin or go on."""

    shape: Shape
    content: bytes
    connect_seconds: float | None
    read_seconds: float | None


class Composer:
    """Makes requests into bytes; remembers the last few shapes, in memory only."""

    def __init__(self) -> None:
        self._shapes: dict[Any, Shape | None] = {}
        self._origins: dict[Any, Origin | None] = {}
        self._session = requests.Session()  # asked for the settings of the environment only

    def compose(self, method: str, url: str, kwargs: Mapping[str, Any]) -> Asked | None:
        """The request as bytes; None when a `requests.Session` has to do it.

        Raises a `requests.RequestException` when the request cannot be expressed in HTTP: nothing has left then.
        """
        method, data = method.upper(), kwargs.get("data")
        body = _body(data) if _is_common(kwargs) else None
        if method == "HEAD" or [name for name, value in kwargs.items() if value and name not in _OURS]:
            return None
        if body is None:
            if not _is_plain(data):
                return None
            prepared = _prepared(method, url, kwargs, kwargs.get("headers"), data)
            shape, varying, body = self._of_prepared(prepared, kwargs), b"", _bytes(prepared.body)
        else:
            shape, varying = self._shape(method, url, kwargs)
        if shape is None:
            return None
        length = b"Content-Length: %d\r\n" % len(body) if body or method != "GET" else b""
        content = b"".join((shape.head, varying, length, b"\r\n", body))
        timeout = kwargs.get("timeout")
        connect, read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        return Asked(shape, content, connect, read)

    def forget(self) -> None:
        """Forget all that was remembered."""
        self._shapes.clear()
        self._session.close()

    def _shape(self, method: str, url: str, kwargs: Mapping[str, Any]) -> tuple[Shape | None, bytes]:
        """The shape of a common request, and the header in which it differs from others of the shape."""
        headers = dict(kwargs.get("headers") or ())
        varying = b""
        own = headers.get(_VARYING)
        if isinstance(own, str) and _PLAIN.match(own):
            del headers[_VARYING]
            varying = f"{_VARYING}: {own}\r\n".encode("ascii")
        data = kwargs.get("data")
        sample = {"a": "b"} if data and type(data) is dict else None
        wanted = (method, url, sample is None, kwargs.get("auth"), kwargs.get("verify"), *headers.items())
        if wanted not in self._shapes:
            shape = self._of_prepared(_prepared(method, url, kwargs, headers, sample), kwargs)
            if len(self._shapes) >= _SHAPES:
                self._shapes.clear()
            self._shapes[wanted] = shape
        return self._shapes[wanted], varying

    def _of_prepared(self, prepared: requests.PreparedRequest, kwargs: Mapping[str, Any]) -> Shape | None:
        url = prepared.url or ""
        where = parse_url(url)
        verify = kwargs.get("verify")
        usual = 443 if where.scheme == "https" else 80
        port = where.port or usual
        wanted = (where.scheme, where.host, port, verify)
        if wanted not in self._origins:
            self._origins[wanted] = self._origin(url, where, port, verify)
        origin = self._origins[wanted]
        if origin is None:
            return None
        return Shape(origin, _head(prepared, where, host=where.host if port == usual else where.netloc), url)

    def _origin(self, url: str, where: Url, port: int, verify: bool | str | None) -> Origin | None:
        """The origin with what the environment says of it, as requests reads it; None when a proxy leads there."""
        if where.scheme not in {"http", "https"} or not where.host:
            return None
        settings = self._session.merge_environment_settings(url, {}, None, verify, None)
        if requests.utils.select_proxy(url, settings["proxies"]) is not None:
            return None
        return Origin(where.scheme, where.host.strip("[]"), port, cast("bool | str", settings["verify"]))


def _prepared(
    method: str, url: str, kwargs: Mapping[str, Any], headers: Mapping[str, Any] | None, data: Any
) -> requests.PreparedRequest:
    """The request as requests itself prepares it."""
    given = {str(name).casefold() for name in headers or ()}
    usual = {name: value for name, value in _USUAL.items() if name.casefold() not in given}
    named = {name: value for name, value in {**usual, **(headers or {})}.items() if value is not None}
    asked = requests.Request(
        method,
        url,
        headers=named,
        data=data,
        json=kwargs.get("json"),
        params=kwargs.get("params"),
        auth=kwargs.get("auth"),
    )
    return asked.prepare()


def _head(prepared: requests.PreparedRequest, where: Url, *, host: str | None) -> bytes:
    """The request line and the header fields but for the length, each with its end of line."""
    lines = [f"{prepared.method} {where.request_uri} HTTP/1.1"]
    if "Host" not in prepared.headers:
        lines.append(f"Host: {host}")
    fields: Mapping[str, Any] = prepared.headers  # its values may be bytes
    for name, value in fields.items():
        if name.casefold() not in {"content-length", "transfer-encoding", "connection"}:
            lines.append(f"{name}: {value.decode('latin-1') if isinstance(value, bytes) else value}")
    try:
        return "".join(line + "\r\n" for line in lines).encode("latin-1")
    except UnicodeEncodeError:
        raise requests.exceptions.InvalidHeader("A header holds signs that HTTP cannot carry.") from None


def _is_plain(data: Any) -> bool:
    """Whether this is data at hand, not a file or a stream."""
    if isinstance(data, Mapping):
        return not any(hasattr(value, "read") for value in data.values())
    return data is None or isinstance(data, str | bytes | list | tuple)


def _is_common(kwargs: Mapping[str, Any]) -> bool:
    """Whether nothing but the body and the idempotency key differs from one request of the kind to the next."""
    auth = kwargs.get("auth")
    if kwargs.get("params") or kwargs.get("json") is not None:
        return False
    return auth is None or (type(auth) is tuple and len(auth) == 2 and all(type(part) is str for part in auth))


def _body(data: Any) -> bytes | None:
    """The body, as requests would encode it; None when that is for requests to say."""
    if data is None:
        return b""
    if type(data) is bytes:
        return data
    if type(data) is str:
        return data.encode()
    return form(data) if type(data) is dict else None


def form(data: dict[Any, Any]) -> bytes | None:
    """`application/x-www-form-urlencoded` of strings, as `urllib.parse.urlencode` makes it; None of anything else.

    Escaped run by run, not sign by sign: twice as fast for Chinese.
    """
    if not all(type(name) is str and type(value) is str for name, value in data.items()):
        return None
    pairs = [f"{_quoted(name)}={_quoted(value)}" for name, value in data.items()]
    return "&".join(pairs).replace(" ", "+").encode("ascii")


def _quoted(text: str) -> str:
    return _ESCAPED.sub(lambda run: "%" + run[0].encode().hex("%").upper(), text)


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


def response(status: int, fields: Sequence[tuple[bytes, bytes]], content: bytes, *, url: str) -> requests.Response:
    """The answer as requests gives it, its body read."""
    headers = _Headers(fields)
    if any(name.lower() == b"content-encoding" for name, _value in fields):  # we asked for none
        content = _decoded(content, headers)
    return _Answer(status, headers, content, url)


class _Headers(CaseInsensitiveDict[str]):
    """Header fields as requests gives them, made when the first is looked up: hardly any answer's are."""

    def __init__(self, fields: Sequence[tuple[bytes, bytes]]) -> None:
        self._fields = fields

    @functools.cached_property
    def _store(self) -> dict[str, tuple[str, str]]:
        store: dict[str, tuple[str, str]] = {}
        for name, value in self._fields:
            text = name.decode("latin-1")
            key = text.lower()
            before = f"{store[key][1]}, " if key in store else ""
            store[key] = (text, before + value.decode("latin-1"))
        return store


class _Answer(requests.Response):
    """A response that makes its seldom used parts when they are asked for: all of them cost as much as sending."""

    def __init__(self, status: int, headers: _Headers, content: bytes, url: str) -> None:
        self.status_code, self.headers, self.url = status, headers, url
        self._content, self._content_consumed = content, True  # how requests keeps a body that was read

    def __getattr__(self, name: str) -> Any:
        if name == "encoding":
            value: Any = requests.utils.get_encoding_from_headers(self.headers)
        else:
            value = getattr(requests.Response(), name)
        vars(self)[name] = value
        return value


def _decoded(content: bytes, headers: Mapping[str, str]) -> bytes:
    packed = urllib3.HTTPResponse(io.BytesIO(content), headers=dict(headers), preload_content=False)
    try:
        return packed.read(LIMIT, decode_content=True)
    except urllib3.exceptions.HTTPError:
        raise requests.exceptions.ContentDecodingError("The answer cannot be unpacked.") from None
