"""Decoder of SSD networks that end in a DetectionOutput layer: OpenCV's res10 and OMZ's face-detection-retail-0004.

Source: Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016; the layer as OpenVINO specifies DetectionOutput-8.

`outputs` key that a manifest names:

* `detections` float32 (1, 1, N, 7): image (-1 ends the list), label, score 0-1, x_min, y_min, x_max, y_max as shares
  of the input

Inputs, 300x300 px, resize "stretch", both without landmarks: res10 BGR with mean (104, 177, 123) and scale 1;
retail-0004 BGR with no mean and scale 1.
"""

from __future__ import annotations

import numpy as np

from edge.sensor.detection.candidates import Candidates, Floats, FloatTensors


def decode(outputs: FloatTensors, input_hw: tuple[int, int], low_score: float) -> Candidates:
    """Faces with a score of at least low_score."""
    rows = outputs["detections"].reshape(-1, 7)
    rows = rows[: _count_rows(rows[:, 0])]
    rows = rows[rows[:, 2] >= low_score]
    height, width = input_hw
    return Candidates(rows[:, 3:] * np.array((width, height, width, height), np.float32), rows[:, 2], None)


def _count_rows(images: Floats) -> int:
    """Rows before the one that ends the list; what follows it is stale memory."""
    ends = np.flatnonzero(images < 0)
    return int(ends[0]) if len(ends) else len(images)
