"""Turns the frames of a camera that hangs on its side or upside down."""

from __future__ import annotations

from dataclasses import replace

from edge.sensor.imaging import rotate
from edge.sensor.ports import FrameSource
from edge.sensor.types import Frame


class Rotated:
    """Another source's frames turned clockwise. Implements `ports.FrameSource`."""

    def __init__(self, source: FrameSource, degrees: int) -> None:
        """Take a source and 90, 180 or 270 degrees."""
        self.live = source.live
        self._source = source
        self._degrees = degrees

    def read(self) -> Frame | None:
        """Return the next frame, turned; errors are those of the source."""
        frame = self._source.read()
        if frame is None:
            return None
        small = None if frame.small is None else rotate(frame.small, self._degrees)
        return replace(frame, image=rotate(frame.image, self._degrees), small=small)

    def close(self) -> None:
        """Close the source."""
        self._source.close()
