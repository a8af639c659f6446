"""Lines of `passerby analyze`: clipped, rounded, sorted, and honest about what is not known."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from edge.schemas.analyze import AnalyzeLine, Face
from edge.schemas.interval import Interval
from edge.schemas.taxonomy import ADS_8
from edge.sensor.geometry import Box
from edge.sensor.types import AttributeEstimate, Detection
from edge.sensor.visits.fusion import Fusion
from edge.workbench.analyze.lines import FoundFace, LineWriter

IMAGE = np.zeros((100, 200, 3), np.uint8)
FUSION = Fusion(ADS_8, lambda probs: probs)


def a_look(
    *, p_female: float = 0.9, bracket: int = 3, sure: float = 0.8, years: float | None = 29.44
) -> AttributeEstimate:
    ages = np.full(8, (1 - sure) / 7, np.float32)
    ages[bracket] = sure
    return AttributeEstimate(ages, np.array([p_female, 1 - p_female], np.float32), 1.0, years)


def a_face(*box: float, score: float = 0.9, look: AttributeEstimate | None = None) -> FoundFace:
    landmarks = np.array([(10.04, 20.06)] * 5, np.float32)
    return FoundFace(Detection(Box(*box), score, landmarks), looks=[look] if look else [])


def the_face(found: FoundFace, *, untrained: bool = False) -> Face:
    [face] = LineWriter(FUSION, untrained=untrained).line("a.jpg", IMAGE, [found]).faces
    return face


def test_boxes_are_clipped_to_the_image_and_rounded() -> None:
    face = the_face(a_face(-5.2, 10.26, 230.0, 90.04))
    assert face.box == (0.0, 10.3, 200.0, 90.0)
    assert face.landmarks is not None
    assert face.landmarks[0] == pytest.approx((10.0, 20.1))


def test_faces_come_best_first_and_none_from_outside_the_image() -> None:
    found = [a_face(0, 0, 9, 9, score=0.5), a_face(0, 0, 9, 9, score=0.8), a_face(-30, 0, -2, 9, score=0.99)]
    line = LineWriter(FUSION).line("a.jpg", IMAGE, found, 7, 0.23351)
    assert [face.score for face in line.faces] == [0.8, 0.5]
    assert (line.width, line.height, line.frame, line.time_s) == (200, 100, 7, 0.234)


def test_a_line_is_what_its_schema_says() -> None:
    line = LineWriter(FUSION).line("a.jpg", IMAGE, [a_face(0, 0, 9, 9, look=a_look())])
    assert msgspec.json.decode(msgspec.json.encode(line), type=AnalyzeLine) == line


def test_labels_have_their_bracket_and_confidence() -> None:
    face = the_face(a_face(0, 0, 9, 9, look=a_look()))
    assert face.gender is not None
    assert (face.gender.label, face.gender.confidence, face.gender.p_female) == ("female", 0.9, 0.9)
    assert face.age is not None
    assert (face.age.bracket, face.age.low, face.age.high, face.age.confidence) == ("25-34", 25, 34, 0.8)
    assert face.age.interval == Interval(low=25, high=34, coverage=0.8)


def test_below_the_thresholds_labels_are_unknown_but_the_numbers_are_told() -> None:
    face = the_face(a_face(0, 0, 9, 9, look=a_look(p_female=0.4, sure=0.2)))
    assert face.gender is not None
    assert (face.gender.label, face.gender.confidence, face.gender.p_female) == ("unknown", 0.6, 0.4)
    assert face.age is not None
    assert (face.age.bracket, face.age.low, face.age.high) == ("unknown", None, None)
    assert face.age.years == 29.4


def test_class_models_have_no_years() -> None:
    face = the_face(a_face(0, 0, 9, 9, look=a_look(years=None)))
    assert face.age is not None
    assert face.age.years is None


def test_without_attribute_networks_there_is_no_age_and_no_gender() -> None:
    face = the_face(a_face(0, 0, 9, 9))
    assert face.age is None
    assert face.gender is None


def test_untrained_networks_are_never_sure() -> None:
    face = the_face(a_face(0, 0, 9, 9, look=a_look()), untrained=True)
    assert face.gender is not None
    assert (face.gender.label, face.gender.confidence, face.gender.p_female) == ("unknown", 0.0, 0.5)
    assert face.age is not None
    assert (face.age.bracket, face.age.confidence, face.age.years) == ("unknown", 0.0, None)
    assert face.age.interval is None
