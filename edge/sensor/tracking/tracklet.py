"""One face while it is followed: motion, size and the evidence that it is a face."""

from __future__ import annotations

from collections import deque

from edge.sensor.geometry import Box
from edge.sensor.tracking.kalman import CentreFilter, Prediction
from edge.sensor.types import Detection, Track, TrackState

SIZE_SHARE = 0.5
"""Weight of a new detection in the smoothed width and height."""


class Tracklet:
    """The mutable inside of a track; `snapshot` is what leaves the tracker."""

    __slots__ = (
        "_filter", "_height", "_newest", "_scores", "_width", "began_at",
        "confirmed", "first_seen", "hidden_s", "last_seen", "last_sure", "missed", "predicted", "side", "track_id",
    )  # fmt: skip

    def __init__(self, track_id: int, detection: Detection, at: float, confirm_hits: int) -> None:
        self.track_id = track_id
        self.first_seen = self.last_seen = self.last_sure = at
        self.confirmed = False
        self.missed = False
        self.hidden_s = 0.0
        self._newest = detection
        self._scores: deque[float] = deque((detection.score,), maxlen=confirm_hits)
        self._width, self._height = detection.box.width, detection.box.height
        self.side = max(detection.box.side, 1.0)
        self._filter = CentreFilter(*detection.box.centre)
        self.predicted = self._filter.predict(0.0)
        self.began_at = self._filter.x, self._filter.y

    def predict(self, at: float) -> Prediction:
        """Expect the face at `at` seconds and remember it as `predicted`."""
        self.predicted = self._filter.predict(max(0.0, at - self.last_seen))
        return self.predicted

    def see(self, detection: Detection, at: float, *, sure: bool) -> None:
        """Take this frame's detection; `sure` says that its score alone makes it a face."""
        x, y = detection.box.centre
        self._filter.correct(x, y, max(0.0, at - self.last_seen))
        self._width += SIZE_SHARE * (detection.box.width - self._width)
        self._height += SIZE_SHARE * (detection.box.height - self._height)
        self.side = max((self._width * self._height) ** 0.5, 1.0)
        self._newest = detection
        self._scores.append(detection.score)
        self.last_seen = max(at, self.last_seen)
        self.last_sure = self.last_seen if sure else self.last_sure
        self.missed = False
        self.hidden_s = 0.0

    def is_face(self, score: float) -> bool:
        """Whether enough detections in a row were seen, with a mean score of at least `score`."""
        scores = self._scores
        return len(scores) == scores.maxlen and sum(scores) >= score * len(scores)

    def go_on_as(self, lost: Tracklet) -> None:
        """Be the lost face that is back: its name, its time, and as sure a face as it was."""
        self.track_id, self.first_seen = lost.track_id, lost.first_seen
        self.confirmed = True

    @property
    def seen_at(self) -> tuple[float, float]:
        """Filtered centre at the last sight; px."""
        return self._filter.x, self._filter.y

    @property
    def velocity(self) -> tuple[float, float]:
        """Filtered velocity at the last sight; px/s."""
        return self._filter.vx, self._filter.vy

    @property
    def hits(self) -> int:
        """Detections of late, at most as many as confirm a track."""
        return len(self._scores)

    @property
    def box(self) -> Box:
        """This frame's detection, or where the face is expected while it is out of sight; px."""
        if not self.missed:
            return self._newest.box
        half_width, half_height = self._width / 2, self._height / 2
        x, y, _ = self.predicted
        return Box(x - half_width, y - half_height, x + half_width, y + half_height)

    @property
    def expected_box(self) -> Box:
        """The smoothed box round the predicted centre; px."""
        half_width, half_height = self._width / 2, self._height / 2
        x, y, _ = self.predicted
        return Box(x - half_width, y - half_height, x + half_width, y + half_height)

    def state(self) -> TrackState:
        """Where the track is in its life, ended excluded."""
        if not self.confirmed:
            return TrackState.TENTATIVE
        return TrackState.LOST if self.missed else TrackState.CONFIRMED

    def snapshot(self, state: TrackState | None = None) -> Track:
        """The track as a value, in its own state or the given one."""
        newest, missed = self._newest, self.missed
        return Track(
            self.track_id,
            state or self.state(),
            self.box,
            newest.score,
            None if missed else newest.landmarks,
            self.first_seen,
            self.last_seen,
            not missed,
        )
