"""What a kept line does not do, done by real sessions of `requests` in threads: files, proxies, client certificates."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests

from notifiers import wire


class Sessions:
    """At most `most` sessions, each used by one request at a time; kept for the next one or not."""

    def __init__(self, most: int, *, keep: bool = True) -> None:
        self._keep = keep
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="http-session")
        self._idle: list[requests.Session] = []

    async def ask(self, method: str, url: str, kwargs: Mapping[str, Any]) -> requests.Response:
        """The answer to one request, its body read; raises what `requests` raises."""
        session = self._idle.pop() if self._idle else _session()
        answer = await asyncio.get_running_loop().run_in_executor(self._threads, _ask, session, method, url, kwargs)
        if self._keep:
            self._idle.append(session)  # only now: one that was cancelled is still at work
        else:
            session.close()
        return answer

    def close(self) -> None:
        """Close the sessions at rest and let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        while self._idle:
            self._idle.pop().close()


def _session() -> requests.Session:
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # one person's call tells the next nothing
    return session


def _ask(session: requests.Session, method: str, url: str, kwargs: Mapping[str, Any]) -> requests.Response:
    with wire.quiet():  # this thread's libraries would log the URL
        return session.request(method, url, **kwargs)
