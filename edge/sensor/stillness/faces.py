"""Takes static faces out of what a tracker returns: no visit, no attention, no look; they are people once they move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from edge.sensor.geometry import Box, iou
from edge.sensor.ports import Stilled, TrackUpdate
from edge.sensor.stillness.history import FaceHistory
from edge.sensor.stillness.motion import FaceMotion
from edge.sensor.types import Frame, Track

LOOK_S = 0.5
"""Between two looks."""
FROM_S = 12.0
"""Nobody who is there for less is looked at: passers-by cost nothing."""
SEEN_S = 1.0
"""A face that was found so long ago is looked at where it was: small ones are found in one frame of four."""
REMEMBERED_S = 300.0
"""A face that comes back to its place within this time goes on as what it was: a poster that somebody stood before."""
_MOST_REMEMBERED = 32
_SAME_PLACE_IOU = 0.6


class _Left(NamedTuple):
    """A face that is out of sight: where it was, and when."""

    history: FaceHistory
    box: Box
    at: float


class StaticFaces:
    """Sorts tracks into people and static faces. Implements `edge.sensor.pipeline.Stillness`.

    Memory is bounded: forty seconds of numbers for each track, one grey picture until the next look.
    """

    def __init__(self) -> None:
        self._motion = FaceMotion()
        self._histories: dict[int, FaceHistory] = {}
        self._people_since: dict[int, float] = {}
        self._last: dict[int, Track] = {}
        self._left: list[_Left] = []
        self._looked_at = float("-inf")

    @property
    def static(self) -> int:
        """How many faces in view are static now."""
        return sum(self._is_static(track_id) for track_id in self._last)

    def sort(self, frame: Frame, update: TrackUpdate) -> Stilled:
        """Take the tracks of a frame; see `edge.sensor.ports.Stilled`."""
        for track in update.active:
            if track.track_id not in self._last:
                self._recognise(track, frame.captured_at)
        before = {track.track_id for track in update.active if self._is_static(track.track_id)}
        self._look(frame, update.active)
        ended = self.people(update.ended)
        self._note(update.active, frame.captured_at)
        now = [track for track in update.active if self._is_static(track.track_id)]
        for track_id in before - {track.track_id for track in now}:
            self._people_since[track_id] = frame.captured_at
        return Stilled(
            TrackUpdate(self.people(update.active), ended), [track for track in now if track.track_id not in before]
        )

    def people(self, tracks: Sequence[Track]) -> list[Track]:
        """The tracks that are no static faces; one that was a static face is there since it moved."""
        return [self._since_moved(track) for track in tracks if not self._is_static(track.track_id)]

    def _is_static(self, track_id: int) -> bool:
        history = self._histories.get(track_id)
        return history is not None and history.static

    def _since_moved(self, track: Track) -> Track:
        since = self._people_since.get(track.track_id, track.first_seen)
        return replace(track, first_seen=since, last_seen=max(since, track.last_seen))

    def _look(self, frame: Frame, tracks: Sequence[Track]) -> None:
        at = frame.captured_at
        if 0 <= at - self._looked_at < LOOK_S:
            return
        self._looked_at = at
        seen = [self._place(track) for track in tracks if at - track.last_seen <= SEEN_S]
        stayed = [track for track in seen if track.last_seen - track.first_seen >= FROM_S or self._knows(track)]
        if not stayed:
            self._motion.forget()
            return
        motions = self._motion.look(frame, seen)
        for track in stayed:
            if track.track_id in motions:
                self._histories.setdefault(track.track_id, FaceHistory()).add(motions[track.track_id], at)

    def _knows(self, track: Track) -> bool:
        return track.track_id in self._histories

    def _recognise(self, track: Track, at: float) -> None:
        """Let a new track go on with the history of a face that was in its place."""
        self._left = [left for left in self._left if 0 <= at - left.at <= REMEMBERED_S]
        for left in sorted(self._left, key=lambda left: -iou(left.box, track.box))[:1]:
            if iou(left.box, track.box) >= _SAME_PLACE_IOU:
                self._left.remove(left)
                self._histories[track.track_id] = left.history

    def _note(self, active: Sequence[Track], at: float) -> None:
        """Remember the tracks that are there, and the places of those that are not any more."""
        now = {track.track_id: track for track in active}
        for track_id in set(self._last) - set(now):
            self._people_since.pop(track_id, None)
            if (history := self._histories.pop(track_id, None)) is not None:
                self._left = [*self._left, _Left(history, self._last[track_id].box, at)][-_MOST_REMEMBERED:]
        self._last = {track_id: self._place(track) for track_id, track in now.items()}

    def _place(self, track: Track) -> Track:
        """The track where it was detected last: a predicted box may have run away."""
        return track if track.detected else self._last.get(track.track_id, track)
