"""How good a detector is on held-out scenes, in a few numbers; `passerby evaluate detection` has all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from training.data.scenes import Scenes
from training.detection.faces import find_faces
from training.evaluation.detection.boxes import Found, Truth, make_curve, match
from training.networks.detection import DetectionNetwork

SMALLEST_PX = 24.0
"""Faces smaller than this, at the picture's own size, are ignored."""
SCORE = 0.5
MOST_PHOTOGRAPHS = 200


class Validation(Struct, frozen=True):
    """Numbers of one network; NaN (null in the log) where there is no such picture.

    ap50, ap50_double: on pictures with labelled boxes, at their own size and at twice that. found_percent: of the
    photographs in which teachers see a face, those in which one of these faces is found with a score of at least 0.5.
    false_positives: per labelled picture, from a score of 0.5 on.
    """

    ap50: float
    ap50_double: float
    found_percent: float
    false_positives: float

    def __str__(self) -> str:
        return (
            f"AP50 {self.ap50:.3f}, at twice the size {self.ap50_double:.3f}, "
            f"{self.false_positives:.2f} false positives per picture; photographs {self.found_percent:.1f} %"
        )


def validate(network: DetectionNetwork, held_out: Scenes) -> Validation:
    """Search every labelled picture at both sizes, and some of the others at their own."""
    labelled = np.flatnonzero(np.array(held_out.labelled)).tolist()
    unlabelled = np.flatnonzero(~np.array(held_out.labelled))
    chosen = np.linspace(0, len(unlabelled) - 1, min(MOST_PHOTOGRAPHS, len(unlabelled))).astype(int)
    others = unlabelled[chosen].tolist()
    curves = []
    for scale in (1.0, 2.0):
        found = [find_faces(network, held_out.images[index], scale) for index in labelled]
        truths = [truth_of(held_out, index) for index in labelled]
        curves.append(make_curve([match(t, f, smallest_px=SMALLEST_PX) for t, f in zip(truths, found, strict=True)]))
    return Validation(
        curves[0].average_precision,
        curves[1].average_precision,
        100 * _found_share(network, held_out, others),
        curves[0].false_positives_at(SCORE) if labelled else float("nan"),
    )


def truth_of(scenes: Scenes, index: int, smallest_px: float = SMALLEST_PX) -> Truth:
    """The faces of a picture; those that are too small are ignored."""
    faces = scenes.faces[index]
    return Truth(faces.boxes, ~faces.ignored & (faces.sides >= smallest_px))


def _found_share(network: DetectionNetwork, held_out: Scenes, positions: Sequence[int]) -> float:
    hits = []
    for index in positions:
        truth = truth_of(held_out, index)
        if truth.counted.any():
            hits.append(_any_right(truth, find_faces(network, held_out.images[index])))
    return float(np.mean(hits)) if hits else float("nan")


def _any_right(truth: Truth, found: Found) -> bool:
    matched = match(truth, found)
    return bool(((matched.of_found >= 0) & (matched.scores >= SCORE)).any())
