"""Which devices a run has, and training in several processes at once, one for each GPU."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from search_core.encoder.load import choose_backend
from search_core.settings import Settings
from train.config import TrainingConfig
from train.events import ErrorEvent
from train.stop import Cancelled

LAST_WORD = ".last-word.json"
"""Why training in several processes failed, by the first of them that did."""
RANK = "train.rank"
"""The module that each process runs."""


class RankFailure(Exception):
    """One of a run's processes failed. event: why, in its words."""

    def __init__(self, event: ErrorEvent) -> None:
        super().__init__(event.message)
        self.event = event


def run_devices(settings: Settings) -> tuple[str, ...]:
    """The devices that a run occupies: every visible GPU where the settings leave the device open, else one.

    Raises StudioError for a device that is not here.
    """
    device = choose_backend(settings).device
    if device != "cuda":
        return (device,)
    if settings.device != "auto":
        return ("cuda:0",)  # two names of one queue
    import torch

    return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))


def device_variables(devices: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, str]:
    """The variables by which a run's process sees no GPU but its own.

    The trainer takes the first in sight, whichever was meant.
    """
    name, _, number = devices[0].partition(":")
    if name != "cuda" or len(devices) > 1:
        return {}
    visible = environment.get("CUDA_VISIBLE_DEVICES", "")
    chosen = visible.split(",")[int(number)].strip() if visible else number
    return {"CUDA_VISIBLE_DEVICES": chosen, "CODESEARCH_DEVICE": "cuda"}


def process_count(config: TrainingConfig, settings: Settings) -> int:
    """How many processes train: as the settings ask, else one for each of the run's GPUs.

    At most that many, and so many that each has an equal share of every batch.
    """
    devices = run_devices(settings)
    wanted = settings.train_processes or len(devices)
    if devices != ("cpu",):
        wanted = min(wanted, len(devices))
    return max(count for count in range(1, wanted + 1) if config.batch_size % count == 0)


def train_in_processes(folder: Path, count: int, grace_s: float) -> None:
    """Run `train.rank` in so many processes, as torchrun does, and wait for their end.

    They meet on this machine alone, at a free port. Each is in a session of its own, so a signal to
    our process group does not reach it: SIGTERM is passed on, with `grace_s` to obey, and a process
    whose parent is gone ends by itself. Raises Cancelled after SIGTERM, and RankFailure.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    (folder / LAST_WORD).unlink(missing_ok=True)
    os.environ["PYTHONSAFEPATH"] = "1"  # a folder `train` where the user happens to be is not ours
    place = ["--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", str(count)]
    try:
        run(parse_args([*place, "--shutdown-timeout", str(int(grace_s)), "-m", RANK, str(folder)]))
    except SignalException as error:
        raise Cancelled from error
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        raise RankFailure(_last_word(folder, failure.exitcode)) from error


def _last_word(folder: Path, exit_code: int) -> ErrorEvent:
    path = folder / LAST_WORD
    if path.exists():
        return ErrorEvent(**json.loads(path.read_text("utf-8")))
    return ErrorEvent(
        message=f"A training process died without a last word (exit code {exit_code}), as it does when "
        f"memory runs out: see {folder / 'log.txt'}."
    )
