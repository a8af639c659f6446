"""A run's log as a picture: its losses, and how good its network was on held-out data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from edge.files import write_whole
from edge.workbench.pages.drawing import label, legend, new_figure, png, series_colour
from training.runs.logs import Epoch, read_log
from training.runs.run_folder import LOG

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart over the epochs. series: the name in the legend, if any, and the field of each line."""

    title: str
    unit: str
    series: Sequence[tuple[str | None, str]]


def plot_log(run: Path, form: type[Epoch[V]], losses: Chart, validation: Sequence[Chart], out: Path) -> None:
    """Draw charts of a run's losses and its validation, side by side, into a PNG. Raises BadInput, UsageError."""
    epochs = read_log(run / LOG, form)
    figure, axes = new_figure(12.0, 3.6, columns=1 + len(validation))
    _draw(axes[0], losses, [(each.epoch, each.losses) for each in epochs])
    seen = [(each.epoch, _fields(each.validation)) for each in epochs if each.validation is not None]
    for place, chart in zip(axes[1:], validation, strict=True):
        _draw(place, chart, seen, marker=".", markersize=4)
    write_whole(out, png(figure))


def _draw(axes: Any, chart: Chart, numbers: Sequence[tuple[int, dict[str, float]]], **marks: Any) -> None:
    epochs = [epoch for epoch, _ in numbers]
    for index, (name, field) in enumerate(chart.series):
        axes.plot(epochs, [each[field] for _, each in numbers], color=series_colour(index), label=name, **marks)
    label(axes, chart.title, "epoch", chart.unit)
    legend(axes)


def _fields(validation: Any) -> dict[str, float]:
    return {name: getattr(validation, name) for name in validation.__struct_fields__}
