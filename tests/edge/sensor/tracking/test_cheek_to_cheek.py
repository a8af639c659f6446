"""Two heads that touch, drawn of portraits, through the detector that is the default."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.sensor.tracking.tracker import FaceTracker
from edge.sensor.types import Image
from edge.settings.settings import Tracking
from tests.pictures.portraits import detect, open_detector, portrait_of_admiral, portrait_of_astronaut
from tests.places import MODELS

HEIGHT, WIDTH = 360, 640


def heads(apart_px: int) -> Image:
    """The admiral, and in front of her cheek the astronaut at two fifths of her size."""
    picture = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    paste(picture, portrait_of_admiral(), centre=(282, 183), face=(258, 215), axes=(150, 190), scale=0.645)
    paste(picture, portrait_of_astronaut(), centre=(282 + apart_px, 209), face=(224, 118), axes=(75, 95), scale=0.505)
    return picture


def paste(
    picture: Image,
    portrait: Image,
    *,
    centre: tuple[int, int],
    face: tuple[int, int],
    axes: tuple[int, int],
    scale: float,
) -> None:
    """Paste the ellipse round a portrait's face with its centre there; px, axes and face before scaling."""
    mask = cv2.GaussianBlur(
        cv2.ellipse(np.zeros(portrait.shape, np.float32), face, axes, 0, 0, 360, (1, 1, 1), -1), (0, 0), 5
    )
    place = np.array([[scale, 0, centre[0] - scale * face[0]], [0, scale, centre[1] - scale * face[1]]])
    moved, shown = (cv2.warpAffine(image, place, (WIDTH, HEIGHT), flags=cv2.INTER_AREA) for image in (portrait, mask))
    picture[:] = picture * (1 - shown) + moved * shown


@pytest.mark.parametrize("apart_px", [65, 70])
def test_two_heads_that_touch_are_two_people(apart_px: int) -> None:
    detector = open_detector(MODELS, "nano-face", "openvino:CPU")
    found = detect(detector, heads(apart_px))
    detector.close()
    tracker = FaceTracker(Tracking(), 0.5)
    for frame in range(10):
        tracker.update(found, frame / 10, (HEIGHT, WIDTH))
    assert len(tracker.finish()) == 2, found
