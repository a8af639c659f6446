"""The views of a look: where they are cut, and how their answers become one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.catalog.lookup import open_catalog
from edge.catalog.manifest import Crop
from edge.sensor.assemble import make_fusion, open_networks
from edge.sensor.attributes.views import VIEWS, cut_views, fuse
from edge.sensor.geometry import Box
from edge.sensor.imaging import TEMPLATES
from edge.sensor.types import Detection
from edge.settings.settings import Settings
from tests.pictures.portraits import portrait_of_admiral

NOISE = np.random.default_rng(3).integers(0, 256, (240, 320, 3), np.uint8)
SIDE, POINTS = TEMPLATES["utkface-112"]
FACE = Detection(Box(100, 60, 100 + SIDE, 60 + SIDE), 0.9, POINTS + np.array((100, 60), np.float32))


@pytest.mark.parametrize("crop", [Crop(align="landmarks", template="utkface-112"), Crop(align="box")])
def test_the_views_are_the_face_its_mirror_image_and_one_a_little_higher_and_lower(crop: Crop) -> None:
    plain, mirrored, lower, higher = cut_views(NOISE, FACE, crop, (SIDE, SIDE))
    np.testing.assert_array_equal(plain, NOISE[60 : 60 + SIDE, 100 : 100 + SIDE])
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])
    np.testing.assert_array_equal(lower, NOISE[64 : 64 + SIDE, 100 : 100 + SIDE])
    np.testing.assert_array_equal(higher, NOISE[56 : 56 + SIDE, 100 : 100 + SIDE][:, ::-1])


def test_no_view_is_there_twice_and_the_shifts_even_out() -> None:
    assert len(set(VIEWS)) == len(VIEWS)
    assert sum(view.down for view in VIEWS) == 0
    assert sum(view.mirrored for view in VIEWS) == len(VIEWS) / 2


def test_what_views_agree_on_stays_as_it_is() -> None:
    fused = fuse(np.array([[0.9, 0.1]] * 4, np.float32))
    assert fused.probs == pytest.approx([0.9, 0.1])
    assert fused.spread == pytest.approx(0.0, abs=1e-7)


def test_views_that_contradict_each_other_are_unsure_together() -> None:
    fused = fuse(np.array([[0.12, 0.88], [0.94, 0.06]], np.float32))
    assert fused.probs == pytest.approx([0.53, 0.47])
    assert fused.spread == pytest.approx(0.394, abs=0.001)


def test_what_one_view_rules_out_is_no_nan() -> None:
    fused = fuse(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32))
    assert fused.probs.tolist() == [0.5, 0.5]
    assert fused.spread == pytest.approx(np.log(2))


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=5, max_size=5), min_size=1, max_size=6))
def test_a_look_is_never_surer_than_its_views_on_average(rows: list[list[float]]) -> None:
    views = np.array(rows, np.float32)
    views /= views.sum(axis=1, keepdims=True)
    fused = fuse(views)
    assert fused.probs.max() <= views.max(axis=1).mean() + 1e-6
    assert fused.probs.sum() == pytest.approx(1, abs=1e-5)
    assert 0 <= fused.spread <= np.log(len(rows)) + 1e-5


def test_a_portrait_that_moves_by_a_few_px_stays_what_it_is() -> None:
    """One view gives .06 to .91 for the same photograph, and is sure of both."""
    settings = Settings()
    networks = open_networks(settings, open_catalog())
    assert networks.estimator is not None
    fusion, image = make_fusion(settings, networks.manifests[1:]), portrait_of_admiral()
    chances = []
    for move in range(-4, 5, 2):
        moved = np.ascontiguousarray(np.roll(image, (move, -move), axis=(0, 1)))
        networks.detector.start(moved)
        networks.estimator.start(moved, networks.detector.wait()[:1], [1.0])
        guess = fusion.guess_gender(networks.estimator.wait())
        assert guess is not None
        chances.append(guess.p_female)
    assert max(chances) - min(chances) < 0.35
    assert max(chances) < 0.62
