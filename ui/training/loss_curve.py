"""Loss as it goes, as inline SVG: a few kilobytes each second, nothing to redraw by script.

The picture (1000 by 100) is stretched to its box, strokes are not; labels are HTML, so type keeps its size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from train.loss_picture import running_mean
from ui.markup import NOTHING, join
from ui.metrics.figures import panel

WINDOW = 20
"""Steps that the mean goes over."""
MOST_POINTS = 600
"""Of a line; of more steps the lowest and the highest of each stretch are drawn, which looks the same."""
X_MARKS = 4


class Point(NamedTuple):
    step: int
    value: float


def loss_curve(steps: Sequence[Mapping[str, Any]], total: int) -> Markup:
    """A panel with each step's loss and the mean of the last 20. total: steps of the whole training."""
    losses = np.array([step["loss"] for step in steps], dtype=np.float64)  # None becomes NaN: a gap
    numbers = [step["step"] for step in steps]
    raw, mean = _points(numbers, losses), _points(numbers, running_mean(losses, WINDOW))
    if not any(map(math.isfinite, losses)):
        return NOTHING
    last = mean[-1]
    picture = _chart(
        {"raw": raw, "mean": mean},
        last,
        total,
        f"Loss after {last.step:,} of {total:,} steps: {last.value:.3f}, the mean of the last {WINDOW}",
    )
    return panel("Loss", f"each step, and the mean of the last {WINDOW}", picture)


def development_curve(evaluations: Sequence[Mapping[str, Any]], total: int) -> Markup:
    """A smaller panel with the loss on the development pairs; nothing where none was measured."""
    losses = np.array([one["metrics"]["loss"] for one in evaluations], dtype=np.float64)  # None: a gap
    points = _points([one["step"] for one in evaluations], losses)
    finite = [point for point in points if math.isfinite(point.value)]
    if not finite:
        return NOTHING
    best = min(finite, key=_value)
    picture = _chart(
        {"mean": points},
        best,
        total,
        f"Loss on the development pairs, lowest after step {best.step:,}: {best.value:.3f}",
        marked=points,
    )
    return panel("Development loss", f"lowest {best.value:.3f} after step {best.step:,}", picture, "small")


def axis(highest: float) -> list[float]:
    """Three to six round marks from 0 to the highest value or just above.

    >>> axis(2.72), axis(0.31)
    ([0.0, 1.0, 2.0, 3.0], [0.0, 0.1, 0.2, 0.3, 0.4])
    """
    magnitude = 10.0 ** math.floor(math.log10(highest)) if highest > 0 else 1.0
    unit = next(unit for unit in (0.2, 0.5, 1, 2, 5) if highest <= 5 * unit * magnitude) * magnitude
    return [round(unit * mark, 10) for mark in range(max(2, math.ceil(highest / unit)) + 1)]


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """The lowest and the highest point of each stretch, in their order; all where they are few.

    >>> [point.value for point in thinned([Point(s, v) for s, v in enumerate([1, 9, 5, 5, 2, 3])], most=4)]
    [1, 9, 5, 2]
    """
    if len(points) <= most:
        return list(points)
    stretch = math.ceil(2 * len(points) / most)
    parts = (points[start : start + stretch] for start in range(0, len(points), stretch))
    return [point for part in parts for point in sorted({min(part, key=_value), max(part, key=_value)})]


def _value(point: Point) -> float:
    return point.value


def _points(numbers: Sequence[int], values: Iterable[float]) -> list[Point]:
    return [Point(step, float(value)) for step, value in zip(numbers, values, strict=True)]


def _chart(
    lines: Mapping[str, Sequence[Point]],
    dot: Point,
    total: int,
    label: str,
    marked: Sequence[Point] = (),
) -> Markup:
    marks = axis(max(p.value for points in lines.values() for p in points if math.isfinite(p.value)))

    def at(point: Point) -> str:
        return f"{1000 * point.step / total:.1f},{100 * (1 - point.value / marks[-1]):.2f}"

    heights = (f"{100 * (1 - mark / marks[-1]):.2f}" for mark in marks)
    grid = join(Markup('<path class="grid" d="M0 {}H1000"/>').format(height) for height in heights)
    drawn = (
        Markup('<polyline class="{}" points="{}"/>').format(style, " ".join(map(at, part)))
        for style, points in lines.items()
        for part in _unbroken(points)
    )
    dots = (
        Markup('<path class="{}" d="M{}h0"/>').format(style, at(point))
        for style, point in [*(("point", point) for point in marked), ("dot", dot)]
        if math.isfinite(point.value)
    )
    return Markup(
        '<div class="cs-curvebox"><p class="y">{}</p><svg class="cs-curve" viewBox="0 0 1000 100"'
        ' preserveAspectRatio="none" role="img" aria-label="{}">{}{}{}</svg><p class="x">{}</p></div>'
    ).format(
        _labels(f"{mark:g}" for mark in reversed(marks)),
        label,
        grid,
        join(drawn),
        join(dots),
        _labels(f"{round(total * mark / X_MARKS):,}" for mark in range(X_MARKS + 1)),
    )


def _unbroken(points: Sequence[Point]) -> Iterator[list[Point]]:
    """The stretches between losses that were no numbers."""
    for is_finite, part in groupby(points, key=lambda point: math.isfinite(point.value)):
        if is_finite:
            yield thinned(list(part))


def _labels(texts: Iterable[str]) -> Markup:
    return join(Markup("<span>{}</span>").format(text) for text in texts)
