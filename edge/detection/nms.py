"""Suppression of doubles: of boxes that overlap, the best one stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.detection.candidates import Floats


def suppress(boxes: Floats, scores: Floats, max_iou: float) -> NDArray[np.intp]:
    """Positions of the boxes that stay, best score first (equal scores: the earlier one).

    boxes: float32 (N, 4) x_min, y_min, x_max, y_max px. A box goes when its intersection over union with a better one
    that stays is greater than max_iou. Greedy, as in Neubeck and Van Gool, "Efficient Non-Maximum Suppression", 2006.
    """
    order = np.argsort(-scores, kind="stable")
    if len(order) < 2:
        return order
    overlaps = _overlaps(boxes[order]) > max_iou
    alive = np.ones(len(order), np.bool_)
    for position in range(len(order)):
        if alive[position]:
            alive[position + 1 :] &= ~overlaps[position, position + 1 :]
    return order[alive]


def _overlaps(boxes: Floats) -> Floats:
    """Intersection over union of all pairs, float32 (N, N)."""
    low, high = boxes[:, :2], boxes[:, 2:]
    sides = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    intersection = np.maximum(sides, 0).prod(axis=-1)
    areas = np.maximum(high - low, 0).prod(axis=-1)
    union = areas[:, None] + areas - intersection
    return intersection / np.maximum(union, np.float32(1e-9))
