"""Every frame source keeps the same promises, whatever is behind it."""

from __future__ import annotations

import itertools
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from edge.clock import boottime
from edge.errors import CameraLost
from edge.sensor.ports import FrameSource
from edge.sensor.sources.fake import ScriptedSource
from edge.sensor.sources.newest import NewestFrame
from edge.sensor.sources.opening import open_source
from edge.sensor.sources.pacing import Realtime
from edge.sensor.sources.rotation import Rotated
from edge.sensor.types import Frame
from edge.settings.settings import Camera
from edge.workbench.analyze.reopening import Reopening
from tests.conftest import unavailable
from tests.pictures.clips import draw, encode, serve, write_clip, write_gif

pytestmark = pytest.mark.contract

COUNT = 12
LIVE_COUNT = 5
"""Frames read of a camera, which has no end."""


class Place(NamedTuple):
    """Where a source is made."""

    folder: Path
    request: pytest.FixtureRequest
    stack: ExitStack


class Case(NamedTuple):
    """A source: how to open it, how many frames it has (None: no end), whether it may skip some."""

    open: Callable[[Place], FrameSource]
    count: int | None = COUNT
    skips: bool = False


def folder_of_images(place: Place) -> Path:
    folder = place.folder / "pictures"
    folder.mkdir()
    for index in range(COUNT):
        (folder / f"{index:02}.jpg").write_bytes(encode(".jpg", index))
    return folder


def image(place: Place) -> FrameSource:
    (place.folder / "a.png").write_bytes(encode(".png"))
    return open_source(str(place.folder / "a.png"), Camera())


def folder(place: Place) -> FrameSource:
    return open_source(str(folder_of_images(place)), Camera())


def tar(place: Place) -> FrameSource:
    with tarfile.open(place.folder / "set.tar", "w") as archive:
        archive.add(folder_of_images(place), "set")
    return open_source(str(place.folder / "set.tar"), Camera())


def gif(place: Place) -> FrameSource:
    return open_source(str(write_gif(place.folder / "a.gif", [80] * COUNT)), Camera())


def clip(suffix: str, fourcc: str) -> Callable[[Place], FrameSource]:
    return lambda place: open_source(str(write_clip(place.folder / f"a.{suffix}", COUNT, fourcc=fourcc)), Camera())


def raw_h264(place: Place) -> FrameSource:
    shared: Path = place.request.getfixturevalue("shared")
    return open_source(str(shared / "video" / "two-faces-768x432.h264"), Camera())


def http_file(place: Place) -> FrameSource:
    content = write_clip(place.folder / "a.webm", COUNT, fourcc="VP80").read_bytes()
    site, _ = place.stack.enter_context(serve({"/a.webm": ("video/webm", content, len(content))}))
    return open_source(f"{site}/a.webm", Camera())


def page(place: Place) -> FrameSource:
    if find_spec("yt_dlp") is None:
        unavailable("yt-dlp is not installed (passerby[pages])")
    content = write_clip(place.folder / "a.webm", COUNT, fourcc="VP80").read_bytes()
    html = b"<html><head><title>Hall</title></head><body><video src='/a.webm' type='video/webm'></video></body></html>"
    pages = {"/": ("text/html", html, len(html)), "/a.webm": ("video/webm", content, len(content))}
    site, _ = place.stack.enter_context(serve(pages))
    return open_source(f"page:{site}/", Camera())


def fake(place: Place) -> FrameSource:
    return open_source(f"fake:{COUNT}", Camera(width_px=160, height_px=120))


def rotated(place: Place) -> FrameSource:
    return Rotated(fake(place), 270)


def realtime(place: Place) -> FrameSource:
    return Realtime(fake(place), clock=lambda: 0.0, sleep=lambda _seconds: None)


def newest(place: Place) -> FrameSource:
    frames = (Frame(draw(index), index, boottime()) for index in range(COUNT))
    return NewestFrame(ScriptedSource(frames, live=True), max_frame_age_s=60.0)


def reopening(place: Place) -> FrameSource:
    first, *rest = [Frame(draw(index), index, float(index)) for index in range(COUNT)]
    later = [Frame(frame.image, frame.index - 1, frame.captured_at) for frame in rest]
    sources = iter([ScriptedSource([first, CameraLost("cable")]), ScriptedSource(later)])
    return Reopening(
        lambda: next(sources), initial_s=1, max_s=1, on_change=lambda _change: None, sleep=lambda _seconds: None
    )


def v4l2(place: Place) -> FrameSource:
    if not Path("/dev/video0").exists():
        pytest.skip("no V4L2 camera here (/dev/video0)")
    return open_source("0", Camera())


def picamera(place: Place) -> FrameSource:
    if find_spec("picamera2") is None:
        pytest.skip("picamera2 is not installed here")
    return open_source("picamera", Camera())


CASES = {
    "image": Case(image, 1),
    "folder": Case(folder),
    "tar": Case(tar),
    "gif": Case(gif),
    "mp4": Case(clip("mp4", "mp4v")),
    "avi": Case(clip("avi", "MJPG")),
    "webm": Case(clip("webm", "VP80")),
    "raw h264": Case(raw_h264, 300),
    "http": Case(http_file),
    "page": Case(page),
    "fake": Case(fake),
    "rotated": Case(rotated),
    "realtime": Case(realtime),
    "newest": Case(newest, skips=True),
    "reopening": Case(reopening),
    "v4l2": Case(v4l2, None),
    "picamera": Case(picamera, None),
}


class Opened(NamedTuple):
    source: FrameSource
    case: Case


@pytest.fixture(params=CASES, ids=lambda name: name.replace(" ", "-"))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    case = CASES[request.param]
    with ExitStack() as stack:
        source = case.open(Place(tmp_path, request, stack))
        yield Opened(source, case)
        source.close()


def read_all(opened: Opened) -> list[Frame]:
    frames = []
    while opened.case.count is not None or len(frames) < LIVE_COUNT:
        frame = opened.source.read()
        if frame is None:
            break
        frames.append(frame)
    return frames


def test_frames_come_in_order_with_rising_times_and_hold_bgr_pictures(opened: Opened) -> None:
    frames = read_all(opened)
    indices = [frame.index for frame in frames]
    if opened.case.skips:
        assert indices == sorted(set(indices))
        assert 0 <= indices[0] <= indices[-1] == COUNT - 1
    else:
        assert indices == list(range(opened.case.count or LIVE_COUNT))
    times = [frame.captured_at for frame in frames]
    assert all(before < after for before, after in itertools.pairwise(times))
    for frame in frames:
        height, width, channels = frame.image.shape
        assert frame.image.dtype == np.uint8
        assert channels == 3
        assert min(height, width) >= 16
    assert len({frame.image.shape for frame in frames}) == 1


def test_a_frame_stays_as_it_was_when_later_ones_are_read(opened: Opened) -> None:
    first = opened.source.read()
    assert first is not None
    kept = first.image.copy()
    read_all(opened)
    assert np.array_equal(first.image, kept)


def test_after_the_end_there_is_nothing_more(opened: Opened) -> None:
    if opened.case.count is None:
        pytest.skip("a camera has no end")
    read_all(opened)
    assert opened.source.read() is None
    assert opened.source.read() is None


def test_closing_twice_is_safe_at_any_time(opened: Opened) -> None:
    assert opened.source.read() is not None
    opened.source.close()
    opened.source.close()
