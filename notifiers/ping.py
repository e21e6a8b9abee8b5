"""A word to a dead-man service, which raises an alarm where it hears none: one GET, whose answer nobody waits for long.

It tells nothing but that we are there.
"""

import contextlib
import http.client
import threading
import urllib.request

SECONDS = 5.0


def ping(url: str, *, seconds: float = SECONDS) -> bool:
    """Ask for a URL; whether it answered well in time. Raises nothing, and ends in time whatever the service does."""
    answers: list[int] = []
    asking = threading.Thread(target=_ask, args=(url, seconds, answers), name="ping", daemon=True)
    asking.start()
    asking.join(seconds)  # a name service, or an answer that comes letter by letter, knows no timeout
    return bool(answers) and 200 <= answers[0] < 300


def _ask(url: str, seconds: float, answers: list[int]) -> None:
    with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
        request = urllib.request.Request(url, headers={"User-Agent": "Tocsin"})  # noqa: S310 - of the settings, http(s)
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
            answers.append(answer.status)
