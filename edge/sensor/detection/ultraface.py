"""Decoder of UltraFace (RFB-320 and slim-320).

Source: github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB (`vision/ssd/config/fd_config.py`), an SSD head
after Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016.

`outputs` keys that a manifest names (P = priors: 4420 at 320x240):

* `scores` float32 (1, P, 2): probabilities of background and face
* `boxes` float32 (1, P, 4): raw offsets of centre x, y and log size against the priors (not yet corners)

Input: RGB, mean 127, scale 1/128, 320x240 px, resize "stretch". No landmarks.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from edge.sensor.detection.candidates import Candidates, Floats, FloatTensors

LEVELS = ((8, (10, 16, 24)), (16, (32, 48)), (32, (64, 96)), (64, (128, 192, 256)))
"""Stride in px and sides of the square priors in px."""
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2


def decode(outputs: FloatTensors, input_hw: tuple[int, int], low_score: float) -> Candidates:
    """Faces with a score of at least low_score."""
    scores = outputs["scores"].reshape(-1, 2)[:, 1]
    kept = np.flatnonzero(scores >= low_score)
    offsets, prior = outputs["boxes"].reshape(-1, 4)[kept], make_priors(input_hw)[kept]
    size = np.array(input_hw[::-1], np.float32)
    centre = (prior[:, :2] + offsets[:, :2] * CENTRE_VARIANCE * prior[:, 2:]) * size
    half = np.exp(offsets[:, 2:] * SIZE_VARIANCE) * prior[:, 2:] * size / 2
    return Candidates(np.concatenate((centre - half, centre + half), axis=1), scores[kept], None)


@lru_cache(maxsize=8)
def make_priors(input_hw: tuple[int, int]) -> Floats:
    """Priors float32 (P, 4): centre x, y, width, height as shares of the input, clipped to 0-1, in output order."""
    priors = np.concatenate([_make_level(input_hw, stride, sides) for stride, sides in LEVELS]).clip(0, 1)
    priors.flags.writeable = False
    return priors.astype(np.float32)


def _make_level(input_hw: tuple[int, int], stride: int, sides: tuple[int, ...]) -> Floats:
    height, width = input_hw
    y, x, side = np.meshgrid(np.arange(-(-height // stride)), np.arange(-(-width // stride)), sides, indexing="ij")
    level = np.stack(((x + 0.5) * stride / width, (y + 0.5) * stride / height, side / width, side / height), axis=-1)
    return level.reshape(-1, 4).astype(np.float32)
