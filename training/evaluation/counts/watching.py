"""A clip through the sensor's own pipeline: its visits, and where their faces were seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge.errors import BadInput, explain
from edge.schemas.analyze import AnalyzeError
from edge.sensor.assemble import Networks
from edge.sensor.geometry import Box
from edge.sensor.ports import TrackUpdate
from edge.sensor.sources.opening import open_source
from edge.sensor.types import VisitSummary
from edge.settings.settings import Settings
from edge.workbench.analyze.footage import watch
from edge.workbench.analyze.listening import Seen, Visited, Watched
from edge.workbench.analyze.sources import Source

CARRIED_S = 0.2
"""A face that was found so long ago is where its track expects it: the detector looks wide at one frame in four only,
and the tracker carries small faces in between.
"""


@dataclass(frozen=True, slots=True)
class Sight:
    """A face of a visit in a frame: number of the visit, box px."""

    visit: int
    box: Box


@dataclass(frozen=True, slots=True)
class Observed:
    """What was made of a clip.

    times_s: of every frame, from the beginning of the clip. size_wh: px. visits: as they would be published, times on
    the same clock. sights: the faces of every frame that belong to visits.
    """

    times_s: Sequence[float]
    size_wh: tuple[int, int]
    visits: Sequence[VisitSummary]
    sights: Sequence[Sequence[Sight]]


def observe(clip: str, settings: Settings, networks: Networks, tick: Callable[[], None]) -> Observed:
    """Watch a clip as the sensor would, with faces detected in every frame.

    Raises BadInput for a camera and for a clip that is damaged, and what opening raises.
    """
    source = open_source(clip, settings.camera, start_at=0.0)
    if source.live:
        source.close()
        raise BadInput(explain("a camera never ends", where=clip, expected="a clip"))
    notes = _Notes()
    ending = watch(
        source, Source(clip).named, notes, settings, networks, writer=None, began_at=0.0, tick=tick,
        on_tracks=notes.tracks,
    )  # fmt: skip
    if ending.error is not None:
        raise ending.error
    return Observed(notes.times_s, notes.size_wh, notes.visits, _sights(notes))


@dataclass(slots=True)
class _Notes:
    """Writes down what passes. Implements `edge.workbench.analyze.listening.Listener`."""

    times_s: list[float] = field(default_factory=list)
    faces: list[list[tuple[int, Box]]] = field(default_factory=list)
    visits: list[VisitSummary] = field(default_factory=list)
    size_wh: tuple[int, int] = (0, 0)

    def tracks(self, update: TrackUpdate, at: float) -> None:
        self.times_s.append(at)
        self.faces.append([(track.track_id, track.box) for track in update.active if at - track.last_seen <= CARRIED_S])

    def visited(self, visit: Visited) -> None:
        self.visits.append(visit.summary)

    def ended(self, watched: Watched) -> None:
        self.size_wh = watched.width, watched.height

    def seen(self, seen: Seen) -> None:
        """Faces come with their tracks."""

    def failed(self, failure: AnalyzeError) -> None:
        """The end says it."""


def _sights(notes: _Notes) -> list[list[Sight]]:
    """The faces that belong to a visit: of its track, within its time. A track that was cut has several visits."""
    of_track: dict[int, list[int]] = {}
    for number, visit in enumerate(notes.visits):
        of_track.setdefault(visit.track_id, []).append(number)
    found = []
    for at, faces in zip(notes.times_s, notes.faces, strict=True):
        pairs = [(_visit_at(of_track.get(track, ()), notes.visits, at), box) for track, box in faces]
        found.append([Sight(number, box) for number, box in pairs if number is not None])
    return found


def _visit_at(numbers: Sequence[int], visits: Sequence[VisitSummary], at: float) -> int | None:
    return next((n for n in numbers if visits[n].first_seen <= at <= visits[n].last_seen), None)
