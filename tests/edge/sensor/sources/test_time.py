"""The times of footage: rates that are not stated, clocks that jump, and pixels that are not square."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.sensor.sources.container import is_raw
from edge.sensor.sources.decoder import square_pixels
from edge.sensor.sources.opening import open_source
from edge.sensor.sources.timeline import Timeline
from edge.settings.settings import Camera
from tests.pictures.clips import encode, retime, write_clip, write_mpeg2

FPS, FRAMES = 25.0, 40


def times(path: Path, camera: Camera | None = None) -> list[float]:
    """Seconds from the beginning, of each frame."""
    source = open_source(str(path), camera or Camera(), start_at=0.0)
    return [frame.captured_at for frame in iter(source.read, None) if frame]


def steps(path: Path) -> list[float]:
    """Seconds between frames."""
    return [round(after - before, 3) for before, after in itertools.pairwise(times(path))]


def stream(path: Path, clock: Callable[[float], float]) -> Path:
    """A transport stream without B pictures, so that its times rise, on another clock."""
    return retime(write_clip(path, frames=FRAMES, fps=FPS), clock)


@pytest.mark.parametrize("name", ["clip.mjpeg", "clip.mjpg"])
def test_raw_motion_jpeg_has_the_rate_that_is_given(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / name
    path.write_bytes(b"".join(encode(".jpg", index) for index in range(30)))
    assert times(path, Camera(fps=15.0)) == pytest.approx([index / 15 for index in range(30)])
    assert caplog.records == []
    with caplog.at_level(logging.WARNING):
        times(path)
    [record] = caplog.records
    what = "raw video states no rate, got 30 frames/s from camera.fps; give --fps where it is another"
    assert record.getMessage() == f"{path}: {what}"


def test_what_states_a_rate_is_not_raw(tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / f"clip.{suffix}") for suffix in ("mp4", "ts", "mkv", "m4v", "avi")]
    assert not any(is_raw(clip) for clip in [*clips, write_mpeg2(tmp_path / "clip.m2v")])
    for head in (b"\0\0\0\1\x67", b"\0\0\1\x09\xf0", b"\0\0\0\1\x40\1", b"--frame\r\nContent-Type: image/jpeg"):
        (tmp_path / "head").write_bytes(head)
        assert is_raw(tmp_path / "head")
    for head in (b"", b"\0", b"\0\0\0\1", b"\0\0\1\xba", b"\1\x67", b"\0\0\0\0\1\x67"):
        (tmp_path / "head").write_bytes(head)
        assert not is_raw(tmp_path / "head")


def test_a_clock_that_goes_back_is_a_break_and_not_a_day(tmp_path: Path) -> None:
    back = stream(tmp_path / "back.ts", lambda at: 7200 + at if at < 2 else at)
    assert steps(back) == [0.04] * (FRAMES - 1)


def test_a_clock_that_wraps_goes_on(tmp_path: Path) -> None:
    wrapping = stream(tmp_path / "wrap.ts", lambda at: (1 << 33) / 90_000 - 2 + at)
    assert steps(wrapping) == [0.04] * (FRAMES - 1)


def test_a_gap_that_is_stated_stays(tmp_path: Path) -> None:
    gap = stream(tmp_path / "gap.ts", lambda at: at if at < 2 else at + 3600)
    assert sorted(set(steps(gap))) == [0.04, 3600.04]


def test_a_rate_that_varies_is_kept(tmp_path: Path) -> None:
    slower = stream(tmp_path / "slower.ts", lambda at: at if at < 2 else 2 + 5 * (at - 2))
    assert sorted(set(steps(slower))) == [0.04, 0.2]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ([0.0, 0.1, 0.2], [0.0, 0.1, 0.2]),
        ([None, None, None], [0.0, 0.1, 0.2]),
        ([0.0, 0.0, 0.0, 0.3], [0.0, 0.1, 0.2, 0.3]),
        ([0.0, 0.5, 0.4, 0.55, 0.9], [0.0, 0.5, 0.6, 0.7, 0.9]),
        ([5.0, 5.1, 1.0, 1.1, 1.3], [5.0, 5.1, 5.2, 5.3, 5.5]),
        ([0.0, 900.0, 0.2, 0.3], [0.0, 900.0, 900.1, 900.2]),
        ([0.0, 9.0, 2.0, 9.2, 9.3], [0.0, 9.0, 9.1, 9.2, 9.3]),
        ([0.0, None, 0.3], [0.0, 0.1, 0.3]),
        ([-0.2, 0.1], [0.0, 0.1]),
    ],
)
def test_a_timeline_always_rises(stated: list[float | None], expected: list[float]) -> None:
    timeline = Timeline(0.1)
    assert [timeline.place(each) for each in stated] == pytest.approx(expected)


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    shapes = {}
    for aspect in (1, 2, 3):
        source = open_source(str(write_mpeg2(tmp_path / "clip.m2v", aspect=aspect)), Camera())
        frame = source.read()
        assert frame is not None
        shapes[aspect] = frame.image.shape
        source.close()
    assert shapes == {1: (64, 64, 3), 2: (64, 85, 3), 3: (64, 114, 3)}


def test_square_pixels_never_lose_a_row_or_column() -> None:
    image = np.zeros((90, 160, 3), np.uint8)
    assert square_pixels(image, 0.5).shape == (180, 160, 3)
    assert square_pixels(image, 2.0).shape == (90, 320, 3)
    for aspect in (1.0, 1.004, 0.0, 100.0):
        assert square_pixels(image, aspect) is image
