"""`python -m notifiers.fakes`: run the fake providers without the rest of Tocsin."""

import argparse
import sys
from pathlib import Path

from notifiers.fakes import server
from tocsin.errors import TocsinError


def main() -> int:
    """Parse the options and serve; an error is one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m notifiers.fakes", description="The fake providers, on loopback.")
    parser.add_argument("--smtp", type=int, default=2525, help="port of the mail server; 0 chooses one")
    parser.add_argument("--http", type=int, default=8025, help="port of the push, SMS and voice gateway; 0 chooses one")
    parser.add_argument("--outbox", type=Path, required=True, help="folder that keeps what was taken")
    parser.add_argument("--rules", type=Path, help="YAML file of rules by address")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input ends")
    options = parser.parse_args()
    try:
        server.run(
            options.outbox,
            smtp=options.smtp,
            http=options.http,
            rules_file=options.rules,
            with_parent=options.with_parent,
        )
    except TocsinError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
