"""Scenes are drawn as their truth says, the same from the same seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edge.sensor.geometry import Box
from training.evaluation.counts.truth import TruthFace, stays_of
from training.evaluation.scene.drawing import NOISE_STD, Scene, Shot
from training.evaluation.scene.heads import FACE_PX, Head, cut_out
from training.evaluation.scene.walks import Stage, Walk, plan_walks

STAGE = Stage(320, 240, 4.0, 10.0)
RED, BLUE = (0, 0, 250), (250, 0, 0)


def head(colour: tuple[int, int, int], gender: str | None = None) -> Head:
    """A head all of one colour; the face is a square in its middle."""
    photograph = np.full((600, 600, 3), colour, np.uint8)
    return cut_out(photograph, Box(200, 200, 400, 400), gender, 40.0)  # type: ignore[arg-type]


def still(x_px: float, face_px: float = 60.0, times_s: tuple[float, ...] = (0.0, 4.0)) -> Walk:
    """Somebody who stands at a place."""
    return Walk(face_px, 120.0, times_s, (x_px,) * len(times_s), 0.0)


def drawn(*walks: Walk, heads: Sequence[Head] = (head(RED), head(BLUE))) -> list[Shot]:
    return list(Scene(STAGE, heads, walks, np.random.default_rng(1)).shots())


def colour_in(shot: Shot, face: TruthFace) -> str:
    """Which of the two heads is seen in a box."""
    x_min, y_min, x_max, y_max = map(round, face.box.as_xyxy())
    blue, _, red = shot.image[max(y_min, 0) : y_max, max(x_min, 0) : x_max].reshape(-1, 3).mean(0)
    return "red" if red > blue + 40 else "blue" if blue > red + 40 else "neither"


def test_a_face_is_where_the_truth_says_and_as_large() -> None:
    for shot in drawn(still(100), still(220, 40)):
        assert [face.person for face in shot.faces] == [0, 1]
        assert [colour_in(shot, face) for face in shot.faces] == ["red", "blue"]
        assert [face.box.side for face in shot.faces] == pytest.approx([60, 40], rel=0.03)
        assert all(face.visible for face in shot.faces)


def test_a_nearer_head_covers_the_one_behind() -> None:
    for shot in drawn(still(160, 40), still(160, 70)):
        behind, before = shot.faces
        assert (behind.visible, before.visible) == (False, True)
        assert colour_in(shot, behind) == "blue"


@pytest.mark.parametrize(("x_px", "visible"), [(300, False), (20, False), (160, True)])
def test_a_face_over_the_edge_cannot_be_seen(x_px: float, visible: bool) -> None:
    assert all(face.visible is visible for shot in drawn(still(x_px)) for face in shot.faces)


def test_a_person_is_there_from_its_coming_to_its_going() -> None:
    scene = Scene(STAGE, [head(RED, "female")], [still(160, times_s=(1.0, 3.0))], np.random.default_rng(1))
    shots = list(scene.shots())
    assert [index for index, shot in enumerate(shots) if shot.faces] == list(range(10, 31))
    truth = scene.truth([shot.faces for shot in shots])
    assert (truth.fps, truth.size_wh) == (10, (320, 240))
    (person,) = truth.people
    assert (person.intervals, person.gender, person.age) == (((1.0, 3.0),), "female", 40)
    (stay,) = stays_of(truth, [index / 10 for index in range(40)])
    assert (stay.start_s, stay.end_s) == (1.0, 3.0)


def test_the_same_seed_draws_the_same_scene_and_another_one_another() -> None:
    def scene(seed: int) -> tuple[list[Walk], list[Shot]]:
        random = np.random.default_rng(seed)
        walks = plan_walks(STAGE, 3, random)
        return walks, list(Scene(STAGE, [head(RED)], walks, random).shots())

    one, again, other = scene(1), scene(1), scene(2)
    assert one[0] == again[0] != other[0]
    assert [shot.faces for shot in one[1]] == [shot.faces for shot in again[1]]
    assert all((a.image == b.image).all() for a, b in zip(one[1], again[1], strict=True))
    assert not (one[1][0].image == other[1][0].image).all()


def test_frames_have_a_cameras_noise() -> None:
    first, second = (shot.image.astype(int) for shot in drawn()[:2])
    assert np.std(first - second) == pytest.approx(NOISE_STD * 2**0.5, rel=0.15)


def test_people_come_from_a_side_stop_or_cross_and_are_gone() -> None:
    stage = Stage(1280, 720, 120.0, 15.0)
    walks = plan_walks(stage, 300, np.random.default_rng(3))
    through = [walk for walk in walks if walk.times_s[1] == walk.times_s[2]]
    assert 0.2 < len(through) / len(walks) < 0.4
    assert all(walk.places_px[0] != walk.places_px[-1] for walk in through), (
        "who does not stop leaves at the other side"
    )
    back = [walk for walk in walks if walk.places_px[0] == walk.places_px[-1]]
    assert 0.2 < len(back) / len(walks) < 0.5
    for walk in walks:
        for place in (walk.places_px[0], walk.places_px[-1]):
            assert place in (-walk.face_px, 1280 + walk.face_px)
        assert 0 <= walk.times_s[0] <= walk.times_s[-1] <= 120
        assert walk.centre(walk.times_s[0] - 0.01) is walk.centre(walk.times_s[-1] + 0.01) is None


def test_a_cut_out_ends_with_its_photograph() -> None:
    found = cut_out(np.full((300, 300, 3), 200, np.uint8), Box(0, 100, 100, 200))
    assert found.face.side == pytest.approx(FACE_PX)
    middle = round(found.face.centre[1])
    assert found.opacity[middle, round(found.face.centre[0])] == 1
    assert found.opacity[middle, : round(found.face.x_min) - 1].max() == 0
    assert found.mirrored().opacity[middle, round(found.mirrored().face.x_max) + 1 :].max() == 0
