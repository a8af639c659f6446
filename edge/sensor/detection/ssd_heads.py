"""Decoder of SSD networks that end in their raw heads, as conversion cuts them off before a DetectionOutput layer.

Source: Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016; the layer's code type CENTER_SIZE.

`outputs` keys that a manifest names (P = priors, in the order of the manifest's `[priors]`):

* `scores` float32, P rows of 2: probabilities of background and face
* `boxes` float32, P rows of 4: raw offsets of centre x, y and log size against the priors

Without landmarks; any size that the priors were made for.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge.catalog.manifest import PriorLevel, Priors
from edge.sensor.detection.candidates import Candidates, Floats, FloatTensors


def decode(outputs: FloatTensors, input_hw: tuple[int, int], low_score: float, priors: Priors) -> Candidates:
    """Faces with a score of at least low_score."""
    variances = priors.centre_variance, priors.size_variance
    return decode_offsets(outputs, input_hw, low_score, make_priors(priors, input_hw), variances)


def decode_offsets(
    outputs: FloatTensors, input_hw: tuple[int, int], low_score: float, priors: Floats, variances: tuple[float, float]
) -> Candidates:
    """The same against priors as `make_priors` gives them; variances: what scales the offsets of centre and size."""
    scores = outputs["scores"].reshape(-1, 2)[:, 1]
    kept = np.flatnonzero(scores >= low_score)
    offsets, prior = outputs["boxes"].reshape(-1, 4)[kept], priors[kept]
    size = np.array(input_hw[::-1], np.float32)
    centre = (prior[:, :2] + offsets[:, :2] * variances[0] * prior[:, 2:]) * size
    half = np.exp(offsets[:, 2:] * variances[1]) * prior[:, 2:] * size / 2
    return Candidates(np.concatenate((centre - half, centre + half), axis=1).astype(np.float32), scores[kept], None)


@lru_cache(maxsize=8)
def make_priors(priors: Priors, input_hw: tuple[int, int]) -> Floats:
    """Priors float32 (P, 4): centre x, y, width, height as shares of the input, in output order."""
    values = np.concatenate([_make_level(level, input_hw) for level in priors.levels])
    if priors.clip:
        values = _clip(values)
    made = values.astype(np.float32)
    made.flags.writeable = False
    return made


def _make_level(level: PriorLevel, input_hw: tuple[int, int]) -> NDArray[np.float64]:
    height, width = input_hw
    y, x, kind = np.meshgrid(
        np.arange(level.rows), np.arange(level.columns), np.arange(len(level.sides_px)), indexing="ij"
    )
    sides = np.array(level.sides_px)[kind]
    step_x, step_y = level.step_px
    centre_x, centre_y = (x + level.offset) * step_x / width, (y + level.offset) * step_y / height
    return np.stack((centre_x, centre_y, sides[..., 0] / width, sides[..., 1] / height), axis=-1).reshape(-1, 4)


def _clip(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut the corners to the input: the centre of a prior at the border moves."""
    half = values[:, 2:] / 2
    low, high = (values[:, :2] - half).clip(0, 1), (values[:, :2] + half).clip(0, 1)
    return np.concatenate(((low + high) / 2, high - low), axis=1)
