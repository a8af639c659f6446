"""A run's log as a picture."""

from __future__ import annotations

from pathlib import Path

from edge.files import write_whole
from edge.workbench.pages.drawing import label, legend, new_figure, png, series_colour
from training.attributes.loop import Epoch
from training.runs.logs import read_log
from training.runs.run_folder import LOG


def plot_log(run: Path, out: Path) -> None:
    """Draw losses, and error and gender on held-out faces, over the epochs, into a PNG. Raises BadInput, UsageError."""
    epochs = read_log(run / LOG, Epoch)
    figure, (losses, years, gender) = new_figure(12.0, 3.6, columns=3)
    numbers = [each.epoch for each in epochs]
    for index, name in enumerate(("total", "age", "gender")):
        losses.plot(numbers, [each.losses[name] for each in epochs], color=series_colour(index), label=name)
    label(losses, "Training", "epoch", "nats")
    legend(losses)
    seen = [(each.epoch, each.validation) for each in epochs if each.validation]
    for index, (span, of_years, of_gender) in enumerate(SPANS):
        marks = {"color": series_colour(index), "label": span, "marker": ".", "markersize": 4}
        years.plot([n for n, _ in seen], [getattr(found, of_years) for _, found in seen], **marks)
        gender.plot([n for n, _ in seen], [getattr(found, of_gender) for _, found in seen], **marks)
    label(years, "Held out: error of the age", "epoch", "years")
    label(gender, "Held out: gender right", "epoch", "%")
    legend(years)
    legend(gender)
    write_whole(out, png(figure))


SPANS = (
    ("all ages", "mae_years", "gender_percent"),
    ("18 to 75 years", "mae_years_18_75", "gender_percent_18_75"),
)
