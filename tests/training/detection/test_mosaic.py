"""Mosaics: a face lies where its label says, whatever was done to its picture."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch is not installed (passerby[training])")


from pathlib import Path

import numpy as np
import torch

from tests.training.drawn_scenes import draw_scene, scene_files
from training.data.scenes import Faces, Scenes, load_scenes, make_faces, save_scenes
from training.detection.config import Canvas, Mosaic, Tiling
from training.detection.heads import turn_head
from training.detection.mosaic import Pictures, choose_placement, drop_doubted, make_batch, turn_of
from training.detection.photometry import disturb_share
from training.detection.placement import Placement, cut, make_pyramid, place
from training.runs.augmentation import Augmentation
from training.runs.masks import cover_part, draw_mask

CELL_HW = (60, 90)


def marked(height: int = 120, width: int = 160) -> tuple[np.ndarray, Faces]:
    """A black picture with a white square of 10 px about (100, 45), labelled as a face."""
    image = np.zeros((height, width, 3), np.uint8)
    image[40:50, 95:105] = 255
    points = np.array([(97, 43), (103, 43), (100, 45), (98, 48), (102, 48)], np.float32)
    box = np.array([[95, 40, 105, 50]], np.float32)
    return image, Faces(box, np.ones(1, np.float32), points[None], np.zeros(1, bool), np.zeros(1, np.int64))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("angle", [0.0, 20.0])
@pytest.mark.parametrize(("scale", "finer"), [((1.0, 1.0), 0), ((2.2, 2.0), 0), ((0.45, 0.5), 0), ((0.45, 0.5), 1)])
def test_a_face_moves_with_its_picture(mirrored: bool, angle: float, scale: tuple[float, float], finer: int) -> None:
    image, faces = marked()
    placement = Placement((95.0, 50.0), scale, np.deg2rad(angle), mirrored, CELL_HW)
    cell = cut(make_pyramid(image), placement, finer).mean(0).numpy()
    moved = place(faces, placement, smallest_px=2.0)
    y, x = np.mgrid[: CELL_HW[0], : CELL_HW[1]] + 0.5
    bright = np.array([(x * cell).sum(), (y * cell).sum()]) / cell.sum()
    centre = (moved.boxes[0, :2] + moved.boxes[0, 2:]) / 2
    assert np.abs(bright - centre).max() < 0.8
    assert cell.sum() / 255 == pytest.approx(100 * scale[0] * scale[1], rel=0.25)


def test_landmarks_of_a_mirrored_face_change_places() -> None:
    _, faces = marked()
    moved = place(faces, Placement((80.0, 60.0), (1.0, 1.0), 0.0, True, CELL_HW), smallest_px=2.0)
    right_eye, left_eye = moved.points[0, :2]
    assert right_eye[0] < left_eye[0]
    assert moved.points[0, 3, 0] < moved.points[0, 4, 0]


def test_a_face_at_the_edge_is_cut_and_one_hardly_seen_is_ignored() -> None:
    _, faces = marked()
    most = place(faces, Placement((143.0, 45.0), (1.0, 1.0), 0.0, False, CELL_HW), smallest_px=2.0)
    assert most.points[0, 0].tolist() == [-1, 28]  # known, though outside
    half = place(faces, Placement((145.0, 45.0), (1.0, 1.0), 0.0, False, CELL_HW), smallest_px=2.0)
    assert half.boxes[0].tolist() == [0, 25, 5, 35]
    assert not half.ignored[0]
    assert np.isnan(half.points[0]).all()
    hardly = place(faces, Placement((147.0, 45.0), (1.0, 1.0), 0.0, False, CELL_HW), smallest_px=2.0)
    assert hardly.ignored[0]
    assert len(place(faces, Placement((20.0, 45.0), (1.0, 1.0), 0.0, False, CELL_HW), smallest_px=2.0)) == 0


def test_a_face_that_becomes_too_small_is_ignored() -> None:
    _, faces = marked()
    assert place(faces, Placement((95.0, 50.0), (0.5, 0.5), 0.0, False, CELL_HW), smallest_px=8.0).ignored[0]


def test_a_turned_box_grows_as_a_round_face_does() -> None:
    _, faces = marked()
    turned = place(faces, Placement((95.0, 50.0), (1.0, 1.0), np.pi / 4, False, CELL_HW), smallest_px=2.0)
    assert turned.sides[0] == pytest.approx(faces.sides[0], rel=1e-3)


def test_a_picture_always_fills_its_cell() -> None:
    picture, generator = torch.full((3, 50, 80), 255, dtype=torch.uint8), np.random.default_rng(1)
    wanted = Mosaic(rotation_deg=0.0, stretch=0.0)
    for _ in range(50):
        placement = choose_placement(picture, make_faces([]), CELL_HW, wanted, generator)
        half = np.array((CELL_HW[1], CELL_HW[0])) / placement.scale / 2
        assert (np.array(placement.centre) - half >= -1e-6).all()
        assert (np.array(placement.centre) + half <= np.array((80, 50)) + 1e-6).all()


@pytest.fixture
def scenes(tmp_path: Path) -> Scenes:
    save_scenes(scene_files(range(12)), tmp_path / "scenes.npz")
    return load_scenes(tmp_path / "scenes.npz")


def test_the_same_seed_gives_the_same_batch_and_faces_lie_inside(scenes: Scenes) -> None:
    wanted = Mosaic(tilings=(Tiling(rows=2, columns=3, share=1.0),), smallest_px=4.0)
    canvas, pictures = Canvas(width_px=192, height_px=96), Pictures(scenes, wanted)
    one, other = (make_batch(pictures, canvas, 3, wanted, np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(one.pictures, other.pictures)
    assert one.pictures.shape == (3, 3, 96, 192)
    assert 0 <= float(one.pictures.min()) < float(one.pictures.max()) <= 1
    assert sum(map(len, one.faces)) > 3
    for faces in one.faces:
        assert (faces.boxes >= 0).all() and (faces.boxes <= (192, 96, 192, 96)).all()


def test_only_a_share_of_the_canvases_is_disturbed() -> None:
    pictures = torch.full((10, 3, 32, 32), 0.5)
    generator = torch.Generator().manual_seed(1)
    changed = disturb_share(pictures.clone(), 0.4, Augmentation(), generator) != pictures
    assert changed.flatten(1).any(1).tolist() == [True] * 4 + [False] * 6


def test_a_mask_covers_mouth_and_chin_and_leaves_the_eyes() -> None:
    image, (face, *_) = draw_scene(501)
    before = torch.from_numpy(image).permute(2, 0, 1).float()
    after = before.clone()
    columns = make_faces([face])
    draw_mask(after, columns.boxes[0], columns.points[0], np.random.default_rng(1))
    changed = (before != after).any(0).numpy()
    seen = [changed[int(y), int(x)] for x, y in face.points]
    assert seen == [False, False, seen[2], True, True]
    assert changed.mean() < 0.2


def test_no_mask_is_drawn_where_landmarks_are_not_known() -> None:
    picture = torch.zeros(3, 40, 40)
    box = np.array((5, 5, 35, 35), np.float32)
    draw_mask(picture, box, np.full((5, 2), np.nan, np.float32), np.random.default_rng(1))
    assert not picture.any()


def test_pictures_of_turned_faces_are_drawn_more_often(scenes: Scenes) -> None:
    straight, aside = ([(30, 40), (70, 40), (x, 61), (35, 76), (65, 76)] for x in (50, 68))
    box = np.array([[0, 0, 100, 100]], np.float32)
    looks = [
        Faces(box, np.ones(1, np.float32), np.array([points], np.float32), np.zeros(1, bool), np.zeros(1, np.int64))
        for points in (straight, aside)
    ]
    assert turn_of(looks[0]) < 0.1
    assert turn_of(looks[1]) > 0.9
    pictures = Pictures(Scenes(scenes.images[:2], looks, [True, True], ["drawn"] * 2), Mosaic(turned=4.0))
    generator = np.random.default_rng(1)
    drawn = [pictures.draw(generator, 1.0) for _ in range(600)]
    assert 0.75 < np.mean(drawn) < 0.88  # five to one


def test_what_teachers_only_suspect_beside_labelled_faces_becomes_background() -> None:
    sides = np.array((40, 40, 40, 12, 12, 40), np.float32)
    scores = np.array((1.0, 0.5, 0.7, 0.5, 0.3, 0.2), np.float32)
    ignored = np.array((False, True, True, True, True, False))
    boxes = np.column_stack((np.zeros((6, 2)), sides, sides)).astype(np.float32)
    faces = Faces(boxes, scores, np.zeros((6, 5, 2), np.float32), ignored, np.zeros(6, np.int64))
    assert drop_doubted(faces, Mosaic(doubted=0.6, doubted_small=0.4)).scores.tolist() == scores[[0, 2, 3, 5]].tolist()
    assert len(drop_doubted(faces, Mosaic())) == 6


def test_a_face_that_labels_do_not_count_never_becomes_background(scenes: Scenes) -> None:
    faces = scenes.faces[0]
    invalid = Faces(faces.boxes, np.ones(len(faces), np.float32), faces.points, np.ones(len(faces), bool), faces.states)
    assert len(drop_doubted(invalid, Mosaic(doubted=1.0, doubted_small=1.0))) == len(faces)


def test_some_masks_have_a_pattern_and_most_one_colour() -> None:
    _, (face, *_) = draw_scene(501)
    columns = make_faces([face])
    picture = torch.rand(3, 120, 160, generator=torch.Generator().manual_seed(1)) * 255
    colours = []
    for seed in range(40):
        after = picture.clone()
        draw_mask(after, columns.boxes[0], columns.points[0], np.random.default_rng(seed))
        mask = after[:, (after != picture).any(0)]
        colours.append(float((mask[0] / mask.sum(0)).std()))
    one_colour = np.array(colours) < 0.03
    assert 20 <= one_colour.sum() <= 36


def test_something_in_front_covers_one_side_of_a_face_only() -> None:
    picture = torch.arange(40.0 * 40).reshape(1, 40, 40).repeat(3, 1, 1)
    before = picture.clone()
    cover_part(picture, np.array((10, 10, 30, 30), np.float32), np.random.default_rng(2))
    changed = (picture != before).any(0)
    assert not changed[:10].any() and not changed[30:].any() and not changed[:, :10].any() and not changed[:, 30:].any()
    assert 0.1 * 400 < int(changed.sum()) < 0.5 * 400


STRAIGHT = np.array([(80, 85), (120, 85), (100, 103), (86, 121), (114, 121)], np.float32)
HEAD_BOX = np.array((65, 60, 135, 140), np.float32)


def dotted(points: np.ndarray) -> torch.Tensor:
    """A grey picture with a white dot of 5 px at each point."""
    picture = torch.full((3, 200, 200), 60.0)
    for x, y in points.astype(int):
        picture[:, y - 2 : y + 3, x - 2 : x + 3] = 255
    return picture


@pytest.mark.parametrize("seed", range(6))
def test_landmarks_turn_with_the_head(seed: int) -> None:
    picture = dotted(STRAIGHT)
    turned = turn_head(picture, HEAD_BOX, STRAIGHT.copy(), np.random.default_rng(seed))
    assert np.abs(turned - STRAIGHT).max() > 2
    for x, y in turned.astype(int):
        assert float(picture[0, y - 1 : y + 2, x - 1 : x + 2].max()) > 150


def test_what_is_round_a_head_stays() -> None:
    before = torch.rand(3, 200, 200, generator=torch.Generator().manual_seed(1)) * 255
    after = before.clone()
    turn_head(after, HEAD_BOX, STRAIGHT.copy(), np.random.default_rng(1))
    changed = (before != after).any(0)
    assert changed[90:110, 90:110].any()
    assert (
        not changed[:40].any() and not changed[160:].any() and not changed[:, :50].any() and not changed[:, 150:].any()
    )


@pytest.mark.parametrize("box", [(0, 60, 70, 140), (96, 96, 104, 104)])
def test_a_head_that_is_cut_or_small_is_not_turned(box: tuple[float, ...]) -> None:
    picture = dotted(STRAIGHT)
    same = turn_head(picture, np.array(box, np.float32), STRAIGHT.copy(), np.random.default_rng(1))
    assert np.array_equal(same, STRAIGHT)
    assert torch.equal(picture, dotted(STRAIGHT))
