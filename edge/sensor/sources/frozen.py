"""Notices a live source that shows the same picture again and again while somebody is in it: a camera that hangs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edge.clock import boottime
from edge.errors import CameraLost, explain
from edge.sensor.ports import FrameSource
from edge.sensor.types import Frame, Image

_GLANCE = slice(None, None, 16)
"""Rows and columns that are compared first: noise and movement show in them."""
_AGAIN_S = 0.5
"""Between two repeated frames that are given after all; a tracker waits longer for a face (`tracking.max_gap_s`)."""


class Unfrozen:
    """A live source's frames; those that repeat the picture before are marked. Implements `ports.FrameSource`.

    With somebody in view every picture differs, if only by noise. So time stands still until a new picture
    comes. If it comes in time the camera only stuttered, and some of the repeated frames are given before
    it, since the person was there. If none comes the camera hangs, and visits have ended at its last new picture.
    """

    def __init__(
        self,
        source: FrameSource,
        frozen_s: float,
        in_view: Callable[[], bool],
        clock: Callable[[], float] = boottime,
    ) -> None:
        """frozen_s: how long a picture or the time may stay the same; 0 is for ever. in_view: is somebody?"""
        self.live = source.live
        self._source, self._frozen_s, self._in_view, self._clock = source, frozen_s, in_view, clock
        self._picture: Frame | None = None
        self._repeated: list[Frame] = []
        self._due: deque[Frame] = deque()
        self._newest_at = self._moved_at = float("-inf")

    def read(self) -> Frame | None:
        """Return the next frame. Raises CameraLost when the source is frozen, and what the source raises."""
        if self._due:
            return self._due.popleft()
        frame = self._source.read()
        if frame is None or not self.live or not self._frozen_s:
            return frame
        if not self._is_later(frame):
            return replace(frame, repeated=True)
        if self._shows_the_same(frame):
            return self._repeat(frame)
        self._picture = frame if self._in_view() else None
        if self._repeated:
            self._due.extend((*self._repeated[1:], frame))
            frame, self._repeated = self._repeated[0], []
        return frame

    def close(self) -> None:
        """Close the source; safe to call twice."""
        self._picture, self._repeated = None, []
        self._due.clear()
        self._source.close()

    def _is_later(self, frame: Frame) -> bool:
        """Whether the source's clock goes on."""
        now = self._clock()
        if frame.captured_at > self._newest_at:
            self._newest_at, self._moved_at = frame.captured_at, now
            return True
        if now - self._moved_at >= self._frozen_s:
            raise self._frozen("its times stand still")
        return False

    def _shows_the_same(self, frame: Frame) -> bool:
        return self._picture is not None and self._in_view() and _equal(frame.image, self._picture.image)

    def _repeat(self, frame: Frame) -> Frame:
        assert self._picture is not None
        if frame.captured_at - self._picture.captured_at >= self._frozen_s:
            raise self._frozen("the same picture again and again, with somebody in it")
        before = self._repeated[-1] if self._repeated else self._picture
        if frame.captured_at - before.captured_at >= _AGAIN_S:
            self._repeated.append(replace(self._picture, index=frame.index, captured_at=frame.captured_at))
        return replace(frame, repeated=True)

    def _frozen(self, how: str) -> CameraLost:
        return CameraLost(explain(f"frozen for {self._frozen_s:g} s: {how}", where="camera"))


def _equal(image: Image, other: Image) -> bool:
    """Whether no pixel differs."""
    return np.array_equal(image[_GLANCE, _GLANCE], other[_GLANCE, _GLANCE]) and np.array_equal(image, other)
