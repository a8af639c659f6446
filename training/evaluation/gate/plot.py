"""The curves of the quality gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.workbench.pages.drawing import label, legend, new_figure, png, series_colour
from training.evaluation.gate.scoring import GateStep


def draw_gates(curves: Mapping[str, Sequence[GateStep]]) -> bytes:
    """Errors and the share of looks kept over the least quality, a line per set; returns a PNG."""
    figure, (years, gender, kept) = new_figure(12.0, 3.6, columns=3)
    for index, (name, steps) in enumerate(curves.items()):
        style = {"color": series_colour(index), "marker": ".", "label": name}
        aged = [step for step in steps if step.mae_years is not None]
        sexed = [step for step in steps if step.gender_wrong is not None]
        years.plot([step.gate for step in aged], [step.mae_years for step in aged], **style)
        gender.plot([step.gate for step in sexed], [100 * (step.gender_wrong or 0) for step in sexed], **style)
        kept.plot([step.gate for step in steps], [100 * step.kept for step in steps], **style)
    label(years, "Error of ages", "least quality", "years")
    label(gender, "Gender wrong", "least quality", "per cent")
    label(kept, "Looks that pass", "least quality", "per cent")
    legend(kept)
    return png(figure)
