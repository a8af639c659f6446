"""Zones: faces that do not count are taken out right after detection, so that nothing behind it knows of them."""

from __future__ import annotations

from collections.abc import Sequence

from edge.sensor.ports import Detector
from edge.sensor.types import Detection, Image
from edge.settings.settings import Zone
from edge.settings.zones import counts


class Zoned:
    """Another detector's faces, but for those that zones leave out. Implements `edge.sensor.ports.Detector`.

    The zones are fractions of the images that come here, which are turned already.
    """

    def __init__(self, detector: Detector, zones: Sequence[Zone]) -> None:
        self._detector, self._zones = detector, zones
        self._image_hw = 0, 0

    @property
    def target(self) -> str:
        """The target that runs the detector."""
        return self._detector.target

    def start(self, image: Image, picture_hw: tuple[int, int] | None = None) -> None:
        """See `edge.sensor.ports.Detector`."""
        self._detector.start(image, picture_hw)
        self._image_hw = image.shape[0], image.shape[1]

    def wait(self) -> Sequence[Detection]:
        """See `edge.sensor.ports.Detector`."""
        return [face for face in self._detector.wait() if is_counted(face, self._zones, self._image_hw)]


def is_counted(face: Detection, zones: Sequence[Zone], image_hw: tuple[int, int]) -> bool:
    """Whether a face counts: by the centre of its box, as far as that lies in the image of (height, width) px."""
    height, width = image_hw
    x, y = face.box.clipped(width, height).centre
    return counts(zones, x / width, y / height)
