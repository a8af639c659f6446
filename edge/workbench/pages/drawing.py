"""Plots for reports: one quiet style, colours that colour-blind people tell apart, PNG bytes without a screen.

Colours: M. Okabe and K. Ito, "Color Universal Design", 2008. Greys and sizes are chosen for a page of 1,100 px.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from edge.errors import missing_package

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ImportError as error:
    raise missing_package("plots", "matplotlib", extra="training") from error

INK, FAINT, GRID = "#222222", "#6b6b6b", "#e4e4e4"
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
"""Colours of series, in order; more than eight begin again."""
GENDER_COLOURS: Mapping[str, str] = {"female": "#D55E00", "male": "#0072B2", "unknown": "#a9a9a9"}
SHADES = "Blues"
"""Colour map of counts and shares: the lighter, the fewer."""
_DPI = 110


def new_figure(width: float = 7.0, height: float = 3.6, columns: int = 1, rows: int = 1) -> tuple[Any, Any]:
    """A figure of so many inches and its axes: one, or an array of them."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns)
    for each in figure.axes:
        tidy(each)
    return figure, axes


def tidy(axes: Any) -> None:
    """Remove what carries no information: the box, hard grid lines, large print."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=FAINT, labelsize=8.5, length=3)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.title.set_fontsize(10.5)
    axes.xaxis.label.set_fontsize(9)
    axes.yaxis.label.set_fontsize(9)


def label(axes: Any, title: str, x: str, y: str) -> None:
    """Title at the left, and what the axes count, with units."""
    axes.set_title(title, loc="left", fontsize=10.5, color=INK, fontweight="bold")
    axes.set_xlabel(x, color=FAINT)
    axes.set_ylabel(y, color=FAINT)


def legend(axes: Any, **place: Any) -> None:
    """A legend without a frame; none where nothing has a name."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8.5, labelcolor=INK, **place)


def series_colour(index: int) -> str:
    """Colour of the series of this number."""
    return SERIES[index % len(SERIES)]


def png(figure: Any) -> bytes:
    """The figure as a PNG file's bytes; the same figure gives the same bytes."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()
