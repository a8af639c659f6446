"""Things put around stages while the bench runs: they record or time, and change nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from edge.schemas.link import Command, SensorMessage
from edge.sensor.ports import InferenceSession, Tracker, TrackUpdate
from edge.sensor.types import Detection, Frame, Image, Tensors, VisitSummary


class MemoryFrames:
    """Frames of a list as a source; implements `edge.sensor.ports.FrameSource`."""

    live = False

    def __init__(self, images: Sequence[Image], fps: float) -> None:
        self._images, self._fps, self._next = images, fps, 0

    def read(self) -> Frame | None:
        """The next frame, its time counted from 0 s."""
        if self._next == len(self._images):
            return None
        frame = Frame(self._images[self._next], self._next, self._next / self._fps)
        self._next += 1
        return frame

    def close(self) -> None:
        """Nothing to release."""


class KeptVisits:
    """A sink that keeps visits in a list; implements `edge.sensor.ports.VisitSink`."""

    def __init__(self) -> None:
        self.visits: list[VisitSummary] = []

    def visit(self, summary: VisitSummary) -> None:
        """Keep it."""
        self.visits.append(summary)

    def send(self, message: SensorMessage) -> None:
        """Let it go."""

    def commands(self) -> Sequence[Command]:
        """None."""
        return ()

    def flush(self, timeout_s: float) -> bool:
        """All is kept."""
        return True


class Silence:
    """A pulse that does nothing."""

    def beat(self, frame_at: float) -> None:
        """Nothing."""

    def ask(self) -> None:
        """Nothing."""


class Recorder:
    """Keeps a copy of the inputs of every inference, to run the very same calls again without anything around them."""

    def __init__(self) -> None:
        self._calls: list[tuple[InferenceSession, Tensors]] = []
        self.recording = False

    def wrap(self, session: InferenceSession) -> InferenceSession:
        """The session with its calls recorded while `recording` is set."""
        return _RecordedSession(session, self)

    def note(self, session: InferenceSession, inputs: Tensors) -> None:
        """Remember one call."""
        if self.recording:
            self._calls.append((session, {name: array.copy() for name, array in inputs.items()}))

    def replay(self) -> None:
        """Run every recorded call again, one after the other."""
        for session, inputs in self._calls:
            session.start(inputs)
            session.wait()


class _RecordedSession:
    def __init__(self, session: InferenceSession, recorder: Recorder) -> None:
        self._session, self._recorder, self.target = session, recorder, session.target

    def start(self, inputs: Tensors) -> None:
        self._recorder.note(self._session, inputs)
        self._session.start(inputs)

    def wait(self) -> Tensors:
        return self._session.wait()

    def close(self) -> None:
        self._session.close()


class SeenFaces:
    """Keeps, frame by frame, the faces that a tracker's open tracks have found; implements
    `edge.sensor.ports.Tracker`."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self.frames: list[list[Detection]] = []

    def update(self, detections: Sequence[Detection], at: float, picture_hw: tuple[int, int]) -> TrackUpdate:
        """Pass on, and keep what was found."""
        update = self._tracker.update(detections, at, picture_hw)
        seen = [Detection(track.box, track.score) for track in update.active if track.detected]
        self.frames.append(seen)
        return update

    def finish(self) -> Any:
        """Pass on."""
        return self._tracker.finish()


class Stopwatch:
    """Adds up the wall time of stages, which changes nothing else about them."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    def around(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, with its time counted under the stage's name."""

        def timed(*arguments: Any, **named: Any) -> Any:
            with self._timed(stage):
                return call(*arguments, **named)

        return timed


class Timed:
    """An object some of whose methods are timed: `methods` maps a method's name to its stage."""

    def __init__(self, inner: Any, watch: Stopwatch, methods: dict[str, str]) -> None:
        self._inner = inner
        for method, stage in methods.items():
            setattr(self, method, watch.around(stage, getattr(inner, method)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
