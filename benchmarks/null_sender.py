"""Senders whose providers take everything at once, so that what remains is ours: claim, unseal, render, record.

`python benchmarks/null_sender.py INCIDENT` is one such process; Prefect runs `null_sender.send`, and Dask workers load
this module first. Each writes the keys it was given to a file of its own in `$TOCSIN_SINK`.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.steps import sending
from tocsin.delivery import Outcome, Settled


def null(messages: Any, provider: Any, *, journal: Any, now: Any, stop: Any, **_more: Any) -> Iterator[Any]:
    """Take each message; the journal is written as for a real provider."""
    with (Path(os.environ["TOCSIN_SINK"]) / f"{os.getpid()}.keys").open("a") as sink:
        for message in messages:
            if stop():
                return
            journal.sending(message.key)
            sink.write(message.key + "\n")
            reference = f"<{message.key}@mail.example.com>"
            answer = {"outcome": Outcome.ACCEPTED, "provider": provider.name, "at": now(), "provider_ref": reference}
            result = Settled(key=message.key, **answer)
            journal.settled(result)
            yield result


sending.dispatch = null


def __getattr__(name: str) -> Any:
    """The flow is loaded only where Prefect asks for it."""
    if name != "send":
        raise AttributeError(name)
    from flows.send import send

    return send


if __name__ == "__main__":
    from flows import sender

    sender.main()
