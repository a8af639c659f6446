"""Decoder of YuNet.

Source: Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20, 2023, and
`FaceDetectorYN` of OpenCV (modules/objdetect/src/face_detect.cpp), which this follows.

`outputs` keys that a manifest names, for each stride S of 8, 16 and 32 (A = the level's cells, row by row):

* `cls_S` float32 (1, A, 1) 0-1: a face rather than another class
* `obj_S` float32 (1, A, 1) 0-1: how well the cell's box fits
* `bbox_S` float32 (1, A, 4): centre offset in strides, log size in strides
* `kps_S` float32 (1, A, 10): five x, y offsets in strides, in the order of `edge.sensor.types.Detection`

Input: BGR 0-255, no mean, scale 1, both sides a multiple of 32 px, resize "letterbox".
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge.sensor.detection.candidates import Candidates, Floats, FloatTensors, empty, join

STRIDES = (8, 16, 32)


def decode(outputs: FloatTensors, input_hw: tuple[int, int], low_score: float) -> Candidates:
    """Faces with a score of at least low_score; the score is the geometric mean of cls and obj.

    The product is compared with the squared score, and only cells that pass are decoded: a frame's time goes with the
    number of numpy calls.
    """
    levels = []
    for stride in STRIDES:
        product = (outputs[f"cls_{stride}"] * outputs[f"obj_{stride}"]).ravel()
        cells = (product >= low_score * low_score).nonzero()[0]
        if len(cells):
            levels.append(_decode_cells(outputs, stride, make_corners(input_hw, stride)[cells], cells, product[cells]))
    found = join(levels) if levels else empty()
    return found._replace(scores=np.minimum(np.sqrt(found.scores), 1))


def _decode_cells(
    outputs: FloatTensors, stride: int, corners: Floats, cells: NDArray[np.intp], scores: Floats
) -> Candidates:
    box = outputs[f"bbox_{stride}"][0, cells]
    centre = corners + box[:, :2] * stride
    half = np.exp(box[:, 2:]) * (stride / 2)
    boxes = np.concatenate((centre - half, centre + half), axis=1)
    points = outputs[f"kps_{stride}"][0, cells].reshape(-1, 5, 2) * stride
    return Candidates(boxes, scores, points + corners[:, None])


@lru_cache(maxsize=32)
def make_corners(input_hw: tuple[int, int], stride: int) -> Floats:
    """Top left corner x, y in px of each cell of a level, float32 (cells, 2), row by row."""
    rows, columns = np.mgrid[: input_hw[0] // stride, : input_hw[1] // stride]
    corners = np.stack((columns.ravel(), rows.ravel()), axis=1).astype(np.float32) * np.float32(stride)
    corners.flags.writeable = False
    return corners
