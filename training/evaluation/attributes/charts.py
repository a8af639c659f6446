"""The plots of an evaluation: error by age, calibration, coverage, confusion; model sets side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge.schemas.taxonomy import ADS_8
from edge.workbench.pages.drawing import FAINT, INK, SHADES, label, legend, new_figure, png, series_colour
from edge.workbench.pages.page import Plot
from training.evaluation.attributes.records import Confusion, Result, SliceResult

FEWEST = 10
"""Steps of age with fewer photographs are not drawn."""
_BANDS = frozenset(bracket.label for bracket in ADS_8.brackets)
_PARTS = (("gender", "gender"), (ADS_8.name, f"age band ({ADS_8.name})"))


def draw_error_by_age(results: Sequence[Result]) -> Plot | None:
    """Draw mean and signed error over the true age; None where no model set gives years."""
    if not any(result.error_by_age for result in results):
        return None
    figure, (absolute, signed) = new_figure(10.4, 3.5, columns=2)
    for index, result in enumerate(results):
        steps = [step for step in result.error_by_age if step.photographs >= FEWEST]
        ages = [(step.from_age + min(step.to_age, 104) + 1) / 2 for step in steps]
        style: dict[str, Any] = {
            "color": series_colour(index),
            "marker": "o",
            "markersize": 3.5,
            "label": result.model_set if steps else None,
        }
        absolute.plot(ages, [step.mae_years for step in steps], **style)
        signed.plot(ages, [step.bias_years for step in steps], **style)
    signed.axhline(0, color=FAINT, linewidth=1)
    absolute.set_ylim(bottom=0)
    label(absolute, "Mean error", "true age in years", "years")
    label(signed, "Signed error (bias)", "true age in years", "years (above 0: taken for older)")
    legend(absolute)
    return Plot(png(figure), "Lines of mean and signed error over the true age",
                f"Steps of five years with at least {FEWEST} photographs.")  # fmt: skip


def draw_subgroups(results: Sequence[Result]) -> Plot | None:
    """Draw mean error and share of right genders with intervals, by gender, group and age band; None without any."""
    names = [each.name for each in results[0].slices if _is_subgroup(each)]
    if len(names) < 2:
        return None
    figure, axes = new_figure(10.4, 1.3 + 0.3 * len(names), columns=2)
    for each, (measure, scale) in zip(axes, (("mae_years", 1), ("gender_accuracy", 100)), strict=True):
        for index, result in enumerate(results):
            _draw_intervals(each, result, names, measure, scale, index, len(results))
        each.set_yticks(range(len(names)), names)
        each.set_ylim(len(names) - 0.4, -0.6)
        each.grid(visible=False)
        each.grid(axis="x", color="#e4e4e4")
        legend(each)
    label(axes[0], "Mean error by subgroup", "years", "")
    label(axes[1], "Gender right by subgroup", "per cent", "")
    return Plot(png(figure), "Dots with intervals of mean error and right genders by subgroup", "95 % intervals.")


def _is_subgroup(each: SliceResult) -> bool:
    return each.ages == "all" or (each.gender is None and each.group is None and each.ages in _BANDS)


def _draw_intervals(
    axes: Any, result: Result, names: Sequence[str], measure: str, scale: float, index: int, of: int
) -> None:
    found = {each.name: each.measures[measure] for each in result.slices if _is_subgroup(each)}
    told = [(row, each) for row, name in enumerate(names) if (each := found.get(name)) and each.value is not None]
    rows = [row + 0.5 * ((index + 0.5) / of - 0.5) for row, _ in told]
    colour = series_colour(index)
    axes.hlines(rows, [scale * (m.low or 0) for _, m in told], [scale * (m.high or 0) for _, m in told], color=colour)
    name = result.model_set if told else None
    axes.scatter([scale * (m.value or 0) for _, m in told], rows, 22, color=colour, zorder=3, label=name)


def draw_reliability(results: Sequence[Result]) -> Plot | None:
    """Draw the share of right answers over their confidence, for gender and age band; None where there is neither."""
    parts = [(name, words) for name, words in _PARTS if any(result.reliability.get(name) for result in results)]
    if not parts:
        return None
    figure, axes = new_figure(5.2 * len(parts), 3.9, columns=len(parts))
    for each, (name, words) in zip(np.atleast_1d(axes), parts, strict=True):
        each.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="--")
        for index, result in enumerate(results):
            bins = result.reliability.get(name, [])
            sizes = [10 + 60 * each_bin.photographs / result.photographs for each_bin in bins]
            x, y = [b.confidence for b in bins], [b.accuracy for b in bins]
            each.plot(x, y, color=series_colour(index), linewidth=1.2)
            each.scatter(x, y, sizes, color=series_colour(index), label=result.model_set if bins else None, zorder=3)
        each.set_xlim(0.45 if name == "gender" else 0, 1.01)
        each.set_ylim(0, 1.02)
        label(each, f"Calibration of {words}", "mean confidence", "share right")
        legend(each)
    return Plot(png(figure), "Reliability diagrams",
                "On the dashed line a confidence is the share that is right; below it, answers are surer than right. "
                "Dots grow with the share of photographs.")  # fmt: skip


def draw_coverage(results: Sequence[Result]) -> Plot | None:
    """Draw the share right over the share reported, the threshold in use marked; None where there is neither."""
    parts = [(name, words) for name, words in _PARTS if any(result.coverage.get(name) for result in results)]
    if not parts:
        return None
    figure, axes = new_figure(5.2 * len(parts), 3.6, columns=len(parts))
    for each, (name, words) in zip(np.atleast_1d(axes), parts, strict=True):
        for index, result in enumerate(results):
            points = [point for point in result.coverage.get(name, []) if point.coverage * result.photographs >= FEWEST]
            x, y = [point.coverage for point in points], [point.accuracy for point in points]
            each.plot(x, y, color=series_colour(index), label=result.model_set if points else None)
            threshold = result.min_gender_confidence if name == "gender" else result.min_age_confidence
            told = [point for point in points if point.threshold >= threshold]
            if told:
                each.plot(told[-1].coverage, told[-1].accuracy, "o", color=series_colour(index), markersize=8)
        each.set_xlim(0, 1.02)
        each.set_ylim(top=1.01)
        label(each, f"What `unknown` buys: {words}", "share of photographs reported", "share right among them")
        legend(each)
    return Plot(png(figure), "Curves of accuracy over coverage", "The dot is the threshold in use.")


def draw_confusion(result: Result, name: str) -> Plot | None:
    """Draw a confusion matrix as shares of each labelled row; None where nothing was answered."""
    found = result.confusion.get(name)
    if found is None:
        return None
    side = 2.0 + 0.35 * len(found.labels)
    figure, axes = new_figure(side + 0.9, side)
    _draw_matrix(axes, found)
    label(axes, f"{result.model_set}: {name}", "answered", "labelled")
    return Plot(png(figure), f"Confusion matrix of {name}", "Per cent of each row.")


def _draw_matrix(axes: Any, found: Confusion) -> None:
    counts = np.array(found.counts, np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(shares.shape):
        if counts[row, column]:
            colour = "white" if shares[row, column] > 0.55 else INK
            axes.text(column, row, f"{shares[row, column]:.0%}".rstrip("%"), ha="center", va="center",
                      fontsize=8.5, color=colour)  # fmt: skip
    rows = [f"{name}  ({int(total):,})" for name, total in zip(found.labels, counts.sum(axis=1), strict=True)]
    axes.set_xticks(range(len(found.labels)), found.labels)
    axes.set_yticks(range(len(found.labels)), rows)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
