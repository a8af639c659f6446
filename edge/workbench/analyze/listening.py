"""What an analysis reports while it runs, and to what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol

from edge.errors import PasserbyError
from edge.schemas.analyze import AnalyzeError, AnalyzeLine
from edge.sensor.types import Image, VisitSummary


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture or frame: what was found in it, and its uint8 (H, W, 3) BGR image.

    place: relative path, without a way out of its folder, for a file that is written of it. moving: part of footage,
    live where that comes from a camera.
    """

    line: AnalyzeLine
    image: Image
    place: PurePosixPath
    moving: bool
    live: bool = False


@dataclass(frozen=True, slots=True)
class Visited:
    """A visit that ended. `since_s`: seconds from the beginning of the footage; `historical`: not a live source."""

    source: str
    summary: VisitSummary
    since_s: float
    historical: bool


@dataclass(frozen=True, slots=True)
class Watched:
    """Footage that came to its end."""

    source: str
    frames: int
    duration_s: float
    width: int
    height: int
    visits: int


class Ending(NamedTuple):
    """How the analysis of a source ended: by an error that makes it unreadable, or by Ctrl-C at a live source."""

    error: PasserbyError | None = None
    interrupted: bool = False


class Listener(Protocol):
    """Receives what an analysis reports, in order. Footage ends with `ended`, or with `failed` if it cannot be read."""

    def seen(self, seen: Seen) -> None:
        """A picture or frame was analyzed."""

    def visited(self, visit: Visited) -> None:
        """A visit ended."""

    def failed(self, failure: AnalyzeError) -> None:
        """A picture, or the rest of a source, could not be read."""

    def ended(self, watched: Watched) -> None:
        """Footage came to its end."""


class Everyone:
    """Passes all on to several listeners, in their order. Implements `Listener`."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners

    def seen(self, seen: Seen) -> None:
        """See `Listener`."""
        for listener in self._listeners:
            listener.seen(seen)

    def visited(self, visit: Visited) -> None:
        """See `Listener`."""
        for listener in self._listeners:
            listener.visited(visit)

    def failed(self, failure: AnalyzeError) -> None:
        """See `Listener`."""
        for listener in self._listeners:
            listener.failed(failure)

    def ended(self, watched: Watched) -> None:
        """See `Listener`."""
        for listener in self._listeners:
            listener.ended(watched)
