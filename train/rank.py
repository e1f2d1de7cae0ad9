"""One of the processes in which a run trains; torchrun starts it (train.processes)."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from search_core.settings import Settings
from train.processes import LAST_WORD
from train.run import Run
from train.stop import Cancelled, Stop
from train.worker import explained

POLL_S = 0.5


def main(folder: Path) -> int:
    """Train, and in the first process finish the run. 0 when that is done, else 1."""
    _end_with_parent()
    stop, run = Stop(), Run(folder.name, folder)
    try:
        _train(run, stop)
    except Cancelled:
        return 1
    except Exception as error:
        traceback.print_exc()
        last = explained(error, folder)
        with suppress(FileExistsError), (folder / LAST_WORD).open("x") as file:
            json.dump({"message": last.message, "bug": last.bug}, file)
        return 1
    return 0


def _train(run: Run, stop: Stop) -> None:
    from train.pipeline import finish_run, fit, frozen_pairs

    settings = _our_share(Settings.from_environment())
    with stop.deferred():  # from the start: all of them must be there for the vote on stopping
        training, development = frozen_pairs(run, settings)
        model, outcome = fit(run, training, development, settings, stop)
    if os.environ["RANK"] == "0":
        finish_run(run, model, outcome, len(training), settings)


def _our_share(settings: Settings) -> Settings:
    """Our own GPU, or our part of the processor's threads."""
    from train.processes import run_devices

    if run_devices(settings)[0].startswith("cuda"):
        return replace(settings, device=f"cuda:{os.environ['LOCAL_RANK']}")
    return replace(settings, threads=max(1, settings.thread_count // int(os.environ["WORLD_SIZE"])))


def _end_with_parent() -> None:
    """End at once where the run's process is gone: it may be killed without a word to us."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="watch the parent").start()


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
