"""The loss curve of a run as a picture; drawn without a display."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES = (9.0, 4.5)
DPI = 120
TRAINING_COLOUR, DEVELOPMENT_COLOUR = "#2563eb", "#c2410c"


def running_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """(n,) mean of each value and the window - 1 before it, of fewer at the start; NaN counts as absent.

    >>> running_mean(np.array([4.0, 2.0, np.nan, 1.0]), window=2)
    array([4., 3., 2., 1.])
    """
    present = np.isfinite(values)
    sums = np.concatenate([[0.0], np.where(present, values, 0.0).cumsum()])
    counts = np.concatenate([[0], present.cumsum()])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    with np.errstate(invalid="ignore"):  # 0 / 0: nothing but NaN in the window
        mean: NDArray[np.float64] = (sums[ends] - sums[starts]) / (counts[ends] - counts[starts])
    return mean


def smoothing_window(steps: int) -> int:
    """Steps the running mean goes over: a twentieth of the training, at least 5.

    >>> smoothing_window(18), smoothing_window(846)
    (5, 42)
    """
    return max(5, steps // 20)


def loss_picture(events: Sequence[Mapping[str, Any]]) -> bytes:
    """A PNG of every step's training loss, its running mean, and the loss on the development pairs.

    events: of events.jsonl; the same events give the same bytes.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    highest = _draw_training(axes, [event for event in events if event["type"] == "step"])
    measured = [event for event in events if event["type"] == "evaluation" and event["phase"] == "during"]
    if measured:
        steps = [event["step"] for event in measured]
        losses = np.array([event["metrics"]["loss"] for event in measured], dtype=np.float64)  # None: a gap
        axes.plot(steps, losses, "s--", color=DEVELOPMENT_COLOUR, markersize=5, label="development pairs")
        highest = float(np.nanmax([highest, *losses]))
    axes.set(xlabel="step", ylabel="loss", ylim=(0, 1.15 * highest))  # the legend needs some room
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.legend(loc="upper center", ncols=3, frameon=False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()


def _draw_training(axes: Axes, steps: Sequence[Mapping[str, Any]]) -> float:
    """The highest loss."""
    numbers = [step["step"] for step in steps]
    losses = np.array([step["loss"] for step in steps], dtype=np.float64)  # None becomes NaN: a gap
    window = smoothing_window(len(steps))
    axes.plot(
        numbers,
        losses,
        ".-",
        color=TRAINING_COLOUR,
        alpha=0.35,
        linewidth=0.8,
        markersize=3,
        label="training, every step",
    )
    means = running_mean(losses, window)
    axes.plot(numbers, means, color=TRAINING_COLOUR, label=f"training, running mean of {window} steps")
    return float(np.nanmax(losses))
