"""The way of a frame through the sensor, on one page.

    frame -> detect -> track -> people only -> which tracks are due? -> estimate those in one batch -> visits
    -> ended visits -> sink

The looks begun at frame n are finished after the detection of frame n+1 has begun, so both networks run at once;
never more than one frame is in flight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

import numpy as np

from edge.errors import BadInput, CameraLost, InferenceError
from edge.schemas.link import HealthRequest
from edge.sensor.geometry import Box
from edge.sensor.pausing import Pauses
from edge.sensor.ports import AttributeEstimator, Detector, FrameSource, Stilled, Tracker, TrackUpdate, VisitSink
from edge.sensor.types import AttributeEstimate, Detection, Frame, Image, Track, VisitSummary


class Gate(Protocol):
    """Decides whether a frame is worth a detection."""

    def opens(self, image: Image, at: float, *, anyone: bool) -> bool:
        """See `edge.sensor.detection.idle.IdleGate`."""


class Visits(Protocol):
    """The open visits; see `edge.sensor.visits.book.VisitBook`."""

    def observe(self, tracks: Sequence[Track], at: float) -> Sequence[VisitSummary]:
        """Count dwell and attention of the tracks at `at` seconds; returns visits that ran too long and were cut."""

    def due(self, tracks: Sequence[Track], at: float) -> Sequence[Track]:
        """The tracks whose face is due for a look now."""

    def add(self, track_id: int, estimate: AttributeEstimate, at: float) -> None:
        """Keep a look at a track's face."""

    def end(self, tracks: Sequence[Track], reason: str) -> Sequence[VisitSummary]:
        """Close the visits of these tracks."""

    def withdraw(self, tracks: Sequence[Track]) -> None:
        """Close the visits of these tracks as if they had never been."""


class Stillness(Protocol):
    """Tells people from faces that never move; see `edge.sensor.stillness.faces.StaticFaces`."""

    @property
    def static(self) -> int:
        """How many faces in view are static now."""

    def sort(self, frame: Frame, update: TrackUpdate) -> Stilled:
        """The people among the tracks of a frame, and the tracks that turned out to be none."""

    def people(self, tracks: Sequence[Track]) -> Sequence[Track]:
        """The people among tracks that were given to `sort`."""


class Pulse(Protocol):
    """What is sent between visits; see `edge.sensor.uplink.heartbeat.Heartbeat`."""

    def beat(self, frame_at: float) -> None:
        """Called after every frame."""

    def ask(self) -> None:
        """Send health at the next frame."""


class Outcome(Enum):
    """Why the loop ended."""

    SOURCE_ENDED = "source_ended"
    PAUSED = "paused"
    STOPPED = "stopped"
    CAMERA_LOST = "camera_lost"


@dataclass(slots=True)
class Counters:
    """What the loop has done so far."""

    frames: int = 0
    detections: int = 0
    faces: int = 0
    looks: int = 0
    visits: int = 0
    static_faces: int = 0
    """In view now."""


@dataclass(slots=True)
class Presence:
    """Who is there: `anyone` while a track is open, `in_view` where the newest picture shows a face of one."""

    anyone: bool = False
    in_view: bool = False


@dataclass(frozen=True, slots=True)
class Stages:
    """The parts that the loop joins. `quality` rates a track's face in a frame's image, 0-1; no estimator, no looks.

    stillness: None takes every face for a person.
    """

    gate: Gate
    detector: Detector
    tracker: Tracker
    estimator: AttributeEstimator | None
    quality: Callable[[Image, Track], float]
    min_quality: float
    max_batch: int
    visits: Visits
    sink: VisitSink
    stillness: Stillness | None = None


class Look(NamedTuple):
    """A face whose attributes are being estimated."""

    track_id: int
    at: float


class Pipeline:
    """Runs the frames of one source through the stages until it ends or somebody asks to stop."""

    def __init__(
        self,
        stages: Stages,
        *,
        pulse: Pulse,
        stop: Callable[[], bool],
        pauses: Pauses | None = None,
        presence: Presence | None = None,
    ) -> None:
        """`pauses`: by default only commands pause. `presence` is kept true."""
        self._stages, self._pulse, self._stop = stages, pulse, stop
        self._pauses = pauses or Pauses()
        self._presence = presence or Presence()
        self.loss: CameraLost | None = None
        """Why the camera was lost, where the outcome says so."""
        self._outcome = Outcome.SOURCE_ENDED
        self._fault: BadInput | None = None
        self.counters = Counters()

    def run(self, source: FrameSource) -> Outcome:
        """Take frames until the end; then close every open visit, whatever the reason for the end.

        After a pause the same source may be run on. Raises BadInput for a torn source, InferenceError, both after the
        visits are closed.
        """
        self._outcome = Outcome.SOURCE_ENDED
        try:
            self._see(source)
        except InferenceError:
            self._outcome = Outcome.STOPPED
            raise
        finally:
            self._close()
        if self._fault is not None:
            raise self._fault
        return self._outcome

    def _see(self, source: FrameSource) -> None:
        looks: list[Look] = []
        for frame in self._frames(source):
            self._stages.detector.start(frame.view, frame.hw)
            self._finish(looks)
            update = self._track(frame)
            looks = self._begin_looks(frame, update.active)
            self._report(self._stages.visits.end(update.ended, "left"))
        self._finish(looks)

    def _frames(self, source: FrameSource) -> Iterator[Frame]:
        """The frames that are worth a detection; sets the outcome when they end."""
        while not self._asked_to_end():
            try:
                frame = source.read()
            except CameraLost as loss:
                self._outcome, self.loss = Outcome.CAMERA_LOST, loss
                return
            except BadInput as fault:
                self._fault = fault
                return
            if frame is None:
                return
            self.counters.frames += 1
            anyone = self._presence.anyone
            if not frame.repeated and self._stages.gate.opens(frame.view, frame.captured_at, anyone=anyone):
                yield frame
            self._pulse.beat(frame.captured_at)

    def _track(self, frame: Frame) -> TrackUpdate:
        detections = on_image(self._stages.detector.wait(), frame)
        tracked = self._stages.tracker.update(detections, frame.captured_at, frame.hw)
        update = self._people(frame, tracked)
        self._report(self._stages.visits.observe(update.active, frame.captured_at))
        self._presence.anyone = bool(update.active)
        self._presence.in_view = any(track.detected for track in update.active)
        self.counters.detections += 1
        self.counters.faces += len(detections)
        return update

    def _people(self, frame: Frame, update: TrackUpdate) -> TrackUpdate:
        """Without static faces, whose visits are withdrawn."""
        stillness = self._stages.stillness
        if stillness is None:
            return update
        people, withdrawn = stillness.sort(frame, update)
        self._stages.visits.withdraw(withdrawn)
        self.counters.static_faces = stillness.static
        return people

    def _begin_looks(self, frame: Frame, tracks: Sequence[Track]) -> list[Look]:
        """Start the estimation of the faces that are due and good enough, as one batch."""
        estimator = self._stages.estimator
        if estimator is None:
            return []
        due = self._stages.visits.due(tracks, frame.captured_at)
        rated = [(track, self._stages.quality(frame.image, track)) for track in due]
        # Only then cut to a batch: faces that are never good enough must not stand before those that are.
        good = [(track, quality) for track, quality in rated if quality >= self._stages.min_quality]
        good = good[: self._stages.max_batch]
        if good:
            faces = [Detection(track.box, track.score, track.landmarks) for track, _ in good]
            estimator.start(frame.image, faces, [quality for _, quality in good])
            self.counters.looks += len(good)
        return [Look(track.track_id, frame.captured_at) for track, _ in good]

    def _finish(self, looks: Sequence[Look]) -> None:
        """Wait for the looks that were begun at the frame before."""
        if looks and self._stages.estimator is not None:
            for look, estimate in zip(looks, self._stages.estimator.wait(), strict=True):
                self._stages.visits.add(look.track_id, estimate, look.at)

    def _report(self, ended: Sequence[VisitSummary]) -> None:
        for summary in ended:
            self._stages.sink.visit(summary)
            self.counters.visits += 1

    def _close(self) -> None:
        reason = {Outcome.PAUSED: "paused", Outcome.SOURCE_ENDED: "source_ended"}.get(self._outcome, "stopped")
        tracks = self._stages.tracker.finish()
        people = self._stages.stillness.people(tracks) if self._stages.stillness else tracks
        self._report(self._stages.visits.end(people, reason))
        self.counters.static_faces = 0

    def _asked_to_end(self) -> bool:
        commands = self._stages.sink.commands()
        self._pauses.take(commands)
        if any(isinstance(command, HealthRequest) for command in commands):
            self._pulse.ask()
        if self._pauses.reason():
            self._outcome = Outcome.PAUSED
        if self._stop():
            self._outcome = Outcome.STOPPED
        return self._outcome is not Outcome.SOURCE_ENDED


def on_image(detections: Sequence[Detection], frame: Frame) -> Sequence[Detection]:
    """Faces that were found in the frame's view, in px of its image."""
    if frame.small is None:
        return detections
    across, down = frame.scale
    return [
        Detection(
            Box(box.x_min * across, box.y_min * down, box.x_max * across, box.y_max * down),
            score,
            None if landmarks is None else landmarks * np.array((across, down), np.float32),
        )
        for box, score, landmarks in ((face.box, face.score, face.landmarks) for face in detections)
    ]
