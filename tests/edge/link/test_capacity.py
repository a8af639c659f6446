"""The stated capacity of the link: what a hostile sensor could push through it at the very most.

The numbers stand in docs/privacy.md; whoever widens a field of a link message meets this test.
"""

from __future__ import annotations

import cv2
import msgspec
import numpy as np
import pytest

from edge.link.capacity import bits_of, bits_per_message, bits_per_s, distinct_values, seconds_for
from edge.schemas.link import HealthMessage, LiveMessage, VisitMessage

pytestmark = pytest.mark.privacy

HD_FRAME_BYTES = 1280 * 720 * 3


def _face_chip(side_px: int) -> bytes:
    """The smallest JPEG of a face-like grey chip that a person could still recognize somebody in."""
    y, x = np.mgrid[-1 : 1 : side_px * 1j, -1 : 1 : side_px * 1j]
    face = 60 + 150 * ((x / 0.7) ** 2 + y**2 < 0.9) - 90 * ((abs(x) - 0.3) ** 2 + (y + 0.2) ** 2 < 0.02)
    noise = np.random.default_rng(1).normal(0, 6, face.shape)
    ok, packet = cv2.imencode(".jpg", np.clip(face + noise, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 50])
    assert ok
    return packet.tobytes()


def test_the_stated_capacity_of_the_link() -> None:
    stated = {VisitMessage: 193, LiveMessage: 127, HealthMessage: 249}

    for kind, bits in stated.items():
        assert bits - 1 < bits_of(kind) <= bits
    assert bits_per_message() <= 249
    assert bits_per_s() == pytest.approx(4_960, abs=1)


def test_no_picture_fits_one_message() -> None:
    assert len(_face_chip(8)) * 8 > bits_per_message()


def test_how_long_pictures_would_take() -> None:
    """No wall by itself: a hostile sensor passes a thumbnail in under a second, and at once from a full bucket."""
    thumbnail = _face_chip(32)

    assert 500 < len(thumbnail) < 900
    assert len(thumbnail) * 8 / bits_per_s() > 0.7
    assert seconds_for(len(_face_chip(112))) > 1.0
    assert seconds_for(HD_FRAME_BYTES) > 3_600


def test_video_needs_a_hundred_thousand_times_the_link() -> None:
    assert HD_FRAME_BYTES * 8 * 30 / bits_per_s() > 100_000


def test_a_burst_is_counted_as_already_there() -> None:
    assert seconds_for(620) == 0.0
    assert seconds_for(621) > 0.0


def test_a_type_without_bounds_has_no_capacity() -> None:
    for unbounded in (str, int, float, bytes, list[int], str | None):
        with pytest.raises(TypeError):
            distinct_values(msgspec.inspect.type_info(unbounded))
