"""Visits on real clips, with the detector, thresholds and settings that ship; who is really there was seen by eye."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from edge.catalog.lookup import Catalog
from edge.schemas.taxonomy import ADS_8
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.inference.opening import open_session
from edge.sensor.sources.opening import open_source
from edge.sensor.tracking.assignment import ALONE, assign
from edge.sensor.tracking.tracker import FaceTracker
from edge.sensor.types import VisitSummary
from edge.sensor.visits.book import VisitBook
from edge.sensor.visits.fusion import Fusion
from edge.settings.settings import Settings
from tests.places import MODELS

OWN_SIZE, DEFAULT_SIZE = -1, 0
SETTINGS = Settings()

pytestmark = [pytest.mark.golden, pytest.mark.shared]


class Person(NamedTuple):
    """Where a face is to be seen in a clip: seconds since and until, and between which x in px it is seen last."""

    since_s: float
    until_s: float
    left_px: float
    right_px: float

    def is_met_by(self, meeting: Meeting) -> bool:
        in_time = self.since_s <= meeting.visit.first_seen and meeting.visit.last_seen <= self.until_s
        return in_time and self.left_px <= meeting.x_px <= self.right_px


class Meeting(NamedTuple):
    """A visit, and the x in px where its face was seen last."""

    visit: VisitSummary
    x_px: float


class Watched(NamedTuple):
    """The visits of a clip, and how many faces were tracked in all frames together."""

    meetings: list[Meeting]
    faces: int


def open_detector(shared: Path, input_width: int) -> NetworkDetector:
    """YuNet as it ships, on OpenVINO."""
    located = Catalog(MODELS, Path("/nowhere"), [shared / "models"]).locate("yunet-2023mar", ["onnx"])
    return NetworkDetector(
        lambda hw: open_session(located.manifest, located.folder, ["openvino:CPU"], threads=2, input_hw=hw),
        located.manifest,
        input_width=input_width,
    )


def watch(shared: Path, clip: str, input_width: int) -> Watched:
    """Run a clip through detection, tracking and the book of visits."""
    detector = open_detector(shared, input_width)
    tracker = FaceTracker(SETTINGS.tracking, score=0.5)
    book = VisitBook(
        visits=SETTINGS.visits,
        attributes=SETTINGS.attributes,
        attention=SETTINGS.attention,
        minors=SETTINGS.privacy.minors,
        fusion=Fusion(ADS_8, lambda probs: probs),
    )
    source = open_source(str(shared / "video" / clip), SETTINGS.camera, start_at=0.0)
    visits: list[VisitSummary] = []
    last_x: dict[int, float] = {}
    faces = 0
    while (frame := source.read()) is not None:
        detector.start(frame.image)
        update = tracker.update(detector.wait(), frame.captured_at, frame.hw)
        assert book.observe(update.active, frame.captured_at) == []
        seen = [track for track in update.active if track.detected]
        last_x |= {track.track_id: track.box.centre[0] for track in seen}
        faces += len(seen)
        visits += book.end(update.ended, "left")
    visits += book.end(tracker.finish(), "source_ended")
    assert book.opened == book.closed >= len(visits)
    source.close()
    detector.close()
    return Watched([Meeting(visit, last_x[visit.track_id]) for visit in visits], faces)


def assert_each_is_somebody(watched: Watched, people: Sequence[Person]) -> None:
    """Each visit meets a person, and no two the same one."""
    costs = [[0.0 if person.is_met_by(meeting) else ALONE for person in people] for meeting in watched.meetings]
    assert len(assign(costs)) == len(watched.meetings), watched.meetings


TWO_FACES = [Person(0, 10, 60, 330), Person(0, 10, 400, 720)]
WALKING = [Person(0, 3, 130, 230), Person(0, 3, 250, 340)]
PASSERS_BY = [Person(68, 69.5, 700, 768), Person(74.5, 86.5, 700, 768), Person(133.5, 135.5, 700, 768)]
"""Three profiles in front of the wall; all others keep their backs to the camera."""

CROWD = [
    Person(0, 1.3, 480, 570),  # white coat, left, until he is covered
    Person(0, 1.8, 1600, 1800),  # dark hair, walks across to the right
    Person(0, 4.2, 1090, 1180),  # white hair, behind the boy
    Person(0, 4.2, 780, 860),  # boy in blue
    Person(0, 4.2, 380, 470),  # red hair, in front
    Person(0, 4.2, 700, 840),  # red coat, behind the boy; her head comes and goes
    Person(0, 4.0, 200, 320),  # white hair, red scarf
    Person(0, 4.2, 1310, 1400),  # small, far back; seen now and then
    Person(0, 4.2, 1180, 1240),  # leather jacket; taken for the white hair, whom he hides when he comes
    Person(2.5, 4.2, 1250, 1310),  # far right, comes from behind
]


def test_two_people_who_turn_and_tilt_their_heads_are_two_visits(shared: Path) -> None:
    watched = watch(shared, "two-faces-768x432.h264", DEFAULT_SIZE)
    assert_each_is_somebody(watched, TWO_FACES)
    assert len(watched.meetings) == 2
    assert watched.faces >= 560
    assert all(visit.dwell_s > 9.8 for visit, _ in watched.meetings)


def test_two_small_faces_that_walk_up_are_two_visits(shared: Path) -> None:
    watched = watch(shared, "walking-480x270.gif", OWN_SIZE)
    assert_each_is_somebody(watched, WALKING)
    assert len(watched.meetings) == 2
    assert all(visit.dwell_s > 2.5 for visit, _ in watched.meetings)


@pytest.mark.parametrize("input_width", [DEFAULT_SIZE, OWN_SIZE])
def test_heads_seen_from_behind_are_no_visits(shared: Path, input_width: int) -> None:
    watched = watch(shared, "no-faces-768x432.mp4", input_width)
    assert len(watched.meetings) <= 3
    assert_each_is_somebody(watched, PASSERS_BY)


def test_nobody_in_a_crowd_is_two_visits_and_no_hair_is_one(shared: Path) -> None:
    watched = watch(shared, "entrance-1080p.mp4", 640)
    assert_each_is_somebody(watched, CROWD)
    assert len(watched.meetings) >= 8
