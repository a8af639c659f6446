"""What `passerby train plot` draws of a run of the detector."""

from __future__ import annotations

from training.runs.plot import Chart

LOSSES = Chart("Training", "loss", [(name, name) for name in ("total", "score", "box", "points")])
VALIDATION = (
    Chart("Held out: faces of 24 px and more", "AP50", [("own size", "ap50"), ("twice the size", "ap50_double")]),
    Chart("Held out: false positives", "per picture", [(None, "false_positives")]),
)
