"""Posters are no people, people are, and one becomes the other: with the real tracker and book, by scripted boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import cv2
import numpy as np
import pytest

from edge.schemas.taxonomy import ADS_8
from edge.sensor.geometry import Box
from edge.sensor.pausing import Pauses
from edge.sensor.pipeline import Pipeline, Stages
from edge.sensor.sources.fake import ScriptedSource
from edge.sensor.stillness.faces import StaticFaces
from edge.sensor.tracking.tracker import FaceTracker
from edge.sensor.types import Detection, Frame, Image
from edge.sensor.visits.book import VisitBook
from edge.sensor.visits.fusion import Fusion
from edge.settings.settings import Settings
from edge.workbench.bench.probes import KeptVisits, Silence
from tests.edge.sensor.stillness.scenes import BAD, SMALL_FACE, STEADY, Camera, person, poster

SETTINGS = Settings()
GONE = np.zeros((256, 256, 3), np.uint8)


class Open:
    """A gate that is always open."""

    def opens(self, image: Image, at: float, *, anyone: bool) -> bool:
        return True


class Boxes:
    """Finds the portrait's face in one of `every` pictures, its box trembling as a detector's does."""

    target = "fake:CPU"

    def __init__(self, every: int = 1) -> None:
        self._chance = np.random.default_rng(3)
        self._there, self._every, self._frames = True, every, 0

    def start(self, image: Image, picture_hw: tuple[int, int] | None = None) -> None:
        self._there = bool(image.max() > 0) and self._frames % self._every == 0
        self._frames += 1

    def wait(self) -> Sequence[Detection]:
        left, top, right, bottom = (np.array(SMALL_FACE.as_xyxy()) + self._chance.normal(0, 0.3, 4)).tolist()
        return [Detection(Box(left, top, right, bottom), 0.95)] if self._there else []


class Pulse(Silence):
    """Notes who is there after every frame, and how many static faces."""

    def __init__(self, book: VisitBook, static: StaticFaces) -> None:
        self._book, self._static = book, static
        self.people: dict[float, int] = {}
        self.static: dict[float, int] = {}

    def beat(self, frame_at: float) -> None:
        self.people[frame_at] = len(self._book)
        self.static[frame_at] = self._static.static


class Run:
    """What the pipeline made of frames."""

    def __init__(self, frames: Iterable[Frame], *, stillness: bool = True, every: int = 1) -> None:
        self.book = VisitBook(
            visits=SETTINGS.visits,
            attributes=SETTINGS.attributes,
            attention=SETTINGS.attention,
            minors="unknown",
            fusion=Fusion(ADS_8, lambda probs: probs),
        )
        self.static = StaticFaces()
        kept, self._pulse = KeptVisits(), Pulse(self.book, self.static)
        stages = Stages(
            gate=Open(),
            detector=Boxes(every),
            tracker=FaceTracker(SETTINGS.tracking, 0.5),
            estimator=None,
            quality=lambda image, track: 1.0,
            min_quality=0.0,
            max_batch=4,
            visits=self.book,
            sink=kept,
            stillness=self.static if stillness else None,
        )
        self.pipeline = Pipeline(stages, pulse=self._pulse, stop=lambda: False, pauses=Pauses())
        self.pipeline.run(ScriptedSource(frames))
        self.visits = kept.visits
        self.people, self.static_faces = self._pulse.people, self._pulse.static


def covered(frames: Iterable[Frame], since_s: float, until_s: float) -> Iterator[Frame]:
    """The frames, the face behind the black back of somebody who walks past."""
    for frame in frames:
        image = frame.image.copy()
        if since_s <= frame.captured_at < until_s:
            x = round(SMALL_FACE.x_min + (frame.captured_at - since_s) / (until_s - since_s) * SMALL_FACE.width)
            cv2.rectangle(image, (x - 40, 0), (x + 20, 255), (20, 20, 20), cv2.FILLED)
        yield Frame(image, frame.index, frame.captured_at)


def nobody(seconds: float, began_at: float) -> Iterator[Frame]:
    return (Frame(GONE, index, began_at + index / 2) for index in range(round(seconds * 2)))


def test_a_poster_that_is_found_at_every_fourth_frame_only_is_nobody_either() -> None:
    run = Run(poster(60, STEADY, fps=8), every=4)
    assert run.people[58.0] == 0
    assert run.visits == []


@pytest.mark.parametrize("camera", [STEADY, BAD])
def test_a_poster_is_nobody_within_a_minute(camera: Camera) -> None:
    run = Run(poster(60, camera))
    assert run.people[10.0] == 1, "nobody can tell so soon"
    assert run.people[58.0] == 0
    assert run.visits == []
    assert (run.static_faces[10.0], run.static_faces[58.0]) == (0, 1)
    assert run.pipeline.counters.static_faces == 0, "nobody is in view of a camera that is closed"
    assert run.book.opened == run.book.closed == 1


def test_without_it_a_poster_is_a_visit() -> None:
    (visit,) = Run(poster(60, STEADY), stillness=False).visits
    assert visit.dwell_s > 59


@pytest.mark.parametrize("camera", [STEADY, BAD])
def test_somebody_who_hardly_moves_is_a_person_all_the_time(camera: Camera) -> None:
    run = Run(person(90, camera))
    (visit,) = run.visits
    assert visit.dwell_s > 89
    assert set(run.people.values()) <= {0, 1}
    assert not [at for at, people in run.people.items() if people == 0 and at > 2]


def test_a_face_that_moves_after_a_minute_is_a_person_from_then_on() -> None:
    frames = chain(poster(60, STEADY), person(20, STEADY, began_at=60, sway_px=4))
    (visit,) = Run(frames).visits
    assert 60 < visit.first_seen < 64
    assert visit.last_seen > 79


def test_somebody_who_walks_past_in_front_of_a_poster_does_not_wake_it() -> None:
    run = Run(covered(poster(70, STEADY), 55, 56))
    assert run.visits == []
    assert run.people[65.0] == 0


def test_a_poster_that_was_hidden_for_a_while_is_nobody_again_at_once() -> None:
    frames = chain(poster(60, STEADY), nobody(10, 60), poster(10, STEADY, began_at=70))
    run = Run(frames)
    assert run.visits == []
    assert max(people for at, people in run.people.items() if at > 60) == 0


def test_somebody_who_stands_where_a_poster_was_is_a_person() -> None:
    frames = chain(poster(60, STEADY), nobody(10, 60), person(30, STEADY, began_at=70, sway_px=4))
    (visit,) = Run(frames).visits
    assert 70 < visit.first_seen < 75
    assert visit.last_seen > 99


def test_a_short_clip_of_a_poster_is_a_visit() -> None:
    """Within half a minute nothing tells a poster from somebody who stands still."""
    assert len(Run(poster(30, STEADY)).visits) == 1


def test_nothing_is_kept_of_pictures_when_nobody_is_there() -> None:
    run = Run(chain(poster(10, STEADY), nobody(10, 10)))
    assert run.static._motion._before is None
