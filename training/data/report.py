"""The data report: what sets contain by age, gender, group and picture size, as plots and one page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edge.files import write_folder
from edge.workbench.labelled.samples import Photographs
from edge.workbench.pages.drawing import GENDER_COLOURS, label, legend, new_figure, png
from edge.workbench.pages.page import Note, Part, Plot, Rows, Section, render_page
from training.data.survey import GENDER_WORDS, Survey, survey

PAGE = "data-report.html"
YEARS_A_BAR = 5
_SIZES = 30


def write_data_report(
    sets: Sequence[Photographs], folder: Path, tick: Callable[[], None] = lambda: None
) -> list[Survey]:
    """Count the sets and write `data-report.html` and each plot as PNG into a folder; returns the counts.

    tick: called after every picture. Raises BadInput where a set is unusable, UsageError where the folder is; then
    nothing is written.
    """
    surveys = [survey(each, tick) for each in sets]
    plots = {f"{number}-{_safe(each.name)}": draw_survey(each) for number, each in enumerate(surveys, 1)}
    sections = [_section(each, drawn) for each, drawn in zip(surveys, plots.values(), strict=True)]
    total = sum(each.photographs for each in surveys)
    page = render_page("Data report", f"{total:,} photographs in {len(surveys)} sets.", [_overview(surveys), *sections])
    pictures = {f"{name}-{kind}.png": plot.png for name, drawn in plots.items() for kind, plot in drawn.items()}
    write_folder(folder, {**pictures, PAGE: page.encode()})
    return surveys


def draw_survey(counted: Survey) -> dict[str, Plot]:
    """The plots of one set by name: `ages` and `groups` where it has such labels, `sizes` always."""
    plots = {}
    if counted.with_age:
        plots["ages"] = _draw_ages(counted)
    if counted.with_gender or len(counted.groups) > 1:
        plots["groups"] = _draw_groups(counted)
    return {**plots, "sizes": _draw_sizes(counted)}


def _draw_ages(counted: Survey) -> Plot:
    figure, axes = new_figure(7.2, 3.4)
    starts = np.arange(0, counted.ages.shape[1], YEARS_A_BAR)
    bottom = np.zeros(len(starts))
    for gender, row in zip(GENDER_WORDS, counted.ages, strict=True):
        heights = np.add.reduceat(row, starts)
        if heights.any():
            axes.bar(starts + YEARS_A_BAR / 2, heights, YEARS_A_BAR * 0.92, bottom, color=GENDER_COLOURS[gender],
                     label=gender)  # fmt: skip
        bottom += heights
    last = starts[np.nonzero(bottom)[0].max()] + YEARS_A_BAR
    axes.set_xlim(0, last)
    axes.set_xticks(np.arange(0, last + 1, 10))
    label(axes, "Ages", f"age in years (bars of {YEARS_A_BAR} years)", "photographs")
    legend(axes)
    return Plot(png(figure), f"Histogram of ages by gender, {counted.with_age:,} photographs")


def _draw_groups(counted: Survey) -> Plot:
    figure, axes = new_figure(7.2, 1.2 + 0.36 * len(counted.groups))
    names = list(counted.groups)
    left = np.zeros(len(names))
    for gender in GENDER_WORDS:
        widths = np.array([counted.groups[name].get(gender, 0) for name in names])
        if widths.any():
            axes.barh(names, widths, 0.7, left, color=GENDER_COLOURS[gender], label=gender)
        left += widths
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.grid(axis="x", color="#e4e4e4")
    label(axes, "Groups and genders", "photographs", "")
    legend(axes, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return Plot(png(figure), "Bars of photographs by group and gender")


def _draw_sizes(counted: Survey) -> Plot:
    figure, axes = new_figure(7.2, 2.8)
    low, high = int(counted.sides_px.min()) - _SIZES, int(counted.sides_px.max()) + _SIZES
    axes.hist(counted.sides_px, bins=_SIZES, range=(max(low, 0), high), color="#009E73")
    label(axes, "Picture sizes", "shorter side in px", "photographs")
    return Plot(png(figure), "Histogram of the shorter sides of pictures")


def _overview(surveys: Sequence[Survey]) -> Section:
    columns = ("set", "photographs", "unreadable", "with age", "with gender", "persons", "groups", "near-copies")
    rows = [
        (
            each.name,
            *(f"{n:,}" for n in (each.photographs, each.unreadable, each.with_age, each.with_gender, each.persons)),
            f"{len(each.groups)}",
            f"{each.near_copies:,}",
        )
        for each in surveys
    ]
    text = "A near-copy is a photograph whose perceptual hash differs from another's in the set by only a few bits."
    return Section("", [Rows("What the sets hold", columns, rows), text])


def _section(counted: Survey, plots: dict[str, Plot]) -> Section:
    notes: list[Part] = [Note(line) for line in counted.warnings]
    return Section(counted.name, [*notes, *plots.values()])


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
