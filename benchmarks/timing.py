"""How every benchmark times: alternating in one process, medians, never a single run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def alternating_medians(ways: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Median seconds of each way; a round runs every way once, so that drift of the machine hits all."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()  # warm-up, not counted
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}
