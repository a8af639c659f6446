"""Opens any source by its address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.clock import boottime
from edge.sensor.ports import FrameSource
from edge.sensor.sources.address import SourceKind, shown
from edge.sensor.sources.pacing import Realtime
from edge.sensor.sources.path_kind import kind_of_source
from edge.sensor.sources.whole_file import fits, read_file
from edge.settings.settings import Camera


def open_source(
    address: str,
    camera: Camera,
    *,
    start_at: float | None = None,
    clock: Callable[[], float] = boottime,
) -> FrameSource:
    """Open a camera, file, folder or stream; turned by `camera.rotation_deg`, paced when `camera.realtime`.

    start_at: time of a file's beginning on the clock, so 0 makes `captured_at` the time within the file; default is
    now minus its duration where that is known. Live sources give every frame: `NewestFrame` and `Reopening` go around.
    Raises SourceUnavailable (no such camera or stream), BadInput (a file that is missing or not what it claims to be),
    UsageError (an address that means nothing).
    """
    source = _open(address, camera, start_at, clock)
    if camera.rotation_deg:
        from edge.sensor.sources.rotation import Rotated

        source = Rotated(source, camera.rotation_deg)
    return Realtime(source, clock) if camera.realtime and not source.live else source


def may_come_back(address: str) -> bool:
    """Whether the source is a camera, which may be plugged in again, rather than a file, which ends."""
    kind = kind_of_source(address)
    return kind.is_camera or kind is SourceKind.STREAM


def _open(address: str, camera: Camera, start_at: float | None, clock: Callable[[], float]) -> FrameSource:
    kind = kind_of_source(address)
    if kind is SourceKind.V4L2:
        from edge.sensor.sources.v4l2 import open_v4l2

        return open_v4l2(address, camera, clock)
    if kind is SourceKind.PICAMERA:
        from edge.sensor.sources.picamera import open_picamera

        return open_picamera(camera, clock)
    if kind is SourceKind.CSI:
        from edge.sensor.sources.csi import open_csi

        return open_csi(address, camera, clock)
    if kind is SourceKind.FAKE:
        from edge.sensor.sources.fake import open_fake

        size_hw = camera.height_px, camera.width_px
        return open_fake(address, size_hw, camera.fps, clock() if start_at is None else start_at)
    if kind is SourceKind.DEMO:
        from edge.sensor.sources.demo_scene import DemoScene

        return DemoScene(start_at=clock() if start_at is None else start_at)
    if kind in (SourceKind.STREAM, SourceKind.PAGE):
        return _open_remote(address, kind, camera, start_at, clock)
    return _open_file(address, kind, camera, start_at, clock)


def _open_remote(
    address: str, kind: SourceKind, camera: Camera, start_at: float | None, clock: Callable[[], float]
) -> FrameSource:
    from edge.sensor.sources.network import open_network

    if kind is SourceKind.STREAM:
        return open_network(address, camera.fps, start_at, clock)
    from edge.sensor.sources.page import stream_of_page

    url = stream_of_page(address, camera.height_px)
    return open_network(url, camera.fps, start_at, clock, name=shown(address))


def _open_file(
    address: str, kind: SourceKind, camera: Camera, start_at: float | None, clock: Callable[[], float]
) -> FrameSource:
    if kind.is_pictures:
        from edge.sensor.sources.pictures import open_pictures

        return open_pictures(address, camera.fps, start_at, clock)
    if kind is SourceKind.ANIMATION and fits(Path(address)):
        from edge.sensor.sources.animation import open_animation

        return open_animation(address, read_file(Path(address), address), start_at, clock)
    from edge.sensor.sources.video import open_video

    return open_video(Path(address), camera.fps, start_at, clock, timed=kind is not SourceKind.RAW_VIDEO)
