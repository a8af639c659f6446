"""Where a part of a picture lies in a cell of a mosaic, and where its faces end up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.data.scenes import Faces

Floats = NDArray[np.float32]
MIRRORED = np.array((1, 0, 2, 4, 3))
"""Order of a mirrored face's landmarks: left and right change places."""
LEAST_SEEN, WELL_SEEN = 0.4, 0.6
"""Visible shares of a box: below the first the face is ignored, below the second its landmarks do not count."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A map from picture px to cell px, around a centre in the picture, which goes to the cell's centre.

    scale: cell px for one px of the picture, across and down. angle: radians. mirrored: across, before it is turned.
    """

    centre: tuple[float, float]
    scale: tuple[float, float]
    angle: float
    mirrored: bool
    cell_hw: tuple[int, int]

    def matrix(self) -> Floats:
        """The matrix, float32 (2, 2), for picture px relative to the centre."""
        sign = -1.0 if self.mirrored else 1.0
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turned = np.array([[cos, -sin], [sin, cos]])
        return np.asarray(turned @ np.diag((self.scale[0] * sign, self.scale[1])), np.float32)

    def to_cell(self, points: NDArray[np.floating]) -> Floats:
        """Points, float32 (..., 2) px of the picture, in px of the cell."""
        height, width = self.cell_hw
        moved = (points - np.array(self.centre, np.float32)) @ self.matrix().T
        return np.asarray(moved + np.array((width / 2, height / 2), np.float32), np.float32)


def cut(pyramid: list[Tensor], placement: Placement, finer: int = 0) -> Tensor:
    """The cell's picture, float32 (3, H, W) 0-255, bilinear from the level that is just larger; its edges are repeated.

    pyramid: uint8 (3, H, W), each half of the one before. finer: so many levels finer, which aliases as a camera's
    resize does.
    """
    shrink = np.log2(1 / max(placement.scale))
    level = int(np.clip(np.floor(shrink) - finer, 0, len(pyramid) - 1))
    source = pyramid[level]
    height, width = placement.cell_hw
    factor = (source.shape[2] / pyramid[0].shape[2], source.shape[1] / pyramid[0].shape[1])
    back = np.diag(factor) @ np.linalg.inv(placement.matrix().astype(np.float64))
    origin = np.array(placement.centre) * factor
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (width / 2, height / 2) @ back.T + origin
    left, top = np.floor(corners.min(0) - 1).clip(0, (source.shape[2] - 2, source.shape[1] - 2)).astype(int)
    right, bottom = np.ceil(corners.max(0) + 1).astype(int)
    part = source[:, top : max(bottom, top + 2), left : max(right, left + 2)].float()
    grid = _sampling_grid(back, origin - (left, top), (part.shape[2], part.shape[1]), placement.cell_hw)
    found = functional.grid_sample(part[None], grid, mode="bilinear", padding_mode="border", align_corners=False)
    return found[0]


def _sampling_grid(
    linear: NDArray[np.float64], origin: NDArray[np.float64], size: tuple[int, int], cell_hw: tuple[int, int]
) -> Tensor:
    """For each px of the cell, the place to sample in a part of `size` (width, height) px, in grid_sample's
    coordinates.

    Two outer sums: `affine_grid` takes eight times as long.
    """
    across = torch.arange(cell_hw[1], dtype=torch.float32) + (0.5 - cell_hw[1] / 2)
    down = torch.arange(cell_hw[0], dtype=torch.float32) + (0.5 - cell_hw[0] / 2)
    grid = torch.empty(1, *cell_hw, 2)
    for axis in (0, 1):
        per_px = 2 / size[axis]
        row = across * float(linear[axis, 0] * per_px) + float(origin[axis] * per_px - 1)
        torch.add(row.unsqueeze(0), (down * float(linear[axis, 1] * per_px)).unsqueeze(1), out=grid[0, ..., axis])
    return grid


def place(faces: Faces, placement: Placement, smallest_px: float) -> Faces:
    """The faces in px of the cell, clipped to it; those outside are dropped, those hardly visible or too small ignored.

    A face is treated as an ellipse, so that rotation does not enlarge its box as it would by the corners.
    """
    height, width = placement.cell_hw
    half = (faces.boxes[:, 2:] - faces.boxes[:, :2]) / 2
    matrix = placement.matrix()
    extent = np.sqrt((half**2) @ (matrix**2).T)
    centres = placement.to_cell((faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2)
    whole = np.concatenate((centres - extent, centres + extent), axis=1)
    boxes = whole.clip(0, (width, height, width, height)).astype(np.float32)
    shown = (boxes[:, 2:] - boxes[:, :2]).prod(1) / (4 * extent.prod(1)).clip(1e-6)
    points = placement.to_cell(faces.points)
    points = points[:, MIRRORED] if placement.mirrored else points
    points = np.where((shown < WELL_SEEN)[:, None, None], np.nan, points)
    moved = Faces(boxes, faces.scores, points, faces.ignored, faces.states)
    hidden = (shown < LEAST_SEEN) | (moved.sides < smallest_px)
    moved = Faces(boxes, faces.scores, points, faces.ignored | hidden, faces.states)
    return moved.take((shown > 0.02) & (moved.sides > 1))


def make_pyramid(image: NDArray[np.uint8], smallest_px: int = 24) -> list[Tensor]:
    """A picture, uint8 (H, W, 3), as uint8 (3, H, W), and its averaged halves, down to a side of about smallest_px."""
    levels = [torch.from_numpy(image).permute(2, 0, 1).contiguous()]
    while min(levels[-1].shape[1:]) >= 2 * smallest_px:
        half = functional.avg_pool2d(levels[-1][None].float(), 2)[0]
        levels.append(half.round().to(torch.uint8))
    return levels
