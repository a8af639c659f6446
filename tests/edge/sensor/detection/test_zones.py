"""Faces that zones leave out are gone before anything behind the detector sees them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edge.cli.schema import CONTRACTS, json_schema
from edge.sensor.detection.zones import Zoned, is_counted
from edge.sensor.geometry import Box
from edge.sensor.types import Detection, Image
from edge.settings.settings import Zone

HW = (100, 200)
RIGHT_HALF = Zone(kind="ignore", points=((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)))
LEFT_HALF = Zone(kind="area", points=((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))


def face(x: float, y: float = 50, side: float = 20, score: float = 0.9) -> Detection:
    """A face by the centre of its box in px."""
    return Detection(Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2), score)


class Finder:
    """A detector that finds the same faces in every image."""

    target = "fake:CPU"

    def __init__(self, *faces: Detection) -> None:
        self._faces = faces

    def start(self, image: Image, picture_hw: tuple[int, int] | None = None) -> None:
        assert image.shape[:2] == HW

    def wait(self) -> Sequence[Detection]:
        return self._faces


@pytest.mark.parametrize("zone", [RIGHT_HALF, LEFT_HALF])
def test_faces_outside_are_not_found_sure_or_faint(zone: Zone) -> None:
    kept = [face(20), face(95, score=0.1)]
    detector = Zoned(Finder(kept[0], face(150), kept[1], face(106, score=0.1)), [zone])
    detector.start(np.zeros((*HW, 3), np.uint8))
    assert detector.wait() == kept
    assert detector.target == "fake:CPU"


def test_a_face_is_where_the_centre_of_its_box_is() -> None:
    assert is_counted(face(99, side=80), [RIGHT_HALF], HW)
    assert not is_counted(face(101, side=80), [RIGHT_HALF], HW)


def test_a_face_at_the_edge_is_where_the_part_in_the_picture_is() -> None:
    """The centre of a box that reaches out of the picture may lie outside of every area."""
    whole = Zone(kind="area", points=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    for x, y in [(-4, 50), (203, 50), (100, -4), (100, 104), (-4, -4), (203, 104)]:
        assert is_counted(face(x, y), [whole], HW)


def test_zones_are_fractions_of_whatever_the_detector_is_given() -> None:
    narrow = Zone(kind="ignore", points=((0.0, 0.0), (1.0, 0.0), (1.0, 0.25)))
    assert is_counted(face(180, 30, 4), [narrow], (100, 200))
    assert not is_counted(face(180, 30, 4), [narrow], (200, 200))


@pytest.mark.contract
@pytest.mark.privacy
def test_no_event_and_no_message_of_the_link_has_a_field_for_a_zone() -> None:
    carried = [name for name in CONTRACTS if name not in ("config-1", "manifest-1", "sets-1")]
    assert {"link-sensor-1", "health-1", "info-1", "visit-1", "live-1"} <= set(carried)
    assert not [name for name in carried for word in ("zone", "points", "polygon") if word in str(json_schema(name))]
