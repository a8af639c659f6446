"""What the parts of an animation have in common, whatever file they come from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""uint8 (H, W, 4) BGRA."""

_LEAST_S, USUAL_S = 0.011, 0.1


class CutOff(ValueError):
    """The file ends before its frames do."""


class Disposal(Enum):
    """What becomes of a part before the next one is drawn."""

    KEEP = "keep"
    CLEAR = "clear"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of one frame, not decoded yet.

    content: the bytes of a still picture that holds it. left, top, width, height: px of the canvas. shown_s: seconds
    until the next frame. blend: drawn over what is there, else in its place. palette: uint8 (256, 4) BGRA where the
    picture's grey levels are places in it.
    """

    content: bytes
    left: int
    top: int
    width: int
    height: int
    shown_s: float
    blend: bool
    disposal: Disposal
    palette: Pixels | None = None


def shown_s(stated_s: float) -> float:
    """How long a frame is really shown: browsers take 0 and 10 ms, which nobody means, for 100 ms."""
    return stated_s if stated_s >= _LEAST_S else USUAL_S
