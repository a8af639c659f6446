"""Seconds and glances of looking at the screen, from frames in which a face looks or does not."""

from __future__ import annotations

from math import inf

from edge.sensor.visits.pose import Pose
from edge.settings.settings import Attention

MAX_STEP_S = 1.0
"""Frames further apart say nothing of the time between them: a sleep or a jump of the clock adds no attention."""


def is_looking(pose: Pose | None, cone: Attention) -> bool:
    """Whether a face turned like this looks at the screen; a face whose pose is unknown does not."""
    return pose is not None and abs(pose.yaw_deg) <= cone.max_yaw_deg and abs(pose.pitch_deg) <= cone.max_pitch_deg


class Gaze:
    """Adds up one face's looks.

    A glance runs from one look to another as long as no more than `gap_s` seconds lie between two of them: a blink or a
    missed frame neither ends it nor is taken off it. A look in a single frame has no length and is no glance yet.
    """

    __slots__ = ("_gap_s", "_in_glance", "_looked_at", "_observed_at", "attention_s", "glances")

    def __init__(self, gap_s: float) -> None:
        self._gap_s = gap_s
        self._observed_at = self._looked_at = -inf
        self._in_glance = False
        self.attention_s = 0.0
        self.glances = 0

    def observe(self, looking: bool, at: float) -> None:
        """Take the frame at `at` seconds; one that is not newer than the last counts for nothing."""
        if at <= self._observed_at:
            return
        if at - self._observed_at > MAX_STEP_S:
            self._looked_at = -inf
        if looking:
            self._look(at)
        self._observed_at = at

    def _look(self, at: float) -> None:
        away_s = at - self._looked_at
        if away_s <= self._gap_s or self._looked_at == self._observed_at > -inf:
            self.attention_s += away_s
            self.glances += not self._in_glance
            self._in_glance = True
        else:
            self._in_glance = False
        self._looked_at = at

    def looks(self, at: float) -> bool:
        """Whether the face looked in the last frame or at most `gap_s` before `at` seconds."""
        return self._looked_at > -inf and (self._looked_at == self._observed_at or at - self._looked_at <= self._gap_s)
