"""A detector's run as a picture."""

from __future__ import annotations

from pathlib import Path

from edge.files import write_whole
from edge.workbench.pages.drawing import label, legend, new_figure, png, series_colour
from training.detection.loop import DetectionEpoch
from training.runs.logs import read_log
from training.runs.run_folder import LOG


def plot_detection_log(run: Path, out: Path) -> None:
    """Draw losses, average precision and false positives on held-out scenes into a PNG. Raises BadInput, UsageError."""
    epochs = read_log(run / LOG, DetectionEpoch)
    figure, (losses, precision, wrong) = new_figure(12.0, 3.6, columns=3)
    numbers = [each.epoch for each in epochs]
    for index, name in enumerate(("total", "score", "box", "points")):
        losses.plot(numbers, [each.losses[name] for each in epochs], color=series_colour(index), label=name)
    label(losses, "Training", "epoch", "loss")
    legend(losses)
    seen = [(each.epoch, each.detection) for each in epochs if each.detection]
    for index, (size, name) in enumerate((("own size", "ap50"), ("twice the size", "ap50_double"))):
        marks = {"color": series_colour(index), "label": size, "marker": ".", "markersize": 4}
        precision.plot([number for number, _ in seen], [getattr(found, name) for _, found in seen], **marks)
    label(precision, "Held out: faces of 24 px and more", "epoch", "AP50")
    legend(precision)
    wrong.plot([n for n, _ in seen], [found.false_positives for _, found in seen], color=series_colour(0), marker=".")
    label(wrong, "Held out: false positives", "epoch", "a picture")
    write_whole(out, png(figure))
