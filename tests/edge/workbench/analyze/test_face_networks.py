"""The networks of a model set in a program: one image in, its faces out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from edge.errors import BadInput, ConfigError, ModelNotFound
from edge.sensor.geometry import Box, iou
from edge.workbench.analyze.face_networks import FaceNetworks, open_model_set
from tests.pictures.portraits import portrait_of_astronaut, two_portraits

GREY = np.full((240, 320, 3), 127, np.uint8)


@pytest.fixture(scope="module")
def networks() -> Iterator[FaceNetworks]:
    with open_model_set("nano") as opened:
        yield opened


def test_it_finds_two_people_and_tells_them_apart(networks: FaceNetworks) -> None:
    faces = sorted(networks.faces(two_portraits()), key=lambda face: face.box)
    assert len(faces) == 2
    assert faces[0].gender is not None
    assert faces[0].gender.label == "female"
    years = [face.age.years for face in faces if face.age and face.age.years is not None]
    assert years[0] < 45 < years[1]


def test_an_image_without_a_face_has_none(networks: FaceNetworks) -> None:
    assert networks.faces(GREY) == []
    assert networks.detect(GREY) == []
    assert networks.estimate(GREY, []) == []


def test_the_two_steps_say_what_the_one_says(networks: FaceNetworks) -> None:
    image = portrait_of_astronaut()
    (face,) = networks.faces(image)
    (detection,) = networks.detect(image)
    (estimate,) = networks.estimate(image, [detection])
    assert iou(Box(*face.box), detection.box) > 0.99
    assert estimate.age_years is not None
    assert face.age is not None
    assert face.age.years == pytest.approx(estimate.age_years, abs=0.06)
    assert estimate.gender_probs is not None
    assert estimate.gender_probs.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (None, "NoneType ()"),
        (GREY[..., 0], "uint8 (240, 320)"),
        (GREY.astype(np.float32), "float32 (240, 320, 3)"),
        (GREY[:0], "uint8 (0, 320, 3)"),
    ],
)
def test_what_is_no_image_is_refused(networks: FaceNetworks, image: Any, got: str) -> None:
    for call in (networks.faces, networks.detect, lambda each: networks.estimate(each, [])):
        with pytest.raises(BadInput) as refused:
            call(image)
        assert f"not an image, got {got}, expected" in str(refused.value)


def test_a_set_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelNotFound, match="unknown model set, got nanno"):
        open_model_set("nanno")


def test_a_target_that_cannot_be_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(ConfigError, match="abacus"):
        open_model_set(targets=["abacus"])
