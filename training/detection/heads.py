"""Heads turned aside, up or down: portraits face the camera, people who walk past do not."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional

from training.runs.masks import SMALLEST_PX, Floats

MOST_YAW_DEG, MOST_UP_DEG, MOST_DOWN_DEG = 40.0, 15.0, 28.0
HEAD = 1.35
"""Size of a head relative to the box of its face."""
RAISED = 0.1
"""How much higher a head's centre lies than the box's, share of half the box."""


def turn_head(picture: Tensor, box: Floats, points: Floats, generator: Generator) -> Floats:
    """Turn a head, in place, in a picture, float32 (3, H, W); returns the moved landmarks, (5, 2) px.

    The head is treated as a ball seen from the front: its middle moves, foreshortened where it moves to, and the nearer
    the rim, the less; the rim stays. Nothing happens where landmarks are missing or the head is cut off or small.
    """
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    centre, radius = middle - (0, RAISED * half[1]), half * HEAD
    left, top = np.floor(centre - radius).astype(int)
    right, bottom = np.ceil(centre + radius).astype(int)
    inside = left >= 0 and top >= 0 and right <= picture.shape[2] and bottom <= picture.shape[1]
    if np.isnan(points).any() or 2 * half.min() < SMALLEST_PX or not inside:
        return points
    yaw = np.deg2rad(generator.uniform(-MOST_YAW_DEG, MOST_YAW_DEG))
    pitch = np.deg2rad(generator.uniform(-MOST_UP_DEG, MOST_DOWN_DEG))
    y, x = np.mgrid[top:bottom, left:right] + 0.5
    places = np.stack(((x - centre[0]) / radius[0], (y - centre[1]) / radius[1]), axis=-1)
    sources = _sources(places, yaw, pitch) * radius + centre
    part = picture[:, top:bottom, left:right]
    size = np.array((right - left, bottom - top))
    grid = torch.from_numpy(((sources - (left, top)) / size * 2 - 1).astype(np.float32))
    part.copy_(functional.grid_sample(part[None], grid[None], padding_mode="border", align_corners=False)[0])
    nearest = [int(((sources - point) ** 2).sum(-1).argmin()) for point in points]
    return np.stack((x.ravel()[nearest], y.ravel()[nearest]), axis=1).astype(np.float32)


def _sources(places: Floats, yaw: float, pitch: float) -> Floats:
    """Where each place on a turned ball of radius 1 around 0 came from: places float (H, W, 2), right and down."""
    distance = np.hypot(places[..., 0], places[..., 1])
    share = 1 - np.minimum(distance, 1) ** 3
    x, y, z = places[..., 0], places[..., 1], np.sqrt(np.maximum(1 - distance**2, 0))
    x, z = x * np.cos(share * yaw) - z * np.sin(share * yaw), x * np.sin(share * yaw) + z * np.cos(share * yaw)
    y = y * np.cos(share * pitch) - z * np.sin(share * pitch)
    return np.stack((x, y), axis=-1)
