"""The cells of all levels as one list, and a network's answer in each, in px."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from training.networks.detection import STRIDES, Level


class Cells(NamedTuple):
    """A cells of all levels, level by level, row by row.

    corners: float32 (A, 2), x and y of the top left corner, px. strides: float32 (A,) px.
    """

    corners: Tensor
    strides: Tensor

    @property
    def centres(self) -> Tensor:
        """Middle of each cell, float32 (A, 2) px."""
        return self.corners + self.strides.unsqueeze(1) / 2


class Guesses(NamedTuple):
    """A network's answers for N pictures, px: logits (N, A), boxes (N, A, 4) corners, points (N, A, 5, 2)."""

    logits: Tensor
    boxes: Tensor
    points: Tensor


@lru_cache(maxsize=16)
def make_cells(hw: tuple[int, int], device: torch.device) -> Cells:
    """The cells of pictures of hw (height, width) px."""
    corners, strides = [], []
    for stride in STRIDES:
        rows, columns = hw[0] // stride, hw[1] // stride
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        corners.append(torch.stack((x.flatten(), y.flatten()), 1).float() * stride)
        strides.append(torch.full((rows * columns,), float(stride)))
    return Cells(torch.cat(corners).to(device), torch.cat(strides).to(device))


def read_levels(levels: list[Level], cells: Cells) -> Guesses:
    """Boxes and points in px, as `edge.sensor.detection.yunet` decodes them."""
    logits, boxes, points = (torch.cat([_rows(level[part]) for level in levels], 1).float() for part in range(3))
    strides = cells.strides.view(1, -1, 1)
    centres = cells.corners + boxes[..., :2] * strides
    half = boxes[..., 2:].clamp(max=6).exp() * strides / 2
    places = points.unflatten(2, (5, 2)) * strides.unsqueeze(3) + cells.corners.unsqueeze(1)
    return Guesses(logits.squeeze(2), torch.cat((centres - half, centres + half), 2), places)


def _rows(answers: Tensor) -> Tensor:
    """(N, C, H, W) to (N, H * W, C)."""
    return answers.permute(0, 2, 3, 1).flatten(1, 2)
