"""A process that sends in children of its own, so that a test may kill one without paying for its start.

It reads `INCIDENT BATCH SLOW_MILLISECONDS` from standard input, forks a child that runs the notify phase of the
installation `TOCSIN_HOME`, says the child's number, and when it has ended its exit status. `DOUBT` in the environment
stands for that word of the plan.
"""

import asyncio
import os
import random
import sys
import traceback

from flows import wiring
from flows.steps import notifying, sending
from notifiers import outgoing, plugins
from tocsin.plan import Plan


def slow_answers(milliseconds: float) -> None:
    """Let every answer of a provider take a while to be heard: what a kill meets is then on the wire."""
    chance = random.Random(os.getpid())
    settle = outgoing._Posting.settle

    def later(self, answer):
        asyncio.get_running_loop().call_later(chance.uniform(0, 2 * milliseconds / 1000), settle, self, answer)

    outgoing._Posting.settle = later


def work(incident: str, batch: int, slow: float) -> None:
    sending.BATCH = batch
    slow_answers(slow)
    house = wiring.assemble()
    try:
        progress = notifying.run(house, incident)
        sys.stderr.write(f"{progress}\n")
    finally:
        house.database.close()


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    if "DOUBT" in os.environ:
        Plan.doubt = os.environ["DOUBT"]
    for provider in wiring.assemble().settings.providers:
        plugins.check(provider)  # what is slow to load is loaded here, once
    for line in sys.stdin:
        incident, batch, slow = line.split()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work(incident, int(batch), float(slow))
                status = 0
            except BaseException:  # noqa: BLE001 - a forked child must never run its parent's code
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        say(child)
        say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


main()
