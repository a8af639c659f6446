"""Seconds and glances of attention, from frames in which a face is turned to the screen or is not."""

from __future__ import annotations

from math import inf

from edge.sensor.visits.pose import Pose
from edge.settings.settings import Attention

MAX_STEP_S = 1.0
"""Frames further apart say nothing about the time between them: a sleep or a jump of the clock adds no attention."""


def is_facing(pose: Pose | None, cone: Attention) -> bool:
    """Whether a face of this pose is turned to the screen; a face whose pose is unknown is not."""
    return pose is not None and abs(pose.yaw_deg) <= cone.max_yaw_deg and abs(pose.pitch_deg) <= cone.max_pitch_deg


class Gaze:
    """Adds up the time that one face is turned to the screen.

    A glance goes on as long as no more than `gap_s` seconds lie between two frames in which the face is turned to the
    screen: a blink or a missed frame neither ends it nor is taken off it. A single such frame has no length and is not
    a glance yet.
    """

    __slots__ = ("_facing_at", "_gap_s", "_in_glance", "_observed_at", "attention_s", "glances")

    def __init__(self, gap_s: float) -> None:
        self._gap_s = gap_s
        self._observed_at = self._facing_at = -inf
        self._in_glance = False
        self.attention_s = 0.0
        self.glances = 0

    def observe(self, facing: bool, at: float) -> None:
        """Take the frame at `at` seconds; one that is not newer than the last counts for nothing."""
        if at <= self._observed_at:
            return
        if at - self._observed_at > MAX_STEP_S:
            self._facing_at = -inf
        if facing:
            self._face(at)
        self._observed_at = at

    def _face(self, at: float) -> None:
        away_s = at - self._facing_at
        if away_s <= self._gap_s or self._facing_at == self._observed_at > -inf:
            self.attention_s += away_s
            self.glances += not self._in_glance
            self._in_glance = True
        else:
            self._in_glance = False
        self._facing_at = at

    def is_on(self, at: float) -> bool:
        """Whether the face was turned to the screen in the last frame or at most `gap_s` before `at` seconds."""
        return self._facing_at > -inf and (self._facing_at == self._observed_at or at - self._facing_at <= self._gap_s)
