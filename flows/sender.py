"""One sender in a process of its own: `python -m flows.sender INCIDENT`. It knows nothing of Prefect.

It ends when it is nobody's turn any more, or with the process that started it, whose end of the pipe on standard input
closes however that one dies. Its last line is JSON: messages, outcomes, deferred.
"""

import json
import os
import sys
import threading

from flows import wiring
from flows.steps import notifying, senders
from flows.steps.senders import Counts
from flows.steps.sending import Sent
from tocsin.errors import TocsinError


def main() -> None:
    """Send; a refusal or a fault is one sentence on standard error."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    (incident,) = sys.argv[1:]
    with wiring.opened() as house:
        try:
            said = work(house, incident)
        except TocsinError as error:
            sys.stderr.write(f"{error}\n")
            raise SystemExit(error.exit_code) from None
    sys.stdout.write(json.dumps(said) + "\n")


def work(house: wiring.House, incident: str) -> Counts:
    """Send until it is nobody's turn; nothing where the notice may not go out (any more). Returns counts."""
    if notifying.missing(house, incident):
        return senders.counts(Sent())
    return senders.counts(notifying.send(house, incident, by=notifying.ACTOR))


def _end_with_parent() -> None:
    """Read standard input to its end. Whoever goes on after that sends what nobody watches over."""
    while os.read(0, 4096):
        pass
    os._exit(1)  # as good as a kill, which loses nobody


if __name__ == "__main__":
    main()
