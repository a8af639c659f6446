"""When the frames of a file are due before a person's eyes."""

from __future__ import annotations

from collections.abc import Callable

CATCHES_UP_S = 0.5
"""A delay that the next frames make up for; a longer one stays."""


class Playback:
    """The pace of footage: each frame at its distance from the first, late ones at once, none left out.

    It differs from `edge.sensor.sources.pacing.Realtime` in that the frames keep their times, however long a pause is.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """clock() is in seconds."""
        self.behind_s = 0.0
        """How much later than its pace the footage is, for want of speed."""
        self._clock = clock
        self._began_at: float | None = None
        self._resumes = False

    def begin_anew(self) -> None:
        """The next frame is the first of other footage."""
        self._began_at, self._resumes, self.behind_s = None, False, 0.0

    def resume(self) -> None:
        """The next frame is due at once, as somebody paused before it: that counts for no delay."""
        self._resumes = True

    def wait_s(self, at_s: float) -> float:
        """Seconds until the frame of at_s seconds of the footage is due; 0 or less is now."""
        now = self._clock()
        if self._began_at is None or self._resumes:
            self._began_at, self._resumes = now - at_s, False
        wait_s = self._began_at + at_s - now
        if wait_s < -CATCHES_UP_S:
            self.behind_s -= wait_s
            self._began_at -= wait_s
        return wait_s
