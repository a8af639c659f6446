"""Looks wide at some frames of a source only: small faces are found there, and the tracker carries them in between."""

from __future__ import annotations

from collections.abc import Sequence

from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.types import Detection, Image

WIDE_EVERY = 4
"""Of so many frames one is wide. A wide one costs up to four narrow ones, so a frame costs less than twice as much."""


class NowAndThenWide:
    """Implements `edge.sensor.ports.Detector` for the frames of one source."""

    def __init__(self, detector: NetworkDetector) -> None:
        self._detector, self._frames = detector, 0

    @property
    def target(self) -> str:
        """The target that runs the network."""
        return self._detector.target

    def start(self, image: Image, picture_hw: tuple[int, int] | None = None) -> None:
        """See `edge.sensor.ports.Detector`."""
        self._detector.start(image, picture_hw, wide=self._frames % WIDE_EVERY == 0)
        self._frames += 1

    def wait(self) -> Sequence[Detection]:
        """See `edge.sensor.ports.Detector`."""
        return self._detector.wait()
