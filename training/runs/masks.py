"""What hides a part of a face: masks over mouth and nose, and objects in front."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from training.runs.augmentation import FABRICS_BGR, PATTERNED

Floats = NDArray[np.float32]
SMALLEST_PX = 12.0


def draw_mask(picture: Tensor, box: Floats, points: Floats, generator: Generator) -> None:
    """Draw a mask, in place, into a picture, float32 (3, H, W) BGR 0-255; nothing where landmarks are missing.

    An ellipse from the middle of the nose to below the chin, along the face's own axis, in a plain colour or a pattern
    from elsewhere in the picture; some of the light on the face is kept.
    """
    side = float(np.sqrt((box[2] - box[0]) * (box[3] - box[1])))
    if np.isnan(points).any() or side < SMALLEST_PX:
        return
    eyes, mouth, nose = points[:2].mean(0), points[3:].mean(0), points[2]
    down = (mouth - eyes) / max(float(np.linalg.norm(mouth - eyes)), 1e-3)
    centre = nose * 0.3 + mouth * 0.7 + down * 0.08 * side
    along, across = 0.34 * side, 0.46 * side * float(generator.uniform(0.85, 1.1))
    reach = max(along, across)
    height, width = picture.shape[1:]
    left, top = np.floor(centre - reach).astype(int).clip(0)
    right, bottom = np.ceil(centre + reach).astype(int).clip(0, (width, height))
    if right <= left or bottom <= top:
        return
    y, x = np.mgrid[top:bottom, left:right] + 0.5
    u = (x - centre[0]) * down[0] + (y - centre[1]) * down[1]
    v = (x - centre[0]) * -down[1] + (y - centre[1]) * down[0]
    inside = torch.from_numpy((np.abs(u / along) ** 3 + np.abs(v / across) ** 3) < 1)
    part = picture[:, top:bottom, left:right]
    shade = 0.75 + 0.25 * part.mean(0) / part.mean().clamp(min=1)
    fabric = _pattern(picture, part.shape[1:], generator) if generator.random() < PATTERNED else _plain(generator)
    painted = fabric * shade.clamp(0.4, 1.2)
    picture[:, top:bottom, left:right] = torch.where(inside, painted.clamp(0, 255), part)


def cover_part(picture: Tensor, box: Floats, generator: Generator) -> None:
    """Cover 15 to 45 % of a box, from one side, with a piece of the picture itself, float32 (3, H, W), in place."""
    height, width = picture.shape[1:]
    left, top, right, bottom = (int(each) for each in np.rint(box))
    share, side = generator.uniform(0.15, 0.45), generator.integers(4)
    across, down = round(share * (right - left)), round(share * (bottom - top))
    left, right = (left, left + across) if side == 0 else (right - across, right) if side == 1 else (left, right)
    top, bottom = (top, top + down) if side == 2 else (bottom - down, bottom) if side == 3 else (top, bottom)
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if right <= left or bottom <= top:
        return
    x = int(generator.integers(0, width - (right - left) + 1))
    y = int(generator.integers(0, height - (bottom - top) + 1))
    piece = picture[:, y : y + bottom - top, x : x + right - left].clone()
    picture[:, top:bottom, left:right] = piece


def _plain(generator: Generator) -> Tensor:
    """A random colour, float32 (3, 1, 1)."""
    if generator.random() < 0.35:
        colour = generator.uniform(10, 245, 3)
    else:
        colour = 255 * np.array(FABRICS_BGR[generator.integers(len(FABRICS_BGR))]) * generator.uniform(0.6, 1.05)
    return torch.from_numpy(colour.astype(np.float32)).view(3, 1, 1)


def _pattern(picture: Tensor, hw: torch.Size, generator: Generator) -> Tensor:
    """A random piece of the picture, float32 (3, h, w)."""
    top = int(generator.integers(0, picture.shape[1] - hw[0] + 1))
    left = int(generator.integers(0, picture.shape[2] - hw[1] + 1))
    return picture[:, top : top + hw[0], left : left + hw[1]].clone()
