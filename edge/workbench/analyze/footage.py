"""Footage: videos and cameras through the very pipeline of the sensor, and on the way every face of every frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

import msgspec

from edge.errors import BadInput, CameraLost, PasserbyError
from edge.machine.stopping import Stop, stopped_by_ctrl_c
from edge.schemas.analyze import AnalyzeError
from edge.schemas.link import Command, SensorMessage
from edge.sensor.assemble import Networks, detector_score, make_book, make_stages
from edge.sensor.pipeline import Pipeline, Presence
from edge.sensor.ports import FrameSource, Tracker, TrackUpdate
from edge.sensor.types import Detection, Frame, Track, VisitSummary
from edge.sensor.visits.book import VisitBook
from edge.settings.settings import Settings
from edge.workbench.analyze.lines import FoundFace, LineWriter
from edge.workbench.analyze.listening import Ending, Listener, Seen, Visited, Watched
from edge.workbench.analyze.pictures import look_at
from edge.workbench.analyze.sources import Named

_WaitFor = Callable[[Callable[[], Frame | None]], Frame | None]


def watch(
    source: FrameSource,
    named: Named,
    listener: Listener,
    settings: Settings,
    networks: Networks,
    *,
    writer: LineWriter | None,
    began_at: float | None = None,
    tick: Callable[[], None],
    on_tracks: Callable[[TrackUpdate, float], None] = lambda update, at: None,
    go_on: Callable[[], bool] = lambda: True,
    presence: Presence | None = None,
) -> Ending:
    """Run a source through the pipeline, report to the listener, close the source; returns how that ended.

    The idle gate is off: faces are detected in every frame. writer: writes the line of each frame;
    None reports visits only.
    began_at: time of the footage's beginning on the frames' clock, by default the first frame's. tick: called after
    every frame. on_tracks: takes the tracks of every frame and its time. go_on: called before every frame is read;
    False ends the source as if it were over. presence is kept true. Ctrl-C at a live source ends it as if it were over;
    at others it raises KeyboardInterrupt.
    """
    with ExitStack() as stack:
        stack.callback(source.close)
        stop = stack.enter_context(closing(Stop()))
        if source.live:
            stack.enter_context(stopped_by_ctrl_c(stop))
        reader = _Reader(source, began_at, go_on, stop.wait_for if source.live else _read_on)
        sink = _Sink(lambda visit: listener.visited(_visited(visit, named.source, reader, historical=not source.live)))
        book = make_book(settings, networks)
        stages = make_stages(_always_looking(settings), networks, book, sink)
        stages = replace(stages, tracker=_Overheard(stages.tracker, on_tracks))
        if writer is not None:
            score = detector_score(settings, networks)
            least_px = settings.attributes.min_face_px
            teller = _Teller(named, networks, book, least_px, stages.tracker, score, reader, writer, listener)
            stages = replace(stages, tracker=teller)
        pipeline = Pipeline(stages, pulse=_Tick(tick), stop=lambda: stop.asked, presence=presence)
        pipeline.run(reader)
        if reader.error is not None:
            listener.failed(AnalyzeError(source=named.source, error=str(reader.error)))
        else:
            listener.ended(_watched(named.source, reader, pipeline.counters.visits))
    return Ending(reader.error, interrupted=stop.asked)


def _always_looking(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, detection=msgspec.structs.replace(settings.detection, motion=0.0))


def _visited(summary: VisitSummary, name: str, reader: _Reader, *, historical: bool) -> Visited:
    return Visited(name, summary, reader.since_s(summary.first_seen), historical)


def _watched(name: str, reader: _Reader, visits: int) -> Watched:
    if reader.newest is None:
        return Watched(name, 0, 0.0, 0, 0, visits)
    height, width = reader.newest.image.shape[:2]
    return Watched(name, reader.frames, reader.since_s(reader.newest.captured_at), width, height, visits)


def _read_on(read: Callable[[], Frame | None]) -> Frame | None:
    return read()


class _Reader:
    """Remembers the newest frame and its times; a source that breaks ends, so that its visits are closed.

    Implements `ports.FrameSource`.
    """

    def __init__(
        self, source: FrameSource, began_at: float | None, go_on: Callable[[], bool], wait_for: _WaitFor
    ) -> None:
        self.live = source.live
        self.error: PasserbyError | None = None
        self.newest: Frame | None = None
        self.frames = 0
        self._source, self._began_at, self._go_on, self._wait_for = source, began_at, go_on, wait_for

    def read(self) -> Frame | None:
        try:
            frame = self._wait_for(self._next)
        except (BadInput, CameraLost) as error:
            self.error = error
            return None
        if frame is not None:
            self.newest = frame
            self.frames += 1
            self._began_at = frame.captured_at if self._began_at is None else self._began_at
        return frame

    def _next(self) -> Frame | None:
        return self._source.read() if self._go_on() else None

    def close(self) -> None:
        self._source.close()

    def since_s(self, at: float) -> float:
        """Seconds from the beginning of the footage to `at`."""
        return max(0.0, at - (self._began_at or 0.0))


class _Teller:
    """Reports every frame's faces on their way through the tracker. Implements `ports.Tracker`.

    A face is told what its visit knows by now; one without a visit, or a look, gets a look of its own. The pipeline has
    waited for the looks of the frame before when it comes here, and begins this frame's afterwards: so the estimator
    is free.
    """

    def __init__(
        self, named: Named, networks: Networks, book: VisitBook, least_px: float, tracker: Tracker, score: float,
        reader: _Reader, writer: LineWriter, listener: Listener,
    ) -> None:  # fmt: skip
        self._named, self._estimator, self._book, self._least_px = named, networks.estimator, book, least_px
        self._tracker, self._score, self._reader = tracker, score, reader
        self._writer, self._listener = writer, listener

    def update(self, detections: Sequence[Detection], at: float, picture_hw: tuple[int, int]) -> TrackUpdate:
        update = self._tracker.update(detections, at, picture_hw)
        frame = self._reader.newest
        assert frame is not None
        found = self._found(frame, detections, update.active)
        line = self._writer.line(self._named.source, frame.image, found, frame.index, self._reader.since_s(at))
        self._listener.seen(Seen(line, frame.image, self._named.place, moving=True, live=self._reader.live))
        return update

    def finish(self) -> Sequence[Track]:
        return self._tracker.finish()

    def _found(self, frame: Frame, detections: Sequence[Detection], tracks: Sequence[Track]) -> list[FoundFace]:
        """Sure faces, and the faint ones that continue a track."""
        ids = {track.box: track.track_id for track in tracks if track.detected}
        faces = [face for face in detections if face.score >= self._score or face.box in ids]
        known = [FoundFace(face, ids.get(face.box), self._book.looks_at(ids.get(face.box))) for face in faces]
        new = [face.detection for face in known if not face.looks]
        own = iter(look_at(self._estimator, frame.image, new, self._least_px))
        return [face if face.looks else next(own)._replace(track_id=face.track_id) for face in known]


class _Overheard:
    """Passes on what a tracker follows. Implements `ports.Tracker`."""

    def __init__(self, tracker: Tracker, on_tracks: Callable[[TrackUpdate, float], None]) -> None:
        self._tracker, self._on_tracks = tracker, on_tracks

    def update(self, detections: Sequence[Detection], at: float, picture_hw: tuple[int, int]) -> TrackUpdate:
        update = self._tracker.update(detections, at, picture_hw)
        self._on_tracks(update, at)
        return update

    def finish(self) -> Sequence[Track]:
        return self._tracker.finish()


class _Sink:
    """Takes the pipeline's visits. Implements `ports.VisitSink`."""

    def __init__(self, take: Callable[[VisitSummary], None]) -> None:
        self._take = take

    def visit(self, summary: VisitSummary) -> None:
        self._take(summary)

    def send(self, message: SensorMessage) -> None:
        """Live and health messages are for a broker."""

    def commands(self) -> Sequence[Command]:
        return ()

    def flush(self, timeout_s: float) -> bool:
        return True


class _Tick:
    """Implements `edge.sensor.pipeline.Pulse`."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick

    def beat(self, frame_at: float) -> None:
        self._tick()

    def ask(self) -> None:
        """Nobody asks."""
