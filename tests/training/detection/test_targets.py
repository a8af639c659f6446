"""Which cells answer for a face, and that right answers cost nothing."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch is not installed (passerby[training])")


import numpy as np
import torch

from edge.sensor.detection import yunet
from training.data.scenes import Faces
from training.detection.assignment import FaceList, assign, generalised_overlap, list_faces, overlap
from training.detection.calibration import Line, fit_line
from training.detection.cells import Cells, Guesses, make_cells, read_levels
from training.detection.config import Targets
from training.detection.losses import losses
from training.networks.detection import STRIDES, Level

CPU, HW, WANTED = torch.device("cpu"), (128, 192), Targets()


def faces_of(*boxes: tuple[float, ...], ignored: tuple[int, ...] = (), score: float = 1.0) -> FaceList:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    points = np.repeat(((corners[:, None, :2] + corners[:, None, 2:]) / 2), 5, axis=1)
    away = np.isin(np.arange(len(boxes)), ignored)
    columns = Faces(corners, np.full(len(boxes), score, np.float32), points, away, np.zeros(len(boxes), np.int64))
    return list_faces([columns], CPU)


def answers(cells: Cells, faces: FaceList, logit: float = 0.0) -> Guesses:
    """Every cell answers for the face that is nearest to it."""
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    nearest = (cells.centres.unsqueeze(1) - centres).norm(dim=2).argmin(1)
    logits = torch.full((1, len(cells.strides)), logit)
    return Guesses(logits, faces.boxes[nearest].unsqueeze(0).clone(), faces.points[nearest].unsqueeze(0).clone())


@pytest.mark.parametrize(("side", "strides"), [(9.0, {8}), (40.0, {8, 16}), (100.0, {16, 32}), (120.0, {16, 32})])
def test_the_strides_that_suit_a_face_answer_near_its_centre(side: float, strides: set[int]) -> None:
    cells, faces = make_cells(HW, CPU), faces_of((60, 4, 60 + side, 4 + side))
    found = assign(answers(cells, faces), cells, faces, WANTED)
    assert {int(cells.strides[each]) for each in found.cells} <= strides
    assert 1 <= len(found.cells) <= WANTED.cells
    reach = torch.clamp(cells.strides[found.cells], min=WANTED.reach * side)
    away = (cells.centres[found.cells] - torch.tensor((60 + side / 2, 4 + side / 2))).abs()
    assert (away <= reach.unsqueeze(1)).all()


def test_the_smallest_face_between_cells_is_answered_for() -> None:
    cells, faces = make_cells(HW, CPU), faces_of((12.5, 12.5, 19.5, 19.5))
    assert len(assign(answers(cells, faces), cells, faces, WANTED).cells) >= 4


def test_a_cell_answers_for_one_face_only() -> None:
    cells, faces = make_cells(HW, CPU), faces_of((40, 40, 70, 70), (44, 44, 74, 74))
    found = assign(answers(cells, faces), cells, faces, WANTED)
    assert len(found.cells.unique()) == len(found.cells)
    assert set(found.faces.tolist()) == {0, 1}


def test_wanted_scores_keep_how_sure_the_teachers_were() -> None:
    cells, faces = make_cells(HW, CPU), faces_of((40, 40, 70, 70), score=0.7)
    assert assign(answers(cells, faces), cells, faces, WANTED).scores.max() == pytest.approx(0.7)


def test_right_answers_cost_nothing_and_wrong_ones_do() -> None:
    cells, faces = make_cells(HW, CPU), faces_of((40, 40, 70, 70))
    right = answers(cells, faces, logit=-12.0)
    assigned = assign(right, cells, faces, WANTED)
    right.logits[0, assigned.cells] = 12.0
    best = losses(right, cells, faces, WANTED)
    assert float(best.total) < 1e-3
    moved = losses(right._replace(boxes=right.boxes + 10), cells, faces, WANTED)
    assert float(moved.box) > 0.3
    turned = losses(right._replace(points=right.points + 6), cells, faces, WANTED)
    assert float(turned.points) == pytest.approx(
        (6 / 30 - 0.025) * 5 / 6, rel=1e-3
    )  # the nose is where it was in the face
    nose = right.points.clone()
    nose[..., 2, 0] += 6
    error = 6 / 30 - 0.025
    assert float(losses(right._replace(points=nose), cells, faces, WANTED).points) == pytest.approx(error / 6, rel=1e-3)
    assert float(losses(right._replace(logits=-right.logits), cells, faces, WANTED).score) > 5


def test_where_a_face_is_ignored_no_score_is_wrong() -> None:
    cells = make_cells(HW, CPU)
    faces = faces_of((40, 40, 70, 70), (120, 60, 150, 90), ignored=(1,))
    counted = faces.take(~faces.ignored)
    quiet = answers(cells, counted, logit=-12.0)
    loud = quiet._replace(logits=quiet.logits.clone())
    inside = ((cells.centres > torch.tensor((120, 60))) & (cells.centres < torch.tensor((150, 90)))).all(1)
    loud.logits[0, inside] = 12.0
    assert torch.equal(losses(loud, cells, faces, WANTED).score, losses(quiet, cells, faces, WANTED).score)
    assert losses(loud, cells, counted, WANTED).score > losses(quiet, cells, counted, WANTED).score


def test_a_picture_without_a_face_teaches_only_that_there_is_none() -> None:
    cells = make_cells(HW, CPU)
    guesses = Guesses(torch.zeros(1, len(cells.strides)), torch.zeros(1, len(cells.strides), 4),
                      torch.zeros(1, len(cells.strides), 5, 2))  # fmt: skip
    found = losses(guesses, cells, faces_of(), WANTED)
    assert float(found.score) > 0
    assert float(found.box) == float(found.points) == 0


def test_answers_are_read_as_the_device_decodes_them() -> None:
    generator = torch.Generator().manual_seed(3)
    levels = [
        Level(*(torch.randn(1, part, HW[0] // stride, HW[1] // stride, generator=generator) for part in (1, 4, 10)))
        for stride in STRIDES
    ]
    outputs = {}
    for stride, level in zip(STRIDES, levels, strict=True):
        score, box, points = (each.permute(0, 2, 3, 1).flatten(1, 2).numpy() for each in level)
        score = 1 / (1 + np.exp(-score))
        outputs |= {f"cls_{stride}": score, f"obj_{stride}": score, f"bbox_{stride}": box, f"kps_{stride}": points}
    expected, found = yunet.decode(outputs, HW, 0.0), read_levels(levels, make_cells(HW, CPU))
    assert expected.landmarks is not None
    assert np.allclose(found.logits.sigmoid()[0], expected.scores, atol=1e-5)
    assert np.allclose(found.boxes[0], expected.boxes, atol=1e-3)
    assert np.allclose(found.points[0], expected.landmarks, atol=1e-3)


def test_overlaps_are_those_of_the_papers() -> None:
    one, other, far = (torch.tensor(box) for box in ((0.0, 0.0, 2.0, 2.0), (1.0, 0.0, 3.0, 2.0), (4.0, 0.0, 6.0, 2.0)))
    assert float(overlap(one, other)) == pytest.approx(1 / 3)
    assert float(generalised_overlap(one, other)) == pytest.approx(1 / 3)
    assert float(generalised_overlap(one, far)) == pytest.approx(-1 / 3)


def test_a_line_makes_scores_mean_shares() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, 4000)
    right = random.random(4000) < 1 / (1 + np.exp(-(0.5 * logits - 1)))
    line = fit_line(1 / (1 + np.exp(-logits)), right)
    assert line.slope == pytest.approx(0.5, abs=0.05)
    assert line.offset == pytest.approx(-1, abs=0.1)
    assert fit_line(np.array([0.3, 0.9]), [True, True]) == Line()
