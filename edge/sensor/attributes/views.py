"""The pictures of one look: a face as it is cut, mirrored, a little higher, and mirrored a little lower.

A network's answers move when a face lies a few pixels elsewhere in its picture, as landmarks do from frame to frame.
Looks are few, so each can afford to ask more than once. The answers' mean (the linear opinion pool; M. Stone, "The
opinion pool", Annals of Mathematical Statistics 32(4), 1961) is the less sure the more they differ.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edge.catalog.manifest import Crop
from edge.sensor.attributes.decoded import Probs
from edge.sensor.imaging import align_face, crop_square
from edge.sensor.types import Detection, Image

SHIFT = 4 / 112
"""Of the side of the template, or of the square round the box."""


class View(NamedTuple):
    """One picture of a face. down: how far its frame lies below the face's own, as a share of the frame's side."""

    down: float
    mirrored: bool


VIEWS = (View(0.0, False), View(0.0, True), View(SHIFT, False), View(-SHIFT, True))
"""Measured on 1,878 faces of FairFace, on which no network of ours was trained, with landmarks that are off by up to
4 px of 112: against one view 91.3 instead of 89.8 % of genders are right, and the probability moves by .15 instead of
.27 (95th percentile). Two views (the first and the last) come to 91.1 % and .19, eighteen to 91.1 % and .12.
"""


def cut_views(image: Image, face: Detection, crop: Crop, hw: tuple[int, int]) -> list[Image]:
    """The pictures of a face that a network wants, each uint8 hw (height, width) px, in the order of `VIEWS`."""
    return [_cut(image, face, crop, hw, view) for view in VIEWS]


def _cut(image: Image, face: Detection, crop: Crop, hw: tuple[int, int], view: View) -> Image:
    picture = cut_face(image, face, crop, hw, view.down)
    return np.ascontiguousarray(picture[:, ::-1]) if view.mirrored else picture


def cut_face(image: Image, face: Detection, crop: Crop, hw: tuple[int, int], down: float = 0.0) -> Image:
    """The picture of a face that a network wants, hw (height, width) px; `down` as in `View`.

    A face without landmarks gets the square round its box: measured on 2,000 AAF photographs with YuNet's boxes and
    retail-0013, gender stays right as often (95.8 % against 94.5 %) and years lose 0.4.
    """
    if crop.align == "landmarks" and face.landmarks is not None:
        return align_face(image, face.landmarks, crop.template, hw, crop.margin, down)
    return crop_square(image, face.box, hw, crop.margin, down)


class Fused(NamedTuple):
    """probs: float32 (K,), sum 1. spread: how far the views' answers are apart, nats; 0 where they agree."""

    probs: Probs
    spread: float


def fuse(views: Probs) -> Fused:
    """One answer of several, float32 (views, K), whose rows sum to 1.

    The spread is the Jensen-Shannon divergence (J. Lin, "Divergence measures based on the Shannon entropy", IEEE
    Transactions on Information Theory 37(1), 1991).
    """
    mean = views.mean(axis=0)
    spread = _entropy(mean[None]) - _entropy(views)
    return Fused(np.asarray(mean, np.float32), max(0.0, spread))


def _entropy(probs: Probs) -> float:
    """Mean of the rows' entropies, nats."""
    logs = np.log(np.maximum(probs, np.finfo(np.float32).tiny))
    return -float((probs * logs).sum(axis=-1, dtype=np.float64).mean())
