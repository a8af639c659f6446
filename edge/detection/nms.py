"""Suppression of doubles: of boxes that overlap, the best one stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.detection.candidates import Floats


def suppress(boxes: Floats, scores: Floats, max_iou: float) -> NDArray[np.intp]:
    """Positions of the boxes that stay, best score first (equal scores: the earlier one).

    boxes: float32 (N, 4) x_min, y_min, x_max, y_max px. A box goes when its intersection over union with a better one
    that stays is greater than max_iou. Greedy, as in Neubeck and Van Gool, "Efficient Non-Maximum Suppression",
    ICPR 2006; takes one pass for each box that stays, so its time grows with the faces and not with the candidates.
    """
    order = np.argsort(-scores, kind="stable")
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        if len(order):
            order = order[_overlaps(boxes[best], boxes[order]) <= max_iou]
    return np.array(kept, np.intp)


def _overlaps(box: Floats, others: Floats) -> Floats:
    """Intersection over union of one box with others, float32 (N,)."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    np.maximum(sides, 0, out=sides)
    intersection = sides[:, 0] * sides[:, 1]
    shapes = others[:, 2:] - others[:, :2]
    union = (box[2] - box[0]) * (box[3] - box[1]) + shapes[:, 0] * shapes[:, 1] - intersection
    shares: Floats = intersection / np.maximum(union, np.float32(1e-9))
    return shares
