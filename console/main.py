"""The command line `tocsin`, and its last door: every failure is one sentence on stderr and an exit code.

Exit codes: 0 done · 1 something is owed, missing or failed as reported · 2 bad input or settings · 3 not allowed now ·
4 the ledger or a signature does not verify · 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer
from typer.main import get_command

from console import (
    accounts,
    actions,
    announcing,
    calendars,
    calls,
    deciding,
    demo,
    doctor,
    drilling,
    failures,
    fakes,
    holds,
    importing,
    incidents,
    installation,
    law,
    ledger,
    library,
    notices,
    pausing,
    plan,
    reports,
    roster,
    serving,
    tasks,
    watching,
)
from console.options import Sections
from tocsin.errors import TocsinError

app = typer.Typer(
    cls=Sections,
    name="tocsin",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help comes at once and reads the same in a pipe
    help="When personal data leak: run the emergency plan, keep every legal clock, tell every person, prove it.\n\n"
    "Start with `tocsin init`, then `tocsin declare FACTS --plan PLAN`, then `tocsin status`. Where a command asks for "
    "INCIDENT, `-` is the only open one.\n\n"
    "Exit codes: 0 done, 1 not yet or failed as reported, 2 bad input, 3 not allowed now, 4 does not verify.",
)

for part in (
    incidents, importing, tasks, actions, holds, roster, calls, notices, pausing, announcing, reports, deciding, ledger,
    law, library, plan, watching, accounts, calendars, doctor, installation, serving, fakes, demo, drilling,
):  # fmt: skip
    part.register(app)


def main() -> NoReturn:
    """Run the command line of this process and end it."""
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        code = 0  # the reader, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Raises nothing but BrokenPipeError, when nobody reads what it says."""
    try:
        return _invoke(arguments)
    except TocsinError as error:
        return _refuse(str(error), code=error.exit_code)
    except typer.TyperException as error:
        return _advise(error)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last door: a traceback goes to a file, never to the user
        return _refuse(failures.sentence(error), code=1)


def _invoke(arguments: Sequence[str]) -> int:
    command = get_command(app)
    try:
        with command.make_context("tocsin", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    return 0


def _refuse(sentence: str, *, code: int) -> int:
    """One line on stderr, whatever the words quoted in it hold."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in sentence).split())
    print(f"tocsin: {line}", file=sys.stderr)  # noqa: T201
    return code


def _advise(error: typer.TyperException) -> int:
    """A command that was written wrongly: what is wrong, and where the right way stands."""
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if context is not None and message == context.get_help():  # a group without a command
        print(message, file=sys.stderr)  # noqa: T201
        return error.exit_code
    path = context.command_path if context is not None else "tocsin"
    return _refuse(f"{message.rstrip('.?')}; see `{path} --help`.", code=error.exit_code)


if __name__ == "__main__":
    main()
