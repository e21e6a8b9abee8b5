"""How the cost of one notice grows with the roster: the whole of sending but the wire, from claim to recorded result.

`python benchmarks/pipeline.py [N ...] [--rounds R] [--database sqlite|postgresql] [--sender null|numbering|fakes]`
tells rosters of 10⁴, 10⁵ and 10⁶ made-up people of an incident with sealed data and approved texts, in turn in each
round, and compares each with the first. Costs are processor time, that of PostgreSQL's server included; memory is the
sender's. The null sender journals each message as a real one does and answers at once, with a Message-ID as an e-mail
provider; `numbering` answers with numbers of its own, as SMS providers do. `fakes` sends through the shipped fakes on
loopback, and does so at the first N only, beside the null sender.
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import ROUNDS, end_cleanly, say
from installation import DATABASES, Roster, Sending, databases

SIZES = (10_000, 100_000, 1_000_000)
_NOBODY = [
    {"name": f"nobody-{channel}", "channel": channel, "places": ["*", "CN"], "url": url}
    for channel, url in (
        ("email", "mailto://127.0.0.1:1/{to}?from=privacy@notices.example&mode=insecure"),
        ("sms", "gateway://token@127.0.0.1:1/sms/?to={to}"),
    )
]


def main() -> None:
    end_cleanly()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", nargs="*", type=int, default=list(SIZES), metavar="N")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--database", choices=DATABASES, action="append")
    parser.add_argument("--sender", choices=["null", "numbering", "fakes"], action="append")
    parser.add_argument("--profile", metavar="FILE", help="write a cProfile of the last sending there")
    options = parser.parse_args()
    for kind in options.database or DATABASES:
        with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder, databases(kind, Path(folder)) as stores:
            for sender in options.sender or ["null", "fakes"]:
                if sender == "fakes":
                    with fakes(Path(folder)) as providers:
                        roster = made(stores, folder, options.people[0], providers)
                        end_to_end(kind, roster, rounds=options.rounds)
                else:
                    rosters = [made(stores, folder, people, _NOBODY) for people in options.people]
                    grow(kind, sender, rosters, rounds=options.rounds, profile=options.profile)


def made(stores: Any, folder: str, people: int, providers: Sequence[dict[str, Any]]) -> Roster:
    """A roster of people with a mailbox and a telephone number, whose notice is as long as a plan drafts it."""
    return Roster.make(stores, Path(folder), people, providers=providers, channels=["email", "sms"], short=False)


def grow(kind: str, sender: str, rosters: Sequence[Roster], *, rounds: int, profile: str | None) -> None:
    """Tell every roster in turn, `rounds` times, and print what a notice costs beside the first roster."""
    found: list[list[Sending]] = [
        [roster.send(sender=sender, profile=profile) for roster in rosters] for _ in range(rounds)
    ]
    first = rosters[0].people
    for place, roster in enumerate(rosters):
        pairs = [(of_round[place], of_round[0]) for of_round in found]
        say_cost(f"growth, {kind}, {sender} sender", pairs, n=roster.people, against=f"{first:,} people")


def end_to_end(kind: str, roster: Roster, *, rounds: int) -> None:
    """The shipped fakes, which share this machine, beside the null sender."""
    pairs = [(roster.send(), roster.send(sender="null")) for _ in range(rounds)]
    say_cost(f"end to end, {kind}, shipped fakes", pairs, n=roster.people, against="null sender")


def say_cost(bench: str, pairs: Sequence[tuple[Sending, Sending]], *, n: int, against: str) -> None:
    """Three lines: processor time, speed and memory."""
    for what, unit in (("cpu", "us CPU/notice"), ("rate", "notices/s"), ("memory", "MB")):
        values = [(_figure(mine, what), _figure(other, what)) for mine, other in pairs]
        ratios = [mine / other for mine, other in values]
        more = (
            {"server_us": round(statistics.median(mine.server_cpu_us for mine, _ in pairs), 1)} if what == "cpu" else {}
        )
        say(
            f"{bench}, {what}",
            statistics.median(mine for mine, _ in values),
            unit,
            n=n,
            runs=len(pairs),
            against=against,
            against_value=statistics.median(other for _, other in values),
            ratio=statistics.median(ratios),
            ratio_range=[round(min(ratios), 3), round(max(ratios), 3)],
            **more,
        )


def _figure(sending: Sending, what: str) -> float:
    if what == "cpu":
        return sending.cpu_us + sending.server_cpu_us
    return sending.cost.rate if what == "rate" else sending.rss_mb


@contextmanager
def fakes(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """The shipped fakes, running, as providers in the settings."""
    from notifiers import fakes as shipped
    from notifiers import providers

    with shipped.start(folder / "outbox") as running:
        made = [*shipped.providers(running, ("CN",), suffix="-cn"), *shipped.providers(running, "*")]
        yield [providers.as_settings(provider) for provider in made]


if __name__ == "__main__":
    main()
