"""What the command lines share: usage errors on one line, exit codes, progress bars."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from search_core.settings import Settings
from search_core.types import Progress, StudioError


class OneLineParser(argparse.ArgumentParser):
    """Bad usage is one line, too."""

    def error(self, message: str) -> NoReturn:
        print(f"error: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def port(text: str) -> int:
    """Of an option: a port that can be named. Raises argparse's error."""
    if not text.isdecimal() or len(text) > 5 or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"it must be from 1 to 65535, got {text[:80]!r}")
    return int(text)


def workspace(text: str) -> Path:
    """Of an option: a folder that is there or can be made. Raises argparse's error."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty: name a folder, or leave it out")
    if Path(text).exists() and not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a file: name a folder")
    return Path(text)


def run_command(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    """Parse a command, call its `run(args, settings)` and return the exit code.

    0, or what `run` returns; 2 for what the user can mend (one line), 130 for an interruption, 141 where
    nobody reads the output any more: shells give the last two to what a signal ended.
    """
    args = parser.parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no Unicode
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        code = args.run(args, Settings.from_environment(workspace=args.workspace)) or 0
        sys.stdout.flush()
        return code
    except StudioError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; what was finished is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return 141


@contextmanager
def progress_bar(label: str, unit: str) -> Iterator[Progress]:
    """A bar on standard error that leaves no trace when it is done; quick steps show none."""
    from tqdm import tqdm

    every_s = 0.2 if sys.stderr.isatty() else 10.0  # a log file gets a line now and then
    options = {"delay": 0.5, "mininterval": every_s, "leave": False, "dynamic_ncols": True}
    with tqdm(desc=label, unit=f" {unit}", file=sys.stderr, **options) as bar:

        def show(done: int, total: int, /) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
