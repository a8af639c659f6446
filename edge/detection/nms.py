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
    left, top, right, bottom = boxes[order].T
    areas = (right - left) * (bottom - top)
    kept, rest = [], np.arange(len(order))
    while len(rest):
        best, rest = rest[0], rest[1:]
        kept.append(best)
        if not len(rest):
            break
        across = np.minimum(right[rest], right[best]) - np.maximum(left[rest], left[best])
        down = np.minimum(bottom[rest], bottom[best]) - np.maximum(top[rest], top[best])
        shared = np.maximum(across, 0) * np.maximum(down, 0)
        # shared / union <= max_iou, without dividing by a union that may be 0
        rest = rest[shared * (1 + max_iou) <= max_iou * (areas[rest] + areas[best])]
    return order[kept]
