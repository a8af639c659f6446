"""Decoder of YuNet.

Source: Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20, 2023, and
`FaceDetectorYN` of OpenCV (modules/objdetect/src/face_detect.cpp), which this follows.

`outputs` keys that a manifest names, for each stride S of 8, 16 and 32 (A = the level's cells, row by row):

* `cls_S` float32 (1, A, 1) 0-1: a face rather than another class
* `obj_S` float32 (1, A, 1) 0-1: how well the cell's box fits
* `bbox_S` float32 (1, A, 4): centre offset in strides, log size in strides
* `kps_S` float32 (1, A, 10): five x, y offsets in strides, in the order of `edge.types.Detection`

Input: BGR 0-255, no mean, scale 1, both sides a multiple of 32 px, resize "letterbox".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.detection.candidates import Candidates, Floats, FloatTensors, empty, join

STRIDES = (8, 16, 32)


def decode(outputs: FloatTensors, input_hw: tuple[int, int], low_score: float) -> Candidates:
    """Faces with a score of at least low_score; the score is the geometric mean of cls and obj."""
    levels = [_decode_level(outputs, stride, input_hw[1] // stride, low_score) for stride in STRIDES]
    found = [level for level in levels if len(level.scores)]
    return join(found) if found else empty(landmarks=True)


def _decode_level(outputs: FloatTensors, stride: int, columns: int, low_score: float) -> Candidates:
    cells, scores = _score_cells(outputs[f"cls_{stride}"].ravel(), outputs[f"obj_{stride}"].ravel(), low_score)
    if not len(cells):
        return empty(landmarks=True)
    origin = np.stack((cells % columns, cells // columns), axis=1).astype(np.float32)
    box = outputs[f"bbox_{stride}"].reshape(-1, 4)[cells]
    points = outputs[f"kps_{stride}"].reshape(-1, 5, 2)[cells]
    centre, half = origin + box[:, :2], np.exp(box[:, 2:]) * np.float32(0.5)
    boxes = np.concatenate((centre - half, centre + half), axis=1) * np.float32(stride)
    return Candidates(boxes, scores, (points + origin[:, None]) * np.float32(stride))


def _score_cells(cls: Floats, obj: Floats, low_score: float) -> tuple[NDArray[np.intp], Floats]:
    """Cells with a score of at least low_score; the product is compared first so that few roots are taken."""
    likely = np.flatnonzero(cls * obj >= low_score * low_score)
    scores = np.sqrt(cls[likely].clip(0, 1) * obj[likely].clip(0, 1))
    kept = scores >= low_score
    return likely[kept], scores[kept]
