"""Squeeze a finished run's model into a low-rank adapter.

    python -m train.squeeze RUN --output DIR [--rank 56] [--base SPEC]

This is how assets/studio-adapter was made (docs/decisions/training.md). Beside the adapter lies how the
model was trained, as it is published: the Metrics tab shows it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from search_core.command_line import OneLineParser
from search_core.encoder.adapter import write_adapter
from search_core.settings import Settings
from search_core.store import write_text
from search_core.types import StudioError
from train.adapter import DEFAULT_RANK, adapter_for, squeezed_factors
from train.config import BOUNDS
from train.finished_run import read_finished_run, training_files
from train.run import find_run, output_folder
from train.trainer import load_trainable


def main(argv: Sequence[str] | None = None) -> int:
    arguments = build_parser().parse_args(argv)
    try:
        squeeze(arguments, Settings.from_environment(device="cpu"))
    except StudioError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="python -m train.squeeze",
        description="Squeeze a finished run's model into a low-rank adapter.",
    )
    parser.add_argument("run", metavar="RUN", help="a finished run's folder or id")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--rank", type=_rank, default=DEFAULT_RANK, metavar="N")
    parser.add_argument(
        "--base",
        metavar="SPEC",
        help="the model that the adapter is a difference to (default: the one that the run started from)",
    )
    return parser


def squeeze(arguments: argparse.Namespace, settings: Settings) -> None:
    """Raises StudioError for what is no finished run, for a base of another kind, and where writing fails."""
    folder, output = find_run(arguments.run, settings).folder, output_folder(arguments.output)
    run = read_finished_run(folder)
    base_spec = arguments.base or run.config.base_model
    base, tuned = (load_trainable(spec, settings) for spec in (base_spec, str(folder)))
    factors = squeezed_factors(base, tuned, arguments.rank)
    write_adapter(adapter_for(base_spec, factors, settings), output)
    for name, text in training_files(run).items():
        write_text(output / name, text)


def _rank(text: str) -> int:
    bound = BOUNDS["lora_rank"]
    if not text.isdecimal() or not bound.admits(int(text)):
        raise argparse.ArgumentTypeError(f"it must be {bound}, got {text!r}")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())
