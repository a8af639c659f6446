"""Which cells answer for which face: those near its centre whose answer is already the best.

Task-aligned assignment after Feng et al., "TOOD: Task-aligned One-stage Object Detection", ICCV 2021; only strides that
suit a face's size may answer for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.data.scenes import Faces
from training.detection.cells import Cells, Guesses
from training.detection.config import Targets
from training.networks.detection import STRIDES

SCORE_POWER, OVERLAP_POWER = 0.5, 4.0
"""Exponents of score and overlap in the goodness of an answer."""


class FaceList(NamedTuple):
    """F faces of a batch. pictures: int64 (F,), which picture each is in. The rest as in `Faces`."""

    pictures: Tensor
    boxes: Tensor
    scores: Tensor
    points: Tensor
    ignored: Tensor

    def take(self, chosen: Tensor) -> FaceList:
        """The faces at these positions."""
        return FaceList(*(column[chosen] for column in self))


class Assignment(NamedTuple):
    """P cells that answer for faces: positions of picture, cell and face, int64 (P,); wanted scores float32 (P,)."""

    pictures: Tensor
    cells: Tensor
    faces: Tensor
    scores: Tensor


def list_faces(faces: Sequence[Faces], device: torch.device) -> FaceList:
    """The faces of a batch's pictures."""
    pictures = np.repeat(np.arange(len(faces)), [len(each) for each in faces])
    columns = (
        np.concatenate([getattr(each, name) for each in faces]) for name in ("boxes", "scores", "points", "ignored")
    )
    return FaceList(*(torch.from_numpy(np.asarray(each)).to(device) for each in (pictures, *columns)))


@torch.no_grad()
def assign(guesses: Guesses, cells: Cells, faces: FaceList, wanted: Targets) -> Assignment:
    """The cells of the faces that count. A cell that two faces claim answers for the one that it fits better."""
    overlaps = overlap(guesses.boxes[faces.pictures], faces.boxes.unsqueeze(1))
    scores = guesses.logits[faces.pictures].sigmoid()
    goodness = scores**SCORE_POWER * overlaps**OVERLAP_POWER
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    offsets = (cells.centres.unsqueeze(0) - centres.unsqueeze(1)).abs()
    tie = 1e-6 / (1 + offsets.sum(2) / cells.strides)
    allowed = _near(offsets, cells, faces, wanted) & _suits(cells, faces, wanted)
    ranked = torch.where(allowed, goodness + tie, -1.0)
    best, positions = ranked.topk(min(wanted.cells, ranked.shape[1]), dim=1)
    rows = torch.arange(len(faces.boxes), device=best.device).unsqueeze(1).expand_as(positions)
    rows, positions = rows[best > 0], positions[best > 0]
    rows, positions = _one_face_a_cell(rows, positions, overlaps, faces, cells)
    top_goodness = torch.zeros(len(faces.boxes), device=best.device)
    top_overlap = torch.zeros_like(top_goodness)
    chosen_goodness, chosen_overlap = goodness[rows, positions], overlaps[rows, positions]
    top_goodness.scatter_reduce_(0, rows, chosen_goodness, "amax")
    top_overlap.scatter_reduce_(0, rows, chosen_overlap, "amax")
    share = chosen_goodness / top_goodness[rows].clamp(min=1e-9)
    # The root keeps the scores of small faces, whose boxes rarely fit well, near those of large ones.
    scores = share * top_overlap[rows].sqrt() * faces.scores[rows]
    return Assignment(faces.pictures[rows], positions, rows, scores)


def overlap(one: Tensor, other: Tensor) -> Tensor:
    """Intersection over union of boxes, float32 (..., 4) corners, broadcast."""
    shared, union, _ = _areas(one, other)
    return shared / union.clamp(min=1e-6)


def generalised_overlap(one: Tensor, other: Tensor) -> Tensor:
    """Generalised overlap, -1 to 1, after Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019."""
    shared, union, hull = _areas(one, other)
    return shared / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)


def _areas(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    low, high = torch.maximum(one[..., :2], other[..., :2]), torch.minimum(one[..., 2:], other[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(each[..., 2:] - each[..., :2]).clamp(min=0).prod(-1) for each in (one, other)]
    outer = torch.maximum(one[..., 2:], other[..., 2:]) - torch.minimum(one[..., :2], other[..., :2])
    return shared, areas[0] + areas[1] - shared, outer.prod(-1)


def _near(offsets: Tensor, cells: Cells, faces: FaceList, wanted: Targets) -> Tensor:
    """Whether a cell's centre lies near the face's, bool (F, A); a stride is near enough for the smallest."""
    size = faces.boxes[:, 2:] - faces.boxes[:, :2]
    reach = torch.maximum((size * wanted.reach).unsqueeze(1), cells.strides.view(1, -1, 1))
    return (offsets <= reach).all(2)


def _suits(cells: Cells, faces: FaceList, wanted: Targets) -> Tensor:
    """Whether a cell's stride answers for faces of this size, bool (F, A)."""
    size = (faces.boxes[:, 2:] - faces.boxes[:, :2]).clamp(min=0)
    sides = size.prod(1).sqrt().unsqueeze(1)
    low, high = torch.zeros_like(cells.strides), torch.zeros_like(cells.strides)
    for stride, (smallest, largest) in zip(STRIDES, wanted.ranges_px, strict=True):
        low[cells.strides == stride], high[cells.strides == stride] = smallest, largest
    return (sides >= low) & (sides <= high)


def _one_face_a_cell(
    rows: Tensor, positions: Tensor, overlaps: Tensor, faces: FaceList, cells: Cells
) -> tuple[Tensor, Tensor]:
    """Where several faces claim a cell, the one with the largest overlap keeps it."""
    keys = faces.pictures[rows] * len(cells.strides) + positions
    order = torch.argsort(overlaps[rows, positions], descending=True, stable=True)
    by_key = order[torch.argsort(keys[order], stable=True)]
    sorted_keys = keys[by_key]
    first = torch.ones_like(sorted_keys, dtype=torch.bool)
    first[1:] = sorted_keys[1:] != sorted_keys[:-1]
    kept = by_key[first]
    return rows[kept], positions[kept]
