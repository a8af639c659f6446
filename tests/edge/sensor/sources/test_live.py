"""What goes around live sources: the newest frame, coming back after a loss, pace and rotation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import BadInput, CameraLost, SourceUnavailable, UsageError
from edge.sensor.ports import FrameSource
from edge.sensor.sources.capture import LiveCapture
from edge.sensor.sources.fake import ScriptedSource, Step, open_fake
from edge.sensor.sources.newest import NewestFrame
from edge.sensor.sources.opening import open_source
from edge.sensor.sources.pacing import Realtime
from edge.sensor.sources.rotation import Rotated
from edge.sensor.types import Frame
from edge.settings.settings import Camera
from edge.workbench.analyze.reopening import CameraChange, Reopening
from tests.pictures.clips import SIZE_HW, draw, write_clip

WAIT_S = 10.0


def frame(index: int, at: float = 0.0) -> Frame:
    return Frame(draw(index), index, at)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def then(steps: list[Step], done: threading.Event) -> Iterator[Step]:
    """The steps, then say that the last one was taken in."""
    yield from steps
    done.set()


def test_a_slow_reader_gets_the_newest_frame_and_skips_the_rest() -> None:
    done = threading.Event()
    source = NewestFrame(ScriptedSource(then([frame(i) for i in range(50)], done), live=True), 0.5, clock=Time())
    assert done.wait(WAIT_S)
    newest = source.read()
    assert newest is not None
    assert newest.index == 49
    assert source.dropped == 49
    assert source.read() is None
    assert source.read() is None
    source.close()


def test_a_reader_that_keeps_up_skips_nothing() -> None:
    taken = threading.Semaphore(1)

    def at_the_readers_pace() -> Iterator[Step]:
        for index in range(20):
            assert taken.acquire(timeout=WAIT_S)
            yield frame(index)

    source = NewestFrame(ScriptedSource(at_the_readers_pace(), live=True), 0.5, clock=Time())
    indices = []
    while (seen := source.read()) is not None:
        indices.append(seen.index)
        taken.release()
    assert indices == list(range(20))
    assert source.dropped == 0
    source.close()


def test_frames_that_are_too_old_are_skipped() -> None:
    source = NewestFrame(ScriptedSource([frame(0, at=9.0)], live=True), 0.5, clock=Time(10.0))
    assert source.read() is None
    assert source.dropped == 1
    source.close()


@pytest.mark.parametrize("error", [CameraLost("cable"), BadInput("not a camera")])
def test_the_reader_meets_the_cameras_errors_each_time_it_asks(error: CameraLost | BadInput) -> None:
    source = NewestFrame(ScriptedSource([error], live=True), 0.5, clock=Time())
    for _ in range(2):
        with pytest.raises(type(error), match=str(error)):
            source.read()
    source.close()


def test_a_reader_that_waits_long_is_heard_of_meanwhile() -> None:
    speak, ticks = threading.Event(), list[None]()

    def late() -> Iterator[Step]:
        speak.wait(WAIT_S)
        yield frame(0)

    def tick() -> None:
        ticks.append(None)
        speak.set()

    source = NewestFrame(ScriptedSource(late(), live=True), 60.0, waiting=tick, clock=Time())
    assert source.read() is not None
    assert len(ticks) == 1


def test_a_silent_camera_is_lost() -> None:
    speak = threading.Event()

    def silence() -> Iterator[Step]:
        speak.wait(WAIT_S)
        yield frame(0)

    source = NewestFrame(ScriptedSource(silence(), live=True), 0.5, silent_after_s=0.01, clock=Time())
    with pytest.raises(CameraLost, match="no frame younger than"):
        source.read()
    speak.set()
    source.close()


def test_a_camera_that_gives_old_frames_only_is_lost() -> None:
    time = Time(10.0)

    def late() -> Iterator[Step]:
        while True:
            time.now += 1.0
            yield frame(0, at=time.now - 5.0)

    source = NewestFrame(ScriptedSource(late(), live=True), 0.5, silent_after_s=3.0, clock=time)
    with pytest.raises(CameraLost, match=r"no frame younger than 0\.5 s for 3 s"):
        source.read()
    source.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_in_a_source_never_looks_like_the_end() -> None:
    def broken() -> Iterator[Step]:
        raise ZeroDivisionError
        yield

    source = NewestFrame(ScriptedSource(broken(), live=True), 0.5, clock=Time())
    with pytest.raises(CameraLost, match="unexpectedly"):
        source.read()
    source.close()


def test_closing_ends_the_capture_thread_and_closes_the_source() -> None:
    before = threading.active_count()
    endless = ScriptedSource((frame(index) for index in iter(int, 1)), live=True)
    source = NewestFrame(endless, 0.5, clock=Time())
    assert source.read() is not None
    source.close()
    source.close()
    assert threading.active_count() == before
    assert endless.read() is None
    assert source.read() is None


class Openings:
    """Opens one script after the other, or fails as told."""

    def __init__(self, *results: list[Step] | SourceUnavailable) -> None:
        self._results = iter(results)

    def __call__(self) -> FrameSource:
        result = next(self._results)
        if isinstance(result, SourceUnavailable):
            raise result
        return ScriptedSource(result, live=True)


def reopening(openings: Openings, time: Time, changes: list[CameraChange], chance: float = 0.0) -> Reopening:
    return Reopening(
        openings, initial_s=0.5, max_s=4.0, on_change=changes.append, sleep=time.sleep, chance=lambda: chance
    )


def test_a_lost_camera_comes_back_and_indices_go_on_counting() -> None:
    time, changes = Time(), list[CameraChange]()
    gone = SourceUnavailable("no such camera")
    openings = Openings([frame(0), frame(1), CameraLost("cable")], gone, gone, [frame(0), frame(1)])
    source = reopening(openings, time, changes)
    assert source.live
    assert [seen.index for _ in range(4) if (seen := source.read())] == [0, 1, 2, 3]
    assert source.read() is None
    assert time.sleeps == [0.5, 1.0, 2.0]
    assert changes == [CameraChange(False, "cable", 0), CameraChange(True, "", 3)]
    source.close()


def test_waits_double_up_to_the_longest_and_are_shortened_at_random() -> None:
    time, changes = Time(), list[CameraChange]()
    gone = [SourceUnavailable("gone")] * 6
    source = reopening(Openings([CameraLost("cable")], *gone, [frame(0)]), time, changes, chance=1.0)
    assert source.read() is not None
    assert time.sleeps == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0, 2.0]


def test_a_camera_that_opens_but_gives_nothing_waits_longer_each_time_and_is_reported_once() -> None:
    time, changes = Time(), list[CameraChange]()
    lost: list[Step] = [CameraLost("cable")]
    source = reopening(
        Openings(lost, list(lost), list(lost), [frame(0), CameraLost("again")], [frame(0)]), time, changes
    )
    assert source.read() is not None
    assert time.sleeps == [0.5, 1.0, 2.0]
    assert source.read() is not None
    assert time.sleeps[3:] == [0.5]
    assert [(change.available, change.reason) for change in changes] == [
        (False, "cable"), (True, ""), (False, "again"), (True, "")
    ]  # fmt: skip


def test_bad_input_and_a_failed_first_opening_are_the_callers() -> None:
    time, changes = Time(), list[CameraChange]()
    source = reopening(Openings([BadInput("damaged")]), time, changes)
    with pytest.raises(BadInput):
        source.read()
    with pytest.raises(SourceUnavailable):
        reopening(Openings(SourceUnavailable("none")), time, changes)
    assert time.sleeps == []
    assert changes == []


def test_a_reopened_camera_behind_the_newest_frame_goes_on() -> None:
    time, changes = Time(), list[CameraChange]()
    openings = Openings([frame(0), CameraLost("cable")], [frame(0)])
    source = Reopening(
        lambda: NewestFrame(openings(), 0.5, clock=time),
        initial_s=0.5,
        max_s=4.0,
        on_change=changes.append,
        sleep=time.sleep,
    )
    seen = []
    while (newest := source.read()) is not None:
        seen.append(newest.index)
    assert seen == sorted(set(seen))
    assert changes[0] == CameraChange(False, "cable", 0)
    source.close()


def test_realtime_waits_for_each_frames_time_and_lets_the_clip_begin_now() -> None:
    time = Time(1000.0)
    source = Realtime(ScriptedSource([frame(0, 5.0), frame(1, 5.25), frame(2, 6.0)]), time, time.sleep)
    assert [seen.captured_at for _ in range(3) if (seen := source.read())] == [1000.0, 1000.25, 1001.0]
    assert time.sleeps == [0.25, 0.75]
    assert source.read() is None


def test_realtime_gives_a_slow_reader_every_frame_without_waiting() -> None:
    time = Time()
    source = Realtime(ScriptedSource([frame(index, index / 10) for index in range(9)]), time, time.sleep)
    indices = []
    while (seen := source.read()) is not None:
        indices.append(seen.index)
        time.now += 1.5
    assert indices == list(range(9))
    assert time.sleeps == []


def test_realtime_goes_on_at_its_pace_after_a_pause() -> None:
    time = Time()
    source = Realtime(ScriptedSource([frame(index, index / 4) for index in range(5)]), time, time.sleep)
    first = [seen.captured_at for _ in range(2) if (seen := source.read())]
    time.now += 600.0
    later = [seen.captured_at for _ in range(3) if (seen := source.read())]
    assert (first, later) == ([0.0, 0.25], [600.5, 600.75, 601.0])
    assert time.sleeps == [0.25] * 4


@pytest.mark.parametrize(("degrees", "place"), [(90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_rotation_is_clockwise(degrees: int, place: tuple[int, int]) -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    image[0, 0] = 255
    turned = Rotated(ScriptedSource([Frame(image, 0, 0.0)]), degrees).read()
    assert turned is not None
    assert turned.image[place].tolist() == [255, 255, 255]
    assert turned.image.shape == ((6, 4, 3) if degrees != 180 else (4, 6, 3))


def test_the_settings_turn_and_pace_a_source() -> None:
    source = open_source("fake:2", Camera(width_px=160, height_px=120, rotation_deg=90), start_at=0.0)
    turned = source.read()
    assert turned is not None
    assert turned.image.shape == (160, 120, 3)
    assert isinstance(open_source("fake:2", Camera(realtime=True)), Realtime)


def test_a_fake_address_is_a_script() -> None:
    source = open_fake("fake:2,lost,1,bad", SIZE_HW, fps=10.0, start_at=1.0)
    assert [seen.captured_at for _ in range(2) if (seen := source.read())] == [1.0, 1.1]
    with pytest.raises(CameraLost):
        source.read()
    third = source.read()
    assert third is not None
    assert third.index == 2
    with pytest.raises(BadInput):
        source.read()
    assert source.read() is None
    with pytest.raises(UsageError, match="vanish"):
        open_fake("fake:2,vanish", SIZE_HW, fps=10.0, start_at=0.0)


def test_a_capture_that_stops_giving_frames_is_a_lost_camera(tmp_path: Path) -> None:
    capture = cv2.VideoCapture(str(write_clip(tmp_path / "clip.avi", frames=3, fourcc="MJPG")), cv2.CAP_FFMPEG)
    source = LiveCapture(capture, "/dev/video0", Time(7.0))
    assert [(seen.index, seen.captured_at) for _ in range(3) if (seen := source.read())] == [
        (0, 7.0),
        (1, 7.0),
        (2, 7.0),
    ]
    for _ in range(2):
        with pytest.raises(CameraLost, match=r"^/dev/video0"):
            source.read()
    source.close()
    source.close()


def test_a_camera_that_is_not_there_or_is_none_says_so() -> None:
    with pytest.raises(SourceUnavailable, match=r"/dev/video97: no such camera"):
        open_source("97", Camera())
    with pytest.raises(SourceUnavailable, match="/dev/null"):
        open_source("/dev/null", Camera())
