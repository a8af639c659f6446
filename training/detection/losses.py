"""How wrong a network's answers are.

Scores by quality focal loss (Li et al., "Generalized Focal Loss", NeurIPS 2020), boxes by generalised overlap,
landmarks by smooth L1 in shares of the box's side.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from training.detection.assignment import Assignment, FaceList, assign, generalised_overlap
from training.detection.cells import Cells, Guesses
from training.detection.config import Targets

NOSE = 2


class Losses(NamedTuple):
    """Sums over cells, divided by the sum of the wanted scores; `total` is what is minimised."""

    total: Tensor
    score: Tensor
    box: Tensor
    points: Tensor


def losses(guesses: Guesses, cells: Cells, faces: FaceList, wanted: Targets) -> Losses:
    """Losses of one batch."""
    counted = faces.take(~faces.ignored)
    assigned = assign(guesses, cells, counted, wanted)
    weight = assigned.scores.sum().clamp(min=1.0)
    score = _score_loss(guesses, cells, faces, assigned) / weight
    boxes, truth = guesses.boxes[assigned.pictures, assigned.cells], counted.boxes[assigned.faces]
    box = ((1 - generalised_overlap(boxes, truth)) * assigned.scores).sum() / weight
    points = _points_loss(guesses, counted, assigned, wanted) / weight
    return Losses(score + wanted.box_weight * box + wanted.points_weight * points, score, box, points)


def _score_loss(guesses: Guesses, cells: Cells, faces: FaceList, assigned: Assignment) -> Tensor:
    wanted = torch.zeros_like(guesses.logits)
    wanted[assigned.pictures, assigned.cells] = assigned.scores
    distance = (wanted - guesses.logits.sigmoid()).square()
    each = functional.binary_cross_entropy_with_logits(guesses.logits, wanted, reduction="none") * distance
    counts = ~_in_ignored(cells, faces, len(guesses.logits))
    counts[assigned.pictures, assigned.cells] = True
    return (each * counts).sum()


def _in_ignored(cells: Cells, faces: FaceList, pictures: int) -> Tensor:
    """Whether a cell's centre lies in, or within a stride of, an ignored face, bool (N, A)."""
    ignored = faces.take(faces.ignored)
    inside = torch.zeros(pictures, len(cells.strides), dtype=torch.bool, device=cells.strides.device)
    if len(ignored.boxes):
        centres, margin = cells.centres.unsqueeze(0), cells.strides.view(1, -1, 1) * 0.5
        low, high = ignored.boxes[:, None, :2] - margin, ignored.boxes[:, None, 2:] + margin
        hits = ((centres >= low) & (centres <= high)).all(2)
        inside.index_put_((ignored.pictures,), hits, accumulate=True)
    return inside


def _points_loss(guesses: Guesses, faces: FaceList, assigned: Assignment, wanted: Targets) -> Tensor:
    truth = faces.points[assigned.faces]
    known = ~truth.isnan().flatten(1).any(1)
    truth, found = truth[known], guesses.points[assigned.pictures, assigned.cells][known]
    box = faces.boxes[assigned.faces][known]
    side = (box[:, 2:] - box[:, :2]).prod(1).sqrt().view(-1, 1, 1)
    error = functional.smooth_l1_loss(
        _with_turn(found / side), _with_turn(truth / side), beta=wanted.points_beta, reduction="none"
    )
    return (error.mean((1, 2)) * assigned.scores[known]).sum()


def _with_turn(points: Tensor) -> Tensor:
    """The points (P, 5, 2) and a sixth: the nose relative to the mean of the others, from which
    `edge.sensor.visits.pose` reads the pose.
    """
    others = (points.sum(1) - points[:, NOSE]) / 4
    return torch.cat((points, (points[:, NOSE] - others).unsqueeze(1)), 1)
