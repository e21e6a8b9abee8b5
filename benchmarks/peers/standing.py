"""What each peer's script shares: it reads its job, says that it is ready, waits for the word, says what it took.

These scripts run in environments of their own (`fetching.PYPI`) and know nothing of Tocsin.
"""

import json
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage

SENDER = "privacy@notices.example"


def job() -> dict:
    """What to send, where to, and to how many."""
    return dict(json.loads(sys.stdin.readline()))


def measured(count: int, send: Callable[[], object]) -> None:
    """Wait for the word, send, and print what that took this process."""
    print("ready", flush=True)
    sys.stdin.readline()
    began, used = time.perf_counter(), time.process_time()
    send()
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    print(json.dumps({"rate": count / seconds, "cpu_us": cpu / count * 1e6}), flush=True)


def filled(text: str, number: int) -> str:
    """A text with one person's own words in it."""
    return text.replace("{name}", f"王伟{number}").replace("{code}", f"{number:010x}")


def address(number: int) -> str:
    """One person's mailbox."""
    return f"user.{number}@mail.example.cn"


def letter(words: dict[str, str], number: int) -> EmailMessage:
    """One person's letter, as the standard library writes it."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = words["subject"], SENDER, address(number)
    message.set_content(filled(words["text"], number), cte="base64")
    message.add_alternative(filled(words["html"], number), subtype="html", cte="base64")
    return message
