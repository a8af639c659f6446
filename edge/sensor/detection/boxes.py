"""Decoder of detectors that already give boxes: the Haar cascade that OpenCV carries.

`outputs` keys that a manifest names:

* `boxes` float32 (N, 4): x_min, y_min, x_max, y_max in px of the input
* `scores` float32 (N,) 0-1

Input: BGR 0-255, any size (`multiple_of_px = 1`), resize "letterbox". No landmarks.
"""

from __future__ import annotations

from edge.sensor.detection.candidates import Candidates, FloatTensors


def decode(outputs: FloatTensors, input_hw: tuple[int, int], low_score: float) -> Candidates:
    """Faces with a score of at least low_score."""
    boxes, scores = outputs["boxes"].reshape(-1, 4), outputs["scores"].reshape(-1)
    kept = scores >= low_score
    return Candidates(boxes[kept], scores[kept], None)
