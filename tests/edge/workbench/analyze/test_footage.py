"""Footage of an analysis: sources that break, and live ones that Ctrl-C ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge.catalog.lookup import open_catalog
from edge.errors import BadInput
from edge.schemas.analyze import AnalyzeError
from edge.schemas.interval import interval_of
from edge.sensor.assemble import Networks, make_fusion, open_networks
from edge.sensor.sources.fake import ScriptedSource, Step
from edge.sensor.types import Frame
from edge.settings.settings import Settings
from edge.workbench.analyze.footage import watch
from edge.workbench.analyze.lines import LineWriter
from edge.workbench.analyze.listening import Seen, Visited, Watched
from edge.workbench.analyze.pictures import Detecting, look_at
from edge.workbench.analyze.sources import Named, Source
from tests.pictures.portraits import portrait_of_astronaut

SETTINGS = Settings()
NAMED = Source("clip.mp4").named
FPS = 10

pytestmark = pytest.mark.shared


class Notes:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.frames: list[Seen] = []
        self.visits: list[Visited] = []
        self.failures: list[AnalyzeError] = []
        self.ends: list[Watched] = []

    def seen(self, seen: Seen) -> None:
        self.frames.append(seen)

    def visited(self, visit: Visited) -> None:
        self.visits.append(visit)

    def failed(self, failure: AnalyzeError) -> None:
        self.failures.append(failure)

    def ended(self, watched: Watched) -> None:
        self.ends.append(watched)


@pytest.fixture(scope="module")
def networks(shared: Path) -> Networks:
    return open_networks(SETTINGS, open_catalog({"PASSERBY_SHARED": str(shared)}))


def standing(frames: int, began_at: float = 100.0) -> Iterator[Frame]:
    """Somebody who looks at the screen."""
    image = portrait_of_astronaut()
    return (Frame(image, index, began_at + index / FPS) for index in range(frames))


def notes_of(source: ScriptedSource, networks: Networks, *, named: Named = NAMED) -> Notes:
    notes = Notes()
    writer = LineWriter(make_fusion(SETTINGS, networks.manifests[1:]))
    ticks: list[int] = []
    watch(source, named, notes, SETTINGS, networks, writer=writer, tick=lambda: ticks.append(1))
    assert len(ticks) == len(notes.frames)
    return notes


def test_a_still_picture_is_looked_at_in_every_frame(networks: Networks) -> None:
    notes = notes_of(ScriptedSource(standing(40)), networks)
    assert [seen.line.time_s for seen in notes.frames] == pytest.approx([index / FPS for index in range(40)])
    assert all(seen.line.faces[0].track_id == 1 for seen in notes.frames)
    assert all(seen.line.faces[0].gender for seen in notes.frames)
    [visit] = notes.visits
    assert visit.since_s == 0
    assert visit.historical
    assert visit.summary.dwell_s == pytest.approx(3.9)
    assert notes.ends == [Watched("clip.mp4", 40, pytest.approx(3.9), 512, 512, 1)]


def test_a_face_is_told_what_its_visit_knows(networks: Networks) -> None:
    """A picture, and a clip of it, give one answer, as the visit does."""
    notes = notes_of(ScriptedSource(standing(60)), networks)
    image = portrait_of_astronaut()
    networks.detector.start(image)
    [picture] = look_at(networks.estimator, image, networks.detector.wait()[:1])
    fusion = make_fusion(SETTINGS, networks.manifests[1:])
    [visit] = notes.visits
    last = notes.frames[-1].line.faces[0]
    assert visit.summary.samples > 1
    assert last.gender is not None
    assert last.age is not None
    for guess in (visit.summary.gender, fusion.guess_gender(picture.looks)):
        assert guess is not None
        assert last.gender.p_female == pytest.approx(guess.p_female, abs=0.02)
    for age in (visit.summary.age, fusion.guess_age(picture.looks)):
        assert age is not None
        assert last.age.confidence == pytest.approx(age.confidence, abs=0.03)
        assert last.age.interval == interval_of(fusion.taxonomy, age.interval)


def test_a_face_that_is_too_small_for_a_visits_look_gets_none(networks: Networks) -> None:
    strict = msgspec.structs.replace(SETTINGS, attributes=msgspec.structs.replace(SETTINGS.attributes, min_face_px=900))
    notes = Notes()
    writer = LineWriter(make_fusion(strict, networks.manifests[1:]))
    watch(ScriptedSource(standing(20)), NAMED, notes, strict, networks, writer=writer, tick=lambda: None)
    assert all(seen.line.faces[0].age is None for seen in notes.frames)
    assert notes.visits[0].summary.samples == 0
    small = Detecting(networks.detector, networks.estimator, 0.5, 900)
    small.begin([portrait_of_astronaut()])
    assert [face.looks for face in small.finish()[0]] == [()]


def test_a_source_that_breaks_closes_its_visits_and_the_next_one_starts_afresh(networks: Networks) -> None:
    def torn() -> Iterator[Step]:
        yield from standing(20)
        yield BadInput("clip.mp4: torn")

    broken = notes_of(ScriptedSource(torn()), networks)
    assert len(broken.frames) == 20
    assert len(broken.visits) == 1
    assert broken.failures == [AnalyzeError(source="clip.mp4", error="clip.mp4: torn")]
    assert broken.ends == []
    assert len(notes_of(ScriptedSource(standing(20)), networks).visits) == 1


def test_ctrl_c_ends_a_live_source_as_if_it_were_over(networks: Networks) -> None:
    def until_ctrl_c() -> Iterator[Frame]:
        yield from standing(20)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    notes = Notes()
    source = ScriptedSource(until_ctrl_c(), live=True)
    ending = watch(source, NAMED, notes, SETTINGS, networks, writer=None, tick=lambda: None)
    assert ending.interrupted
    assert ending.error is None
    [visit] = notes.visits
    assert not visit.historical
    assert len(notes.ends) == 1
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("live", [False, True])
def test_who_has_had_enough_ends_a_source_as_if_it_were_over(networks: Networks, live: bool) -> None:
    asked: list[int] = []

    def go_on() -> bool:
        asked.append(1)
        return len(asked) <= 20

    notes = Notes()
    source = ScriptedSource(standing(40), live=live)
    ending = watch(source, NAMED, notes, SETTINGS, networks, writer=None, tick=lambda: None, go_on=go_on)
    assert ending == (None, False)
    [visit] = notes.visits
    assert visit.summary.dwell_s == pytest.approx(1.9)
    assert [end.frames for end in notes.ends] == [20]


def test_ctrl_c_ends_a_live_source_that_somebody_paused(networks: Networks) -> None:
    asked: list[int] = []

    def go_on() -> bool:
        asked.append(1)
        while len(asked) > 20:  # paused
            os.kill(os.getpid(), signal.SIGINT)
        return True

    notes = Notes()
    source = ScriptedSource(standing(40), live=True)
    ending = watch(source, NAMED, notes, SETTINGS, networks, writer=None, tick=lambda: None, go_on=go_on)
    assert ending == (None, True)
    assert [end.frames for end in notes.ends] == [20]


def test_who_leaves_while_a_camera_is_awaited_ends_it_too(networks: Networks) -> None:
    def awaited() -> Iterator[Frame]:
        yield from standing(20)
        raise KeyboardInterrupt

    notes = Notes()
    source = ScriptedSource(awaited(), live=True)
    ending = watch(source, NAMED, notes, SETTINGS, networks, writer=None, tick=lambda: None)
    assert ending == (None, False)
    assert [end.frames for end in notes.ends] == [20]


def test_ctrl_c_breaks_off_a_file(networks: Networks) -> None:
    def until_ctrl_c() -> Iterator[Frame]:
        yield from standing(20)
        os.kill(os.getpid(), signal.SIGINT)
        yield from standing(20)

    notes = Notes()
    with pytest.raises(KeyboardInterrupt):
        watch(ScriptedSource(until_ctrl_c()), NAMED, notes, SETTINGS, networks, writer=None, tick=lambda: None)
    assert notes.ends == []
