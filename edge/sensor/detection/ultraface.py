"""Decoder of UltraFace (RFB-320 and slim-320).

Source: github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB (`vision/ssd/config/fd_config.py`): raw SSD heads
(`ssd_heads`) against priors that the network's authors fixed, so that its manifest need not name them.

`outputs` keys that a manifest names (P = priors: 4420 at 320x240):

* `scores` float32 (1, P, 2): probabilities of background and face
* `boxes` float32 (1, P, 4): raw offsets of centre x, y and log size against the priors (not yet corners)

Input: RGB, mean 127, scale 1/128, 320x240 px, resize "stretch". No landmarks.
"""

from __future__ import annotations

from functools import lru_cache

from edge.catalog.manifest import PriorLevel, Priors
from edge.sensor.detection import ssd_heads
from edge.sensor.detection.candidates import Candidates, Floats, FloatTensors

LEVELS = ((8, (10, 16, 24)), (16, (32, 48)), (32, (64, 96)), (64, (128, 192, 256)))
"""Stride in px and sides of the square priors in px."""
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2


def decode(outputs: FloatTensors, input_hw: tuple[int, int], low_score: float) -> Candidates:
    """Faces with a score of at least low_score."""
    prior = make_priors(input_hw)
    return ssd_heads.decode_offsets(outputs, input_hw, low_score, prior, (CENTRE_VARIANCE, SIZE_VARIANCE))


@lru_cache(maxsize=8)
def make_priors(input_hw: tuple[int, int]) -> Floats:
    """Priors float32 (P, 4): centre x, y, width, height as shares of the input, clipped to 0-1, in output order."""
    levels = tuple(_level(input_hw, stride, sides) for stride, sides in LEVELS)
    priors = ssd_heads.make_priors(Priors(levels=levels), input_hw).clip(0, 1)
    priors.flags.writeable = False
    return priors


def _level(input_hw: tuple[int, int], stride: int, sides: tuple[int, ...]) -> PriorLevel:
    rows, columns = (-(-side // stride) for side in input_hw)
    squares = tuple((float(side), float(side)) for side in sides)
    return PriorLevel(rows=rows, columns=columns, step_px=(stride, stride), sides_px=squares)
