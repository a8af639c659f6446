"""One open visit: its best looks, its gaze, and what may be sent about it when it ends."""

from __future__ import annotations

from math import inf

from edge.sensor.types import AttributeEstimate
from edge.sensor.visits.attention import Gaze


class OpenVisit:
    """A confirmed face since it came. Times are seconds of the frames' clock."""

    __slots__ = ("asked_at", "first_seen", "gaze", "last_seen", "looked_at", "looks", "track_id")

    def __init__(self, track_id: int, first_seen: float, last_seen: float, glance_gap_s: float) -> None:
        self.track_id = track_id
        self.first_seen = first_seen
        self.last_seen = last_seen
        self.gaze = Gaze(glance_gap_s)
        self.looks: list[AttributeEstimate] = []
        self.looked_at = self.asked_at = -inf

    @property
    def dwell_s(self) -> float:
        """Seconds from the first to the last sight of the face, never negative."""
        return self.last_seen - self.first_seen

    @property
    def quality(self) -> float:
        """Mean quality of the looks that are kept, 0-1; 0 without any."""
        return sum(look.quality for look in self.looks) / len(self.looks) if self.looks else 0.0

    def keep(self, look: AttributeEstimate, at: float, most: int) -> None:
        """Add a look, and drop the worst one when there are more than `most`."""
        self.looked_at = max(self.looked_at, at)
        self.looks.append(look)
        if len(self.looks) > most:
            self.looks.pop(min(range(len(self.looks)), key=lambda index: self.looks[index].quality))

    def go_on(self, glance_gap_s: float) -> OpenVisit:
        """The visit that follows when this one was cut: the same face, its looks kept, its time and gaze from now."""
        following = OpenVisit(self.track_id, self.last_seen, self.last_seen, glance_gap_s)
        following.looks = list(self.looks)
        following.looked_at, following.asked_at = self.looked_at, self.asked_at
        return following
