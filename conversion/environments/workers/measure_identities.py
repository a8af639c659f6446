"""Worker of the `trackers` environment: IDF1 as motmetrics has it.

In: {"frames": number, "least_iou": 0-1, "names": of trackers}, and for each name `NAME truth` and `NAME tracks`,
float64 (N, 6): frame, identity, x_min, y_min, x_max, y_max px. Out: {"idf1": {name: 0-1}}.
"""

from __future__ import annotations

import sys
from typing import Any

import framing


def main() -> None:
    """Receive one message, measure, send the answer."""
    answer = framing.take_stdout()
    header, arrays = framing.receive(sys.stdin.buffer)
    measured = {
        name: idf1(arrays[name + " truth"], arrays[name + " tracks"], header["frames"], header["least_iou"])
        for name in header["names"]
    }
    framing.send(answer, {"idf1": measured}, {})


def idf1(truth: Any, tracks: Any, frames: int, least_iou: float) -> float:
    """IDF1 of tracks against a truth."""
    import motmetrics

    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for frame in range(frames):
        there, seen = truth[truth[:, 0] == frame], tracks[tracks[:, 0] == frame]
        distances = motmetrics.distances.iou_matrix(as_xywh(there), as_xywh(seen), max_iou=1 - least_iou)
        accumulator.update(there[:, 1].astype(int), seen[:, 1].astype(int), distances)
    summary = motmetrics.metrics.create().compute(accumulator, metrics=["idf1"], name="all")
    return float(summary["idf1"]["all"])


def as_xywh(rows: Any) -> Any:
    """Boxes by corner and size."""
    import numpy as np

    return np.concatenate((rows[:, 2:4], rows[:, 4:6] - rows[:, 2:4]), axis=1)


if __name__ == "__main__":
    main()
