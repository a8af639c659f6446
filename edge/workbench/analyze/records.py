"""JSON Lines: a line of `edge.schemas.analyze` for each picture or frame, or a visit event for each visit."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from edge.schemas.analyze import AnalyzeError
from edge.workbench.analyze.events import EventWriter
from edge.workbench.analyze.listening import Seen, Visited, Watched

Write = Callable[[str], None]
"""Takes one line, without its end."""


class FaceLines:
    """An object a picture or frame. Implements `Listener`."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def seen(self, seen: Seen) -> None:
        """Write the line."""
        self._write(msgspec.json.encode(seen.line).decode())

    def visited(self, visit: Visited) -> None:
        """Visits have lines of their own kind."""

    def failed(self, failure: AnalyzeError) -> None:
        """Write the failure."""
        self._write(msgspec.json.encode(failure).decode())

    def ended(self, watched: Watched) -> None:
        """The last line is the end."""


class EventLines:
    """An event a visit. Implements `Listener`."""

    def __init__(self, write: Write, events: EventWriter) -> None:
        self._write, self._events = write, events

    def seen(self, seen: Seen) -> None:
        """Faces have lines of their own kind."""

    def visited(self, visit: Visited) -> None:
        """Write the event, unless the settings keep it back."""
        event = self._events.event(visit)
        if event is not None:
            self._write(event.decode())

    def failed(self, failure: AnalyzeError) -> None:
        """Write the failure."""
        self._write(msgspec.json.encode(failure).decode())

    def ended(self, watched: Watched) -> None:
        """The last line is the end."""
