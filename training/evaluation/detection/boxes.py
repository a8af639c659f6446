"""Detected faces against labelled ones: matches, average precision, recall and false positives.

Matching as in PASCAL VOC (Everingham et al., IJCV 2010), average precision as the area under the precision's envelope;
faces that do not count, and detections of them, are neither right nor wrong, as in COCO (Lin et al., ECCV 2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SAME_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Truth:
    """F labelled faces of a picture. boxes: float (F, 4) corners px. counted: bool (F,); others are ignored."""

    boxes: NDArray[np.floating]
    counted: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Found:
    """D detected faces of a picture, best first. boxes: float (D, 4) corners px. scores: float (D,) 0-1."""

    boxes: NDArray[np.floating]
    scores: NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Matched:
    """Matches of one picture.

    of_found: int64 (D,), the face that each detection matches, FALSE where it matches none, IGNORED where it does not
    count.
    """

    of_found: NDArray[np.int64]
    scores: NDArray[np.floating]
    faces: int


FALSE, IGNORED = -1, -2


def match(truth: Truth, found: Found, *, smallest_px: float = 0.0, same_iou: float = SAME_IOU) -> Matched:
    """Match each detection, best first, with the free face that it overlaps most.

    smallest_px: unmatched detections whose side is smaller are ignored.
    """
    overlaps = overlap_matrix(found.boxes, truth.boxes)
    free = np.ones(len(truth.boxes), np.bool_)
    of_found = np.full(len(found.boxes), FALSE, np.int64)
    for index in range(len(found.boxes)):
        of_found[index] = _best(overlaps[index], truth.counted, free, same_iou)
        if of_found[index] >= 0:
            free[of_found[index]] = False
    small = sides(found.boxes) < smallest_px
    of_found[small & (of_found == FALSE)] = IGNORED
    return Matched(of_found, found.scores, int(truth.counted.sum()))


def _best(overlaps: Floats, counted: NDArray[np.bool_], free: NDArray[np.bool_], same_iou: float) -> int:
    """A free face that counts, if any; else an ignored one, which may be matched any number of times."""
    fits = overlaps >= same_iou
    candidates = np.flatnonzero(fits & counted & free)
    if len(candidates):
        return int(candidates[overlaps[candidates].argmax()])
    return IGNORED if (fits & ~counted).any() else FALSE


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision and recall at every score, float64 (D,), best score first; `scores` are the scores of the points."""

    precision: Floats
    recall: Floats
    scores: Floats
    faces: int
    pictures: int

    @property
    def average_precision(self) -> float:
        """Area under the envelope of precision over recall, 0-1; NaN without a face."""
        if self.faces == 0:
            return float("nan")
        envelope = np.maximum.accumulate(self.precision[::-1])[::-1]
        steps = np.diff(self.recall, prepend=0.0)
        return float((envelope * steps).sum())

    def false_positives_at(self, score: float) -> float:
        """False positives per picture, from that score on."""
        seen = self.scores >= score
        if not seen.any():
            return 0.0
        count = int(seen.sum())
        return float(round(count * (1 - self.precision[count - 1]))) / self.pictures

    def recall_at(self, score: float) -> float:
        """Share of the faces found from that score on."""
        count = int((self.scores >= score).sum())
        return float(self.recall[count - 1]) if count else 0.0

    def score_for(self, false_positives: float) -> float:
        """Lowest score with at most `most` false positives per picture; 1 where there is none."""
        counts = np.arange(1, len(self.scores) + 1)
        wrong = counts - np.rint(counts * self.precision)
        allowed = np.flatnonzero(wrong <= false_positives * self.pictures)
        return float(self.scores[allowed[-1]]) if len(allowed) else 1.0


def make_curve(matches: Sequence[Matched]) -> Curve:
    """The curve of all pictures together."""
    faces = sum(each.faces for each in matches)
    if matches:
        scores = np.concatenate([each.scores for each in matches]).astype(np.float64)
        of_found = np.concatenate([each.of_found for each in matches])
    else:
        scores, of_found = np.zeros(0), np.zeros(0, np.int64)
    counts = of_found != IGNORED
    scores, right = scores[counts], of_found[counts] >= 0
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    precision = hits / np.arange(1, len(order) + 1)
    return Curve(precision, hits / max(faces, 1), scores[order], faces, len(matches))


def overlap_matrix(one: NDArray[np.floating], other: NDArray[np.floating]) -> Floats:
    """Intersection over union of each box with each, float64 (D, F)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = (high - low).clip(0).prod(2)
    areas = [(each[:, 2:] - each[:, :2]).clip(0).prod(1) for each in (one, other)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float64)


def sides(boxes: NDArray[np.floating]) -> Floats:
    """Geometric mean of width and height, px, float64 (N,)."""
    return np.asarray(np.sqrt((boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1)), np.float64)
