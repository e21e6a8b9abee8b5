"""The seam under Apprise's HTTP plugins: their `requests.post` goes out on a session that we keep and listen to.

Plugins call `requests.post` (or `requests.request`) with a new session each time and answer only True or False. While
one of our notifiers sends, calls of its own thread go to its `Wire`; everybody else's go where they always went.
"""

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import requests.api

Amend = Callable[[str, Any], Any]  # the address and the body of a request: the body as it leaves

_current: ContextVar["Wire | None"] = ContextVar("tocsin_wire", default=None)
_sending: ContextVar[bool] = ContextVar("tocsin_sending", default=False)
_lock = threading.Lock()
_elsewhere: dict[str, Callable[..., requests.Response]] = {}

# These write targets, or paths that hold them, into their logs.
_TALKATIVE = ("apprise", "urllib3.connectionpool", "urllib3.util.retry")


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request as it went: an answer, or the error instead of one."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    error: BaseException | None = field(default=None, repr=False)

    def json(self) -> Any:
        """The body as JSON, or None."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None


class Wire:
    """One kept HTTP session and what was heard on it since the last `listen`. Not shared between threads."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.cookies.set_policy(
            DefaultCookiePolicy(allowed_domains=[])
        )  # one person's call tells the next nothing
        self._headers: Mapping[str, str] = {}
        self._amend: Amend | None = None
        self.heard: list[Exchange] = []

    @contextlib.contextmanager
    def listen(self, headers: Mapping[str, str], amend: Amend | None = None) -> Iterator[list[Exchange]]:
        """Take this thread's HTTP calls, with `headers` added and bodies amended, and give what was heard."""
        self.heard, self._headers, self._amend = [], headers, amend
        token = _current.set(self)
        try:
            with quiet():
                yield self.heard
        finally:
            _current.reset(token)

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """Do one request of a plugin. Redirects are not followed: they would carry credentials and data elsewhere."""
        kwargs["allow_redirects"] = False
        kwargs["headers"] = {**(kwargs.get("headers") or {}), **self._headers}
        if self._amend is not None:
            kwargs["data"] = self._amend(url, kwargs.get("data"))
        try:
            answer = self._session.request(method, url, **kwargs)
        except Exception as error:
            self.heard.append(Exchange(error=error))
            raise
        self.heard.append(Exchange(status=answer.status_code, headers=answer.headers, content=answer.content))
        return answer

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()


class _NotWhileSending(logging.Filter):
    def filter(self, _record: logging.LogRecord) -> bool:
        return not _sending.get()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what plugins log in this thread out of every log: it names the people told."""
    token = _sending.set(True)
    try:
        yield
    finally:
        _sending.reset(token)


def _dispatch(kind: str) -> Callable[..., requests.Response]:
    def request(method: str, url: str, **kwargs: Any) -> requests.Response:
        wire = _current.get()
        return (wire.request if wire is not None else _elsewhere[kind])(method, url, **kwargs)

    return request


def install() -> None:
    """Put the seam in place, once a process."""
    with _lock:
        if _elsewhere:
            return
        _elsewhere.update(api=requests.api.request, package=requests.request)
        requests.api.request = _dispatch("api")
        requests.request = _dispatch("package")
        for name in _TALKATIVE:
            logging.getLogger(name).addFilter(_NotWhileSending())


class _Probe(Wire):
    def request(self, method: str, url: str, **_kwargs: Any) -> requests.Response:
        self.heard.append(Exchange(status=0, headers={method: url}))
        return requests.Response()


def proven() -> bool:
    """Whether `requests.post` and `requests.request` really reach the seam in this version of requests."""
    install()
    probe = _Probe()
    try:
        with probe.listen({}) as heard, contextlib.suppress(Exception):
            requests.post("http://seam.invalid/", timeout=1)
            requests.request("POST", "http://seam.invalid/", timeout=1)
        return len(heard) == 2
    finally:
        probe.close()
