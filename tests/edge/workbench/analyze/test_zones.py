"""Zones in an analysis: pictures and footage, turned or not, with the networks that ship."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.catalog.lookup import open_catalog
from edge.schemas.analyze import AnalyzeError
from edge.sensor.assemble import Networks, open_networks
from edge.sensor.sources.fake import ScriptedSource
from edge.sensor.types import Frame, Image
from edge.settings.settings import Attributes, Camera, Settings, Zone
from edge.workbench.analyze.analyst import Analyst
from edge.workbench.analyze.drawings import Drawings
from edge.workbench.analyze.footage import watch
from edge.workbench.analyze.listening import Everyone, Seen, Visited, Watched
from edge.workbench.analyze.sources import Source
from tests.pictures.portraits import two_portraits

NO_LOOKS = Attributes(enabled=False)
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
IGNORE_RIGHT, ONLY_RIGHT = Zone(kind="ignore", points=RIGHT), Zone(kind="area", points=RIGHT)
FPS = 10


class Notes:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.places: list[float] = []
        self.visits: list[Visited] = []

    def seen(self, seen: Seen) -> None:
        width = seen.line.width
        self.places += [(face.box[0] + face.box[2]) / 2 / width for face in seen.line.faces]

    def visited(self, visit: Visited) -> None:
        self.visits.append(visit)

    def failed(self, failure: AnalyzeError) -> None:
        raise AssertionError(failure.error)

    def ended(self, watched: Watched) -> None:
        """Nothing to keep."""


@pytest.fixture(scope="module")
def networks() -> Iterator[Networks]:
    opened = open_networks(Settings(attributes=NO_LOOKS), open_catalog({}))
    yield opened
    opened.detector.close()


def places(networks: Networks, picture: Path, settings: Settings, *listeners: Drawings) -> list[float]:
    """Where the faces of a picture are, in fractions of its width."""
    notes = Notes()
    analyst = Analyst(settings, networks, Everyone([notes, *listeners]))
    assert analyst.analyze(Source(str(picture))).error is None
    return notes.places


def a_picture(folder: Path, image: Image) -> Path:
    assert cv2.imwrite(str(folder / "a.png"), image)
    return folder / "a.png"


def test_faces_of_a_picture_are_left_out(networks: Networks, tmp_path: Path) -> None:
    picture = a_picture(tmp_path, two_portraits())
    assert len(places(networks, picture, Settings(attributes=NO_LOOKS))) == 2
    for zone, is_left in ((IGNORE_RIGHT, True), (ONLY_RIGHT, False)):
        (place,) = places(networks, picture, Settings(attributes=NO_LOOKS, zones=(zone,)))
        assert (place < 0.5) is is_left


def test_zones_are_those_of_the_turned_picture(networks: Networks, tmp_path: Path) -> None:
    on_its_side = np.ascontiguousarray(np.rot90(two_portraits()))
    settings = Settings(camera=Camera(rotation_deg=90), attributes=NO_LOOKS, zones=(ONLY_RIGHT,))
    (place,) = places(networks, a_picture(tmp_path, on_its_side), settings)
    assert place > 0.5


def test_zones_are_drawn(networks: Networks, tmp_path: Path) -> None:
    picture = a_picture(tmp_path, two_portraits())
    drawings = Drawings(tmp_path / "out.png", [Source(str(picture))], lambda face: [], (IGNORE_RIGHT,))
    places(networks, picture, Settings(attributes=NO_LOOKS, zones=(IGNORE_RIGHT,)), drawings)
    drawn, plain = cv2.imread(str(tmp_path / "out.png")), two_portraits()
    assert drawn is not None
    assert drawn[:, 530:].mean() == pytest.approx(plain[:, 530:].mean() / 3, rel=0.1)
    assert drawn[:, :490].mean() == pytest.approx(plain[:, :490].mean(), rel=0.1)


@pytest.mark.parametrize(("zones", "visits"), [((), 2), ((IGNORE_RIGHT,), 1), ((ONLY_RIGHT, IGNORE_RIGHT), 0)])
def test_nobody_in_a_zone_is_a_visit(networks: Networks, zones: tuple[Zone, ...], visits: int) -> None:
    image, notes = two_portraits(), Notes()
    frames = (Frame(image, index, index / FPS) for index in range(12))
    settings = Settings(attributes=NO_LOOKS, zones=zones)
    watch(ScriptedSource(frames), Source("a.mp4").named, notes, settings, networks, writer=None, tick=lambda: None)
    assert len(notes.visits) == visits
