"""Squeeze a finished run's model into a low-rank adapter.

    python -m train.squeeze RUN --output DIR [--rank 56]

This is how assets/studio-adapter was made (docs/decisions/training.md).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from search_core.encoder.adapter import write_adapter
from search_core.settings import Settings
from search_core.types import StudioError
from train.adapter import DEFAULT_RANK, adapter_for, squeezed_factors
from train.config import TrainingConfig
from train.run import CONFIG
from train.trainer import load_trainable


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Squeeze a finished run's model into a low-rank adapter.")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--rank", type=int, default=DEFAULT_RANK, metavar="N")
    arguments = parser.parse_args(argv)
    settings = Settings.from_environment(device="cpu")
    try:
        base_spec = TrainingConfig.read(arguments.run / CONFIG).base_model
        base, tuned = (load_trainable(spec, settings) for spec in (base_spec, str(arguments.run)))
        factors = squeezed_factors(base, tuned, arguments.rank)
        write_adapter(adapter_for(base_spec, factors, settings), arguments.output)
    except StudioError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
