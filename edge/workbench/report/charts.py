"""The plots of a report on visits. Bars of fewer than k visits are hollow: they mean little, and may be one person."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge.workbench.pages.drawing import FAINT, GENDER_COLOURS, INK, SHADES, label, legend, new_figure, png
from edge.workbench.pages.page import Plot
from edge.workbench.report.counting import GENDERS, HOURS, Distribution, Spread
from edge.workbench.report.visits import UNKNOWN

DWELL, ATTENTION = "#9ecae1", "#08519c"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WIDE = 9.6


def draw_people(found: Distribution, k: int) -> Plot:
    """Visits by age band and gender, stacked, with each band's share of all."""
    figure, axes = new_figure(_WIDE, 4.2)
    places = _places(found)
    bottom = np.zeros(len(found.bands))
    for column, gender in enumerate(GENDERS):
        heights = found.counts[:, column]
        if heights.any():
            bars = axes.bar(places, heights, 0.78, bottom, color=GENDER_COLOURS[gender], label=gender)
            _hollow(bars, heights, k, GENDER_COLOURS[gender])
        bottom += heights
    for place, total in zip(places, bottom, strict=True):
        if total:
            axes.annotate(f"{100 * total / bottom.sum():.0f} %", (place, total), (0, 3), textcoords="offset points",
                          ha="center", fontsize=9, color=INK)  # fmt: skip
    axes.set_xticks(places, found.bands)
    axes.margins(y=0.1)
    label(axes, "Who came", f"apparent age in years ({found.taxonomy})", "visits")
    legend(axes, title="apparent gender", title_fontsize=8.5)
    return Plot(png(figure), "Columns of visits by age band and gender",
                f"Above each column its share of all visits. Hollow: fewer than {k} visits.")  # fmt: skip


def draw_looked(found: Distribution, k: int) -> Plot:
    """Share of visits with attention, by band and gender; groups of fewer than k are left out."""
    figure, axes = new_figure(_WIDE, 3.4)
    places, shift = _places(found), (-0.16, 0.16, 0.0)
    for column, gender in enumerate(GENDERS):
        counts, watchers = found.counts[:, column], found.watchers[:, column]
        kept = counts >= max(k, 1)
        shares = watchers[kept] / counts[kept]
        sizes = 30 + 220 * counts[kept] / max(found.counts.max(), 1)
        if kept.any():
            axes.scatter(places[kept] + shift[column], shares, sizes, color=GENDER_COLOURS[gender], label=gender,
                         alpha=0.9, edgecolors="white")  # fmt: skip
    axes.set_xticks(places, found.bands)
    axes.set_ylim(0, 1.02)
    axes.set_yticks(np.arange(0, 1.01, 0.25), ["0 %", "25 %", "50 %", "75 %", "100 %"])
    label(axes, "Who looked", f"apparent age in years ({found.taxonomy})", "visits with attention")
    legend(axes, loc="upper left", bbox_to_anchor=(1.0, 1.0), markerscale=0.7)
    return Plot(png(figure), "Dots of the share of visits with attention by age band and gender",
                f"Larger dots are more visits; groups of fewer than {k} are left out.")  # fmt: skip


def draw_hours(found: Distribution, zone: str, k: int) -> Plot:
    """Visits of a mean day by hour, and those of them with attention."""
    figure, axes = new_figure(_WIDE, 3.4)
    hours = np.arange(HOURS) + 0.5
    series = (
        (found.by_hour, DWELL, "visits"),
        (found.watchers_by_hour, ATTENTION, "of them attentive to the screen"),
    )
    for counts, colour, words in series:
        bars = axes.bar(hours, counts / found.days, 0.86, color=colour, label=words)
        _hollow(bars, counts, k, colour)
    _hour_axis(axes)
    label(axes, "When they came", f"hour of day ({zone})", "visits an hour" + _mean_of(found))
    legend(axes)
    return Plot(png(figure), "Columns of visits by hour of day, with those that were attentive",
                f"Hollow: fewer than {k} visits.")  # fmt: skip


def draw_week(found: Distribution, zone: str, k: int) -> Plot:
    """Visits by weekday and hour; cells of fewer than k are hollow."""
    figure, axes = new_figure(_WIDE, 3.3)
    small = (found.by_week > 0) & (found.by_week < k)
    large = np.where(small, 0, found.by_week)
    scale = {"vmin": 0, "vmax": max(k, int(large.max()))}
    image = axes.imshow(large, cmap=SHADES, aspect="auto", extent=(0, HOURS, len(DAYS), 0), **scale)
    days, hours = np.nonzero(small)
    _hollow(axes.bar(hours + 0.5, 1, 1, days), found.by_week[small], k, DWELL)
    axes.set_ylim(len(DAYS), 0)
    axes.set_yticks(np.arange(len(DAYS)) + 0.5, DAYS)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    _hour_axis(axes)
    label(axes, "Through the week", f"hour of day ({zone})", "")
    bar = figure.colorbar(image, ax=axes, pad=0.01)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, colors=FAINT, length=0)
    bar.set_label("visits", fontsize=9, color=FAINT)
    return Plot(png(figure), "Shades of visits by weekday and hour", f"Hollow: fewer than {k} visits.")


def draw_times_by_hour(found: Distribution, zone: str, k: int) -> Plot:
    """Median dwell and attention by hour, with their quartiles."""
    figure, axes = new_figure(_WIDE, 3.4)
    hours = np.arange(HOURS) + 0.5
    for spread, colour, words in _times(found.dwell_by_hour, found.attention_by_hour):
        axes.fill_between(hours, spread.low, spread.high, color=colour, alpha=0.25, linewidth=0)
        axes.plot(hours, spread.median, color=colour, marker="o", markersize=4, label=words)
    axes.margins(y=0.2)
    axes.set_ylim(bottom=0)
    _hour_axis(axes)
    label(axes, "How long they stayed and were attentive", f"hour of day ({zone})", "seconds")
    legend(axes)
    return Plot(png(figure), "Lines of median dwell and attention by hour of day",
                f"Line: median; shade: the middle half. Hours of fewer than {k} visits are left out.")  # fmt: skip


def draw_times_by_band(found: Distribution, k: int) -> Plot:
    """Median dwell and attention by age band, with quartiles."""
    figure, axes = new_figure(_WIDE, 3.6)
    places = _places(found)
    sides = zip(_times(found.dwell_by_band, found.attention_by_band), (-0.2, 0.2), strict=True)
    for (spread, colour, words), shift in sides:
        axes.bar(places + shift, np.nan_to_num(spread.median), 0.38, color=colour, label=words)
        axes.vlines(places + shift, spread.low, spread.high, color=FAINT, linewidth=1.4)
    names = [f"{band}\n{visits:,}" for band, visits in zip(found.bands, found.dwell_by_band.visits, strict=True)]
    axes.set_xticks(places, names)
    axes.margins(y=0.2)
    label(axes, "Who stayed and was attentive how long", "apparent age in years, and visits", "seconds")
    legend(axes)
    return Plot(png(figure), "Columns of median dwell and attention by age band",
                f"Column: median; line: the middle half. Bands of fewer than {k} visits are left out.")  # fmt: skip


def _times(dwell: Spread, attention: Spread) -> list[tuple[Spread, str, str]]:
    return [(dwell, "#4292c6", "stayed (dwell)"), (attention, ATTENTION, "attention, of those with any")]


def _places(found: Distribution) -> Any:
    """The bands one beside the other, `unknown` a little apart."""
    return np.array([index + 0.35 * (band == UNKNOWN) for index, band in enumerate(found.bands)])


def _hollow(bars: Any, counts: Any, k: int, colour: str) -> None:
    for bar, count in zip(bars, counts, strict=True):
        if 0 < count < k:
            bar.set(facecolor="white", edgecolor=colour, hatch="////", linewidth=0.8)


def _hour_axis(axes: Any) -> None:
    axes.set_xlim(0, HOURS)
    axes.set_xticks(range(0, HOURS + 1, 3))


def _mean_of(found: Distribution) -> str:
    return f" (mean of {found.days} days)" if found.days > 1 else ""
