"""Opens what `analyze` was given: pictures one by one, footage frame by frame, cameras that come back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from edge.errors import UsageError, explain, printable
from edge.sensor.ports import FrameSource
from edge.sensor.sources.address import SourceKind, shown
from edge.sensor.sources.frozen import Unfrozen
from edge.sensor.sources.newest import NewestFrame
from edge.sensor.sources.opening import may_come_back, open_source
from edge.sensor.sources.path_kind import kind_of_source
from edge.settings.settings import Camera
from edge.workbench.analyze.reopening import CameraChange, Reopening


class Named(NamedTuple):
    """What a picture or footage is called: `source` in lines, `place` (relative, safe) in a folder of files."""

    source: str
    place: PurePosixPath


class Source:
    """One source as it was written. Raises UsageError for an address that means nothing.

    alone: it is the only one, so that the pictures in it need not be told from those of others.
    """

    def __init__(self, address: str, *, alone: bool = True) -> None:
        self.address = address
        self.kind = kind_of_source(address)
        self.named = Named(printable(shown(address)), PurePosixPath(_file_name(shown(address))))
        self._alone = alone

    @property
    def is_pictures(self) -> bool:
        """Whether it holds single pictures, without a time of their own."""
        return self.kind.is_pictures

    def name_picture(self, name: str) -> Named:
        """A picture in it: its path in the folder or tar, after the source's own where there are several sources."""
        if self.kind is SourceKind.IMAGE:
            return self.named
        inside = PurePosixPath(*(part for part in PurePosixPath(printable(name)).parts if part not in ("/", "..")))
        if self._alone:
            return Named(printable(name), inside)
        return Named(f"{self.named.source.rstrip('/')}/{printable(name)}", self.named.place / inside)

    def open_footage(
        self,
        camera: Camera,
        on_change: Callable[[CameraChange], None],
        start_at: float | None,
        in_view: Callable[[], bool] = lambda: False,
        idle: Callable[[float], None] = time.sleep,
    ) -> FrameSource:
        """Every frame of a file from start_at on (default: it ends now), or the newest frames of a live source.

        in_view: whether somebody is, where a live source that shows the same picture hangs. idle: waits that many
        seconds; called, with 0 too, while a live source gives nothing. Raises what
        `edge.sensor.sources.opening.open_source` raises; a live source that is lost later is opened again.
        """

        def opened() -> FrameSource:
            source = open_source(self.address, camera, start_at=start_at)
            if not source.live:
                return source
            newest = NewestFrame(source, camera.max_frame_age_s, waiting=lambda: idle(0.0))
            return Unfrozen(newest, camera.frozen_s, in_view)

        if not may_come_back(self.address) and self.kind is not SourceKind.PAGE:
            return opened()
        return Reopening(
            opened, initial_s=camera.reopen_initial_s, max_s=camera.reopen_max_s, on_change=on_change, sleep=idle
        )


def read_addresses(addresses: Sequence[str]) -> list[Source]:
    """The sources of a command line. Raises UsageError, before anything is opened, for one that means nothing."""
    if not addresses:
        raise UsageError(explain("no source given", expected="images, folders, tars, videos, cameras or addresses"))
    return [Source(address, alone=len(addresses) == 1) for address in addresses]


def _file_name(address: str) -> str:
    """The last part of an address as a file's name."""
    last = printable(address).rstrip("/").rpartition("/")[2]
    return re.sub(r"[^\w. -]", "-", last).lstrip(".") or "source"
