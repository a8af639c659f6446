"""Canvases for detector training: pictures at many scales side by side, after Bochkovskiy et al., "YOLOv4", 2020.

A cell shows a part of one picture, always enough to fill the cell; the fewer the cells, the larger the faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from training.data.scenes import Faces, Scenes
from training.detection.config import Canvas, Mosaic, Tiling
from training.detection.heads import turn_head
from training.detection.placement import Placement, cut, make_pyramid, place
from training.runs.masks import cover_part, draw_mask

UPRIGHT_NOSE = 0.58
"""Where the nose of a frontal face lies between eyes and mouth."""
SMALL_PX = 24.0
FINER = 0.3
"""Share of the cells that are sampled from a pyramid level that is too fine."""


class Batch(NamedTuple):
    """pictures: float32 (N, 3, H, W) BGR 0-1. faces: of each picture, px."""

    pictures: Tensor
    faces: list[Faces]


class Pictures:
    """All scenes as pyramids: those with their own boxes, and the others.

    Pictures of faces turned aside, up or down are drawn more often: portraits have few of them.
    """

    def __init__(self, scenes: Scenes, wanted: Mosaic) -> None:
        self.pyramids = [make_pyramid(image) for image in scenes.images]
        labelled = np.array(scenes.labelled, np.bool_)
        pairs = zip(scenes.faces, labelled, strict=True)
        self.faces = [drop_doubted(faces, wanted) if has_boxes else faces for faces, has_boxes in pairs]
        weights = 1 + wanted.turned * np.array([turn_of(faces) for faces in scenes.faces])
        self._boxed, self._others = (np.cumsum(weights * each) for each in (labelled, ~labelled))

    def draw(self, generator: Generator, boxed_share: float) -> int:
        """Draw the position of a picture."""
        wants_boxed = generator.random() < boxed_share
        ends = self._boxed if (wants_boxed and self._boxed[-1] > 0) or self._others[-1] == 0 else self._others
        return int(np.searchsorted(ends, generator.random() * ends[-1], side="right"))


def drop_doubted(faces: Faces, wanted: Mosaic) -> Faces:
    """The faces of a picture with boxes, without those that teachers only suspect beside them.

    A person drew the boxes, and what teachers call a face there with little confidence is mostly a hand, a bag or hair:
    the most instructive kind of background. Small ones are more often faces that nobody labelled.
    """
    least = np.where(faces.sides < SMALL_PX, wanted.doubted_small, wanted.doubted)
    return faces.take(~(faces.ignored & (faces.scores < least)))


def turn_of(faces: Faces) -> float:
    """How far the most turned face of a picture is turned aside, up or down, 0-1, judged by its landmarks.

    Its nose leaves the middle of the eyes, or its place between eyes and mouth.
    """
    known = faces.points[~faces.ignored & ~np.isnan(faces.points).any((1, 2))]
    if not len(known):
        return 0.0
    eyes, mouth, nose = known[:, :2].mean(1), known[:, 3:].mean(1), known[:, 2]
    across, down = known[:, 1] - known[:, 0], mouth - eyes
    width, height = (np.linalg.norm(each, axis=1).clip(1e-3) for each in (across, down))
    aside = np.abs(((nose - eyes) * across).sum(1)) / width**2
    nodding = np.abs(((nose - eyes) * down).sum(1) / height**2 - UPRIGHT_NOSE)
    return float(np.clip(2.5 * (aside + 1.5 * nodding), 0, 1).max())


def make_batch(pictures: Pictures, canvas: Canvas, count: int, wanted: Mosaic, generator: Generator) -> Batch:
    """A batch of canvases of one size."""
    canvases = torch.empty(count, 3, canvas.height_px, canvas.width_px)
    faces = [fill(each, pictures, wanted, generator) for each in canvases]
    return Batch(canvases.mul_(1 / 255), faces)


def fill(picture: Tensor, pictures: Pictures, wanted: Mosaic, generator: Generator) -> Faces:
    """Paint one canvas, float32 (3, H, W) 0-255, in place; returns its faces."""
    tiling = _choose(wanted.tilings, generator)
    rows = _cuts(picture.shape[1], tiling.rows, generator)
    columns = _cuts(picture.shape[2], tiling.columns, generator)
    parts = []
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            index = pictures.draw(generator, tiling.boxed)
            pyramid, faces = pictures.pyramids[index], pictures.faces[index]
            placement = choose_placement(pyramid[0], faces, (bottom - top, right - left), wanted, generator)
            picture[:, top:bottom, left:right] = cut(pyramid, placement, int(generator.random() < FINER))
            parts.append(_shift(place(faces, placement, wanted.smallest_px), left, top))
    joined = _join(parts)
    for position in np.flatnonzero(generator.random(len(joined)) < wanted.heads):
        joined.points[position] = turn_head(picture, joined.boxes[position], joined.points[position], generator)
    for position in np.flatnonzero(generator.random(len(joined)) < wanted.mask):
        draw_mask(picture, joined.boxes[position], joined.points[position], generator)
    for position in np.flatnonzero(generator.random(len(joined)) < wanted.covered):
        cover_part(picture, joined.boxes[position], generator)
    return joined


def choose_placement(
    picture: Tensor, faces: Faces, cell_hw: tuple[int, int], wanted: Mosaic, generator: Generator
) -> Placement:
    """Choose scale, rotation and position of a picture, uint8 (3, H, W), in a cell that it fills."""
    height, width = picture.shape[1:]
    fills = max(cell_hw[0] / height, cell_hw[1] / width)
    zoom = wanted.zoom ** float(generator.random() ** 1.5)
    scale = max(fills, min(fills * zoom, wanted.enlarged))
    aspect = np.exp(generator.normal() * wanted.stretch / 2)
    half = cell_hw[1] / scale / 2, cell_hw[0] / scale / 2
    x, y = generator.random(2) * (width, height)
    if len(faces) and generator.random() < wanted.centred:
        box = faces.boxes[generator.integers(len(faces))]
        x, y = (box[:2] + box[2:]) / 2 + generator.normal(size=2) * np.array(half) * 0.5
    centre = _within(x, half[0], width), _within(y, half[1], height)
    angle = generator.normal() * wanted.rotation_deg / 2
    angle = float(np.clip(angle, -wanted.rotation_deg, wanted.rotation_deg)) if generator.random() < 0.5 else 0.0
    mirrored = bool(generator.random() < 0.5)
    return Placement(centre, (scale * aspect, scale / aspect), np.deg2rad(angle), mirrored, cell_hw)


def choose_canvas(canvases: Sequence[Canvas], generator: Generator) -> Canvas:
    """Draw a canvas size by the shares."""
    shares = np.array([each.share for each in canvases])
    return canvases[int(generator.choice(len(canvases), p=shares / shares.sum()))]


def _choose(tilings: Sequence[Tiling], generator: Generator) -> Tiling:
    shares = np.array([each.share for each in tilings])
    return tilings[int(generator.choice(len(tilings), p=shares / shares.sum()))]


def _cuts(size: int, parts: int, generator: Generator) -> list[int]:
    """Edges of the cells of a row, with unequal widths."""
    widths = generator.uniform(0.7, 1.3, parts)
    edges = np.concatenate(([0], np.cumsum(widths) / widths.sum())) * size
    return [round(edge) for edge in edges.tolist()]


def _within(middle: float, half: float, size: float) -> float:
    """The middle of a stretch of 2 * half that lies inside size, as near to `middle` as that allows."""
    return float(min(max(middle, half), size - half)) if size > 2 * half else size / 2


def _shift(faces: Faces, left: int, top: int) -> Faces:
    offset = np.array((left, top), np.float32)
    return Faces(faces.boxes + np.tile(offset, 2), faces.scores, faces.points + offset, faces.ignored, faces.states)


def _join(parts: Sequence[Faces]) -> Faces:
    names = ("boxes", "scores", "points", "ignored", "states")
    return Faces(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
