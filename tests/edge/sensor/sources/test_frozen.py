"""A live source that shows one picture again and again: it hangs where somebody is in it, and is quiet where not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from edge.errors import CameraLost
from edge.sensor.sources.fake import ScriptedSource, Step
from edge.sensor.sources.frozen import Unfrozen
from edge.sensor.types import Frame, Image
from tests.pictures.clips import draw

FPS = 10


class Time:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def showing(pictures: list[int], first: int = 0) -> Iterator[Frame]:
    """Pictures of these numbers, ten a second."""
    return (Frame(draw(picture), first + n, (first + n) / FPS) for n, picture in enumerate(pictures))


def read_all(source: Unfrozen) -> tuple[list[Frame], str]:
    frames = list[Frame]()
    try:
        while (frame := source.read()) is not None:
            frames.append(frame)
    except CameraLost as lost:
        return frames, str(lost)
    return frames, ""


def watched(steps: Iterator[Step], *, frozen_s: float = 5.0, in_view: bool = True, live: bool = True) -> Unfrozen:
    return Unfrozen(ScriptedSource(steps, live=live), frozen_s, lambda: in_view, Time())


def test_a_camera_that_hangs_with_somebody_in_view_is_lost_and_gives_nothing_new_after_its_last_picture() -> None:
    frames, lost = read_all(watched(showing([*range(20), *[19] * 300])))
    assert [frame.index for frame in frames if not frame.repeated] == list(range(20))
    assert lost == "camera: frozen for 5 s: the same picture again and again, with somebody in it"
    assert frames[-1].captured_at == pytest.approx(1.9 + 5.0 - 1 / FPS)


def test_equal_pictures_are_normal_with_nobody_in_view_and_in_a_file() -> None:
    still = [7] * 300
    for source in (
        watched(showing(still), in_view=False), watched(showing(still), live=False), watched(showing(still), frozen_s=0)
    ):  # fmt: skip
        frames, lost = read_all(source)
        assert (len(frames), lost) == (300, "")
        assert not any(frame.repeated for frame in frames)


def test_a_camera_that_stutters_was_there_all_the_time() -> None:
    frames, lost = read_all(watched(showing([0, *[1] * 40, 2, 3])))
    assert lost == ""
    looked_at = [frame.captured_at for frame in frames if not frame.repeated]
    assert looked_at == sorted(looked_at)
    assert max(np.diff(looked_at)) <= 0.5 + 2 / FPS
    assert looked_at[:2] == [0.0, 0.1]
    assert looked_at[-2:] == [4.1, 4.2]


def test_one_pixel_makes_a_new_picture() -> None:
    def blinking() -> Iterator[Frame]:
        for frame in showing([5] * 200):
            image: Image = frame.image.copy()
            image[3, 5, 1] ^= frame.index & 1
            yield Frame(image, frame.index, frame.captured_at)

    frames, lost = read_all(watched(blinking()))
    assert (len(frames), lost) == (200, "")
    assert not any(frame.repeated for frame in frames)


def test_a_picture_that_stays_when_the_last_one_has_left_is_no_fault() -> None:
    there = True
    source = Unfrozen(ScriptedSource(showing([5] * 200), live=True), 5.0, lambda: there, Time())
    read = [source.read() for _ in range(40)]
    there = False
    frames, lost = read_all(source)
    assert all(read)
    assert lost == ""
    assert frames[-1].index == 199
    assert not any(frame.repeated for frame in frames)


@pytest.mark.parametrize("in_view", [True, False])
def test_times_that_stand_still_are_a_camera_that_hangs(in_view: bool) -> None:
    time = Time()

    def stuck() -> Iterator[Frame]:
        yield from showing([0, 1, 2])
        for index in range(3, 200):
            time.now += 1 / FPS
            yield Frame(draw(index), index, 0.2)

    source = Unfrozen(ScriptedSource(stuck(), live=True), 5.0, lambda: in_view, time)
    frames, lost = read_all(source)
    assert lost == "camera: frozen for 5 s: its times stand still"
    assert [frame.index for frame in frames if not frame.repeated] == [0, 1, 2]


def test_closing_forgets_the_picture() -> None:
    source = watched(showing([1, 1, 1]))
    assert source.read() is not None
    source.close()
    source.close()
    assert source.read() is None
