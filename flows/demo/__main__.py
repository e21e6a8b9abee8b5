"""`python -m flows.demo FOLDER`: run the demonstration, or go on with one that was interrupted."""

import argparse
import sys
from pathlib import Path

from flows.demo import story
from tocsin.errors import TocsinError


def main() -> None:
    """Read the arguments and tell the story."""
    parser = argparse.ArgumentParser(prog="tocsin demo")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    try:
        story.tell(given.folder.absolute(), count=given.people, seed=given.seed)
    except TocsinError as error:
        print(f"tocsin: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
