"""What the command lines share: usage errors on one line, and exit codes."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import NoReturn

from search_core.settings import Settings
from search_core.types import StudioError


class OneLineParser(argparse.ArgumentParser):
    """Bad usage is one line, too."""

    def error(self, message: str) -> NoReturn:
        print(f"error: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def run_command(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    """Parse a command, call its `run(args, settings)` and return the exit code.

    0, or what `run` returns; 2 for what the user can mend (one line), 130 for an interruption.
    """
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        return args.run(args, Settings.from_environment(workspace=args.workspace)) or 0
    except StudioError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; what was finished is kept", file=sys.stderr)
        return 130
