"""What a score means: after calibration, the share of the detections with this score that are faces.

One straight line on the logits for each size of the input (Platt, "Probabilistic Outputs for Support Vector Machines",
1999), fitted as in Lin, Lin and Weng, Machine Learning 68, 2007.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.sensor.imaging import letterbox
from training.data.scenes import Scenes
from training.detection.faces import find_faces
from training.detection.validation import truth_of
from training.evaluation.detection.boxes import IGNORED, Truth, match
from training.networks.detection import DetectionNetwork

SMALLEST_INPUT_PX = 12.0
"""Faces smaller than this in the input do not count."""
ROUNDS = 50
RIDGE = 1e-3
"""Keeps the line finite where right and wrong detections can be separated without error."""


class Line(Struct, frozen=True):
    """Calibrated logit = slope * logit + offset."""

    slope: float = 1.0
    offset: float = 0.0


def calibrate(network: DetectionNetwork, scenes: Scenes, hw: tuple[int, int]) -> Line:
    """Fit the line on pictures that the network has not seen, letterboxed to hw (height, width) px."""
    scores, right = list[float](), list[bool]()
    for index, image in enumerate(scenes.images):
        picture, scale = letterbox(image, hw)
        truth = truth_of(scenes, index, SMALLEST_INPUT_PX / scale)
        seen = Truth(truth.boxes * scale, truth.counted)
        matched = match(seen, find_faces(network, picture), smallest_px=SMALLEST_INPUT_PX)
        counts = matched.of_found != IGNORED
        scores += matched.scores[counts].tolist()
        right += (matched.of_found[counts] >= 0).tolist()
    return fit_line(np.array(scores), np.array(right, np.bool_))


def fit_line(scores: NDArray[np.floating], right: NDArray[np.bool_] | Sequence[bool]) -> Line:
    """The line of maximum likelihood, by Newton's method; the identity unless there are both right and wrong ones."""
    right = np.asarray(right, np.bool_)
    if not right.any() or right.all():
        return Line()
    logits = np.log(scores.clip(1e-6, 1 - 1e-6) / (1 - scores.clip(1e-6, 1 - 1e-6)))
    inputs = np.column_stack((logits, np.ones_like(logits)))
    many, few = right.sum(), (~right).sum()
    wanted = np.where(right, (many + 1) / (many + 2), 1 / (few + 2))
    line, prior = np.array([1.0, 0.0]), np.array([1.0, 0.0])
    for _ in range(ROUNDS):
        guess = 1 / (1 + np.exp(-inputs @ line))
        gradient = inputs.T @ (guess - wanted) + RIDGE * (line - prior)
        curvature = (inputs * (guess * (1 - guess))[:, None]).T @ inputs + RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        line = line - step
        if np.abs(step).max() < 1e-8:
            break
    return Line(float(line[0]), float(line[1]))
