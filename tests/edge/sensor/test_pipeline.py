"""The sensor's loop: the order of its steps, how it ends, what it lets through; with stages that keep a journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from edge.errors import BadInput, CameraLost, InferenceError
from edge.schemas.link import Command, HealthRequest, Pause, Resume
from edge.schemas.taxonomy import ADS_8
from edge.sensor.detection.idle import IdleGate
from edge.sensor.geometry import Box
from edge.sensor.pausing import Pauses
from edge.sensor.pipeline import Outcome, Pipeline, Presence, Stages, on_image
from edge.sensor.ports import Tracker, TrackUpdate
from edge.sensor.sources.fake import ScriptedSource, draw_scene
from edge.sensor.tracking.tracker import FaceTracker
from edge.sensor.types import AttributeEstimate, Detection, Frame, Image, Track
from edge.sensor.visits.book import VisitBook
from edge.sensor.visits.fusion import Fusion
from edge.settings.settings import Detection as DetectionSettings
from edge.settings.settings import Pause as PauseSettings
from edge.settings.settings import Settings, Tracking
from edge.workbench.bench.probes import KeptVisits, Silence

FPS = 10.0
Journal = list[str]
Script = dict[int, Command | tuple[Command, ...]]
"""Frame -> what the publisher says before it."""

LEFT, RIGHT = Box(10, 10, 60, 60), Box(200, 10, 250, 60)


def frames(count: int, first: int = 0) -> list[Frame]:
    return [Frame(draw_scene(n, (180, 320)), n, n / FPS) for n in range(first, first + count)]


def face(box: Box, score: float = 0.9) -> Detection:
    return Detection(box, score)


class Detector:
    """Finds what the script says, frame by frame; the last entry holds for all that follow."""

    target = "fake:CPU"

    def __init__(self, journal: Journal, script: Iterable[Sequence[Detection]]) -> None:
        self._journal, self._script = journal, list(script)
        self._frame = -1

    def start(self, image: Image, picture_hw: tuple[int, int] | None = None) -> None:
        self._frame += 1
        self._journal.append(f"detect {self._frame}")

    def wait(self) -> Sequence[Detection]:
        self._journal.append(f"faces {self._frame}")
        return self._script[min(self._frame, len(self._script) - 1)]


class Estimator:
    """Says the same of every face; one batch in flight, as the port wants it."""

    target = "fake:CPU"

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.batches: list[int] = []
        self._running = 0

    def start(self, image: Image, faces: Sequence[Detection], qualities: Sequence[float]) -> None:
        assert not self._running, "a second batch in flight"
        assert len(faces) == len(qualities)
        self._journal.append(f"look at {len(faces)}")
        self.batches.append(len(faces))
        self._running = len(faces)

    def wait(self) -> Sequence[AttributeEstimate]:
        assert self._running, "no batch was begun"
        self._journal.append("looked")
        count, self._running = self._running, 0
        woman = np.array([0.9, 0.1], np.float32)
        return [AttributeEstimate(None, woman, quality=0.8)] * count


class Sink(KeptVisits):
    """Keeps visits; gives commands before the frames that the script names."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__()
        self._script = script or {}
        self._asked = -1

    def commands(self) -> Sequence[Command]:
        self._asked += 1
        said = self._script.get(self._asked, ())
        return said if isinstance(said, tuple) else (said,)

    @property
    def reasons(self) -> list[str]:
        return [visit.end_reason for visit in self.visits]


class Pulse(Silence):
    def __init__(self) -> None:
        self.beats: list[float] = []
        self.asked: list[int] = []

    def beat(self, frame_at: float) -> None:
        self.beats.append(frame_at)

    def ask(self) -> None:
        self.asked.append(len(self.beats))


class Loop:
    """The real loop, tracker, book and gate; detector and estimator follow a script."""

    def __init__(
        self,
        script: Iterable[Sequence[Detection]],
        *,
        quality: Callable[[Image, Track], float] = lambda image, track: 1.0,
        commands: Script | None = None,
        stop: Callable[[], bool] = lambda: False,
        pauses: Pauses | None = None,
        motion: float = 0.0,
        estimating: bool = True,
        max_batch: int = 4,
        tracker: Tracker | None = None,
        presence: Presence | None = None,
    ) -> None:
        settings = Settings(tracking=Tracking(max_gap_s=0.5))
        self.journal: Journal = []
        self.estimator = Estimator(self.journal)
        self.sink = Sink(commands)
        self.pulse = Pulse()
        self.book = VisitBook(
            visits=settings.visits,
            attributes=settings.attributes,
            attention=settings.attention,
            minors="unknown",
            fusion=Fusion(ADS_8, lambda probs: probs),
        )
        stages = Stages(
            gate=IdleGate(DetectionSettings(motion=motion)),
            detector=Detector(self.journal, script),
            tracker=tracker or FaceTracker(settings.tracking, 0.5),
            estimator=self.estimator if estimating else None,
            quality=quality,
            min_quality=0.25,
            max_batch=max_batch,
            visits=self.book,
            sink=self.sink,
        )
        self.pipeline = Pipeline(stages, pulse=self.pulse, stop=stop, pauses=pauses, presence=presence)

    def run(self, *steps: Frame | CameraLost | BadInput) -> Outcome:
        return self.pipeline.run(ScriptedSource(steps))


def test_one_frame_goes_through_the_steps_in_order() -> None:
    loop = Loop([[face(LEFT)]])
    loop.run(*frames(3))
    assert loop.journal == [
        "detect 0", "faces 0",
        "detect 1", "faces 1",
        "detect 2", "faces 2", "look at 1",  # three hits confirm the track
        "looked",
    ]  # fmt: skip


def test_the_next_detection_has_begun_before_the_looks_of_a_frame_are_waited_for() -> None:
    loop = Loop([[face(LEFT)]])
    loop.run(*frames(40))
    begun = [position for position, word in enumerate(loop.journal) if word.startswith("look at")]
    assert len(begun) >= 5
    for position in begun:
        frame = int(loop.journal[position - 1].split()[1])
        assert loop.journal[position + 1 : position + 4] == [f"detect {frame + 1}", "looked", f"faces {frame + 1}"]


def test_looks_of_the_last_frame_are_waited_for_at_the_end() -> None:
    loop = Loop([[face(LEFT)]])
    assert loop.run(*frames(10)) is Outcome.SOURCE_ENDED
    assert loop.journal.count("looked") == len(loop.estimator.batches)
    assert loop.sink.visits[0].samples == loop.pipeline.counters.looks == len(loop.estimator.batches)


@pytest.mark.parametrize("faces", [[face(LEFT)], [face(LEFT), face(RIGHT)]])
def test_the_end_of_the_source_closes_every_open_visit(faces: list[Detection]) -> None:
    loop = Loop([faces])
    assert loop.run(*frames(20)) is Outcome.SOURCE_ENDED
    assert loop.sink.reasons == ["source_ended"] * len(faces)
    assert [visit.dwell_s for visit in loop.sink.visits] == pytest.approx([1.9] * len(faces))
    assert len(loop.book) == 0


def test_a_repeated_frame_is_not_looked_at_and_the_pulse_goes_on() -> None:
    loop = Loop([[face(LEFT)]])
    shown = frames(20)
    again = [replace(shown[-1], index=n, captured_at=n / FPS, repeated=True) for n in range(20, 60)]
    hangs = CameraLost("camera: frozen")
    assert loop.run(*shown, *again, hangs) is Outcome.CAMERA_LOST
    assert loop.pipeline.loss is hangs
    assert loop.sink.reasons == ["stopped"]
    assert [visit.dwell_s for visit in loop.sink.visits] == pytest.approx([1.9])
    assert loop.pipeline.counters.detections == 20
    assert len(loop.pulse.beats) == 60


def test_presence_says_who_is_there_and_whether_the_picture_shows_it() -> None:
    presence, seen = Presence(), list[tuple[bool, bool]]()

    def noting() -> Iterator[Frame]:
        for frame in frames(4):
            seen.append((presence.anyone, presence.in_view))
            yield frame

    Loop([[], [face(LEFT)], []], presence=presence).pipeline.run(ScriptedSource(noting()))
    assert seen == [(False, False), (False, False), (True, True), (True, False)]


def test_who_leaves_ends_a_visit_while_others_go_on() -> None:
    loop = Loop([[face(LEFT), face(RIGHT)]] * 10 + [[face(RIGHT)]])
    loop.run(*frames(30))
    assert loop.sink.reasons == ["left", "source_ended"]
    assert [visit.dwell_s for visit in loop.sink.visits] == pytest.approx([0.9, 2.9])


def test_a_pause_closes_visits_as_paused_and_reads_no_further_frame() -> None:
    loop = Loop([[face(LEFT)]], commands={12: Pause()})
    assert loop.run(*frames(30)) is Outcome.PAUSED
    assert loop.sink.reasons == ["paused"]
    assert loop.pipeline.counters.frames == 12


def test_a_pause_that_is_taken_back_before_the_next_frame_changes_nothing() -> None:
    loop = Loop([[face(LEFT)]], commands={12: (Pause(), Resume())})
    assert loop.run(*frames(30)) is Outcome.SOURCE_ENDED
    assert loop.pipeline.counters.frames == 30


def test_the_last_word_of_pause_and_resume_counts() -> None:
    loop = Loop([[face(LEFT)]], commands={12: (Pause(), Resume(), Pause())})
    assert loop.run(*frames(30)) is Outcome.PAUSED


def test_after_a_pause_the_same_source_goes_on_where_it_was() -> None:
    loop = Loop([[face(LEFT)]], commands={12: Pause(), 13: Resume()})
    source = ScriptedSource(frames(30))
    assert [loop.pipeline.run(source), loop.pipeline.run(source)] == [Outcome.PAUSED, Outcome.SOURCE_ENDED]
    assert loop.sink.reasons == ["paused", "source_ended"]
    assert loop.pipeline.counters.frames == 30


def test_a_wish_to_stop_closes_visits_as_stopped() -> None:
    loop = Loop([[face(LEFT)]], stop=lambda: loop.pipeline.counters.frames == 10)
    assert loop.run(*frames(30)) is Outcome.STOPPED
    assert loop.sink.reasons == ["stopped"]
    assert loop.pipeline.counters.frames == 10


def test_a_lost_camera_closes_visits_as_stopped_and_is_told_apart() -> None:
    loop = Loop([[face(LEFT)]])
    assert loop.run(*frames(11), CameraLost("unplugged"), *frames(10, first=11)) is Outcome.CAMERA_LOST
    assert loop.sink.reasons == ["stopped"]
    assert loop.pipeline.counters.frames == 11


def test_looks_in_flight_are_waited_for_when_the_camera_is_lost() -> None:
    loop = Loop([[face(LEFT)]])
    loop.run(*frames(3), CameraLost("unplugged"))
    assert loop.journal[-2:] == ["look at 1", "looked"]


def test_a_torn_clip_closes_the_visits_seen_so_far_and_says_that_it_is_torn() -> None:
    loop = Loop([[face(LEFT)]])
    with pytest.raises(BadInput, match="truncated"):
        loop.run(*frames(3), *frames(10, first=3), BadInput("truncated"))
    assert loop.sink.reasons == ["source_ended"]
    assert loop.journal.count("looked") == len(loop.estimator.batches) == loop.sink.visits[0].samples


def test_who_wants_to_stop_and_pauses_too_stops() -> None:
    loop = Loop([[face(LEFT)]], commands={10: Pause()}, stop=lambda: loop.pipeline.counters.frames == 10)
    assert loop.run(*frames(30)) is Outcome.STOPPED


def test_stopping_before_the_first_frame_reads_none() -> None:
    loop = Loop([[]], stop=lambda: True)
    assert loop.run(*frames(3)) is Outcome.STOPPED
    assert (loop.journal, loop.sink.visits, loop.pulse.beats) == ([], [], [])


def test_a_source_without_frames_ends_with_nothing() -> None:
    loop = Loop([[]])
    assert loop.run() is Outcome.SOURCE_ENDED
    assert loop.sink.visits == []


def test_a_health_request_reaches_the_pulse_and_nothing_ends() -> None:
    loop = Loop([[]], commands={4: HealthRequest(), 6: Resume()})
    assert loop.run(*frames(10)) is Outcome.SOURCE_ENDED
    assert loop.pulse.asked == [4]


def test_the_pulse_beats_after_every_frame_with_its_time() -> None:
    loop = Loop([[]], motion=6.0)
    still = [Frame(draw_scene(0, (180, 320)), n, n / FPS) for n in range(40)]
    loop.run(*still)
    assert loop.pulse.beats == [frame.captured_at for frame in still]


def test_the_idle_gate_keeps_frames_from_the_detector_while_nothing_moves() -> None:
    loop = Loop([[]], motion=6.0)
    loop.run(*(Frame(draw_scene(0, (180, 320)), n, n / FPS) for n in range(100)))
    assert loop.pipeline.counters.frames == 100
    awake, idle_fps = 11, 2
    assert loop.pipeline.counters.detections == pytest.approx(awake + idle_fps * 9, abs=2)
    assert loop.pipeline.counters.detections == sum(word.startswith("detect") for word in loop.journal)


def test_the_idle_gate_is_open_while_somebody_is_followed() -> None:
    loop = Loop([[face(LEFT)]], motion=6.0)
    loop.run(*(Frame(draw_scene(0, (180, 320)), n, n / FPS) for n in range(100)))
    assert loop.pipeline.counters.detections == 100


def test_a_batch_is_bounded_and_the_others_have_their_turn() -> None:
    people = [face(Box(20 + 60 * n, 10, 60 + 60 * n, 50)) for n in range(7)]
    loop = Loop([people], max_batch=3)
    loop.run(*frames(60))
    assert max(loop.estimator.batches) == 3
    assert len(loop.sink.visits) == 7
    assert all(visit.samples >= 5 for visit in loop.sink.visits)


def test_faces_that_are_never_good_enough_do_not_stand_before_others() -> None:
    people = [face(Box(20 + 40 * n, 10, 60 + 40 * n, 50)) for n in range(5)]
    loop = Loop([people], max_batch=3, quality=lambda image, track: 1.0 if track.box.x_min > 170 else 0.0)
    loop.run(*frames(60))
    assert sorted(visit.samples > 0 for visit in loop.sink.visits) == [False] * 4 + [True]


def test_a_look_below_the_quality_is_not_taken_and_the_same_at_it_is() -> None:
    poor = Loop([[face(LEFT), face(RIGHT)]], quality=lambda image, track: 0.24 if track.box.x_min < 100 else 0.25)
    poor.run(*frames(30))
    assert set(poor.estimator.batches) == {1}
    assert sorted(visit.samples > 0 for visit in poor.sink.visits) == [False, True]


def test_nobody_good_enough_is_no_batch_at_all() -> None:
    loop = Loop([[face(LEFT)]], quality=lambda image, track: 0.0)
    loop.run(*frames(20))
    assert loop.estimator.batches == []
    assert [visit.samples for visit in loop.sink.visits] == [0]


def test_without_an_estimator_visits_are_counted_and_nobody_is_looked_at() -> None:
    loop = Loop([[face(LEFT)]], estimating=False)
    loop.run(*frames(20))
    assert loop.pipeline.counters.looks == 0
    (visit,) = loop.sink.visits
    assert (visit.samples, visit.dwell_s) == (0, pytest.approx(1.9))


def test_the_counters_say_what_was_done() -> None:
    loop = Loop([[face(LEFT), face(RIGHT)]] * 10 + [[]])
    loop.run(*frames(30))
    counters = loop.pipeline.counters
    assert (counters.frames, counters.detections, counters.faces, counters.visits) == (30, 30, 20, 2)
    assert counters.looks == sum(loop.estimator.batches)


class Leaving:
    """Ends every track at the second frame, one after its look was begun."""

    def __init__(self) -> None:
        self._inner = FaceTracker(Tracking(confirm_hits=1), 0.5)
        self._frame = 0

    def update(self, detections: Sequence[Detection], at: float, picture_hw: tuple[int, int]) -> TrackUpdate:
        self._frame += 1
        update = self._inner.update(detections, at, picture_hw)
        return TrackUpdate([], list(self._inner.finish())) if self._frame == 2 else update

    def finish(self) -> Sequence[Track]:
        return self._inner.finish()


def test_a_look_at_somebody_who_leaves_meanwhile_is_waited_for() -> None:
    loop = Loop([[face(LEFT)], []], tracker=Leaving())
    loop.run(*frames(4))
    assert loop.journal[:6] == ["detect 0", "faces 0", "look at 1", "detect 1", "looked", "faces 1"]
    assert loop.book.opened == loop.book.closed == 1


class Broken(FaceTracker):
    """Fails at the tenth frame, as a stage does whose device went away."""

    def __init__(self) -> None:
        super().__init__(Tracking(), 0.5)
        self._frames = 0

    def update(self, detections: Sequence[Detection], at: float, picture_hw: tuple[int, int]) -> TrackUpdate:
        self._frames += 1
        if self._frames == 10:
            raise InferenceError("the device is gone")
        return super().update(detections, at, picture_hw)


def test_a_broken_stage_is_not_swallowed_and_loses_no_visit() -> None:
    loop = Loop([[face(LEFT)]], tracker=Broken())
    with pytest.raises(InferenceError, match="the device is gone"):
        loop.run(*frames(20))
    assert loop.sink.reasons == ["stopped"]


def test_faces_found_in_a_smaller_view_are_told_in_px_of_the_image() -> None:
    image, view = np.zeros((960, 1280, 3), np.uint8), np.zeros((240, 640, 3), np.uint8)
    points = np.arange(10, dtype=np.float32).reshape(5, 2)
    found = [Detection(Box(10, 20, 30, 40), 0.9, points), Detection(Box(1, 2, 3, 4), 0.5)]
    first, second = on_image(found, Frame(image, 0, 0.0, view))
    assert (first.box, second.box) == (Box(20, 80, 60, 160), Box(2, 8, 6, 16))
    assert first.landmarks is not None
    np.testing.assert_array_equal(first.landmarks, points * (2, 4))
    assert (first.score, second.score, second.landmarks) == (0.9, 0.5, None)
    assert on_image(found, Frame(image, 0, 0.0)) is found


def test_the_detector_gets_the_view_and_the_gate_too() -> None:
    image, view = np.zeros((96, 128, 3), np.uint8), np.zeros((48, 64, 3), np.uint8)
    assert Frame(image, 0, 0.0, view).view is view
    assert Frame(image, 0, 0.0).view is image
    assert Frame(image, 0, 0.0, view).scale == (2.0, 2.0)


def test_a_pause_at_the_device_ends_the_frames_as_a_command_does() -> None:
    hours = PauseSettings(open_hours=("thu 00:00-12:00",))
    after_8_frames = Pauses(
        hours,
        local_time=lambda: time.gmtime(43_200 if loop.pipeline.counters.frames == 8 else 0),
        clock=lambda: loop.pipeline.counters.frames,
    )
    loop = Loop([[face(LEFT)]], pauses=after_8_frames)
    assert loop.run(*frames(20)) is Outcome.PAUSED
    assert loop.pipeline.counters.frames == 8
    assert [visit.end_reason for visit in loop.sink.visits] == ["paused"]
    assert after_8_frames.reason() == "hours"


def test_a_command_to_resume_does_not_undo_a_pause_at_the_device() -> None:
    closed = Pauses(PauseSettings(open_hours=("thu 12:00-13:00",)), local_time=lambda: time.gmtime(0))
    loop = Loop([[face(LEFT)]], pauses=closed, commands={0: Resume()})
    assert loop.run(*frames(5)) is Outcome.PAUSED
    assert loop.pipeline.counters.frames == 0
