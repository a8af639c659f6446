"""Frames of a scene, and the faces in them: nearer (larger) heads cover those behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from edge.sensor.geometry import Box
from edge.sensor.types import Image
from training.evaluation.counts.truth import Person, Truth, TruthFace
from training.evaluation.scene.heads import Head
from training.evaluation.scene.walks import Stage, Walk

MOST_HIDDEN = 0.35
"""A face of which more is covered cannot be seen; one that reaches over the picture's edge neither."""
NOISE_STD = 3.0
"""Noise of the camera, grey levels."""
PANELS, FLOOR = 14, 0.85
"""Panels on the wall behind, and where the floor begins, heights of the picture."""
NOISES = 7
"""Different pictures of noise, taken in turn."""


class Actor(NamedTuple):
    """A person of the scene: the head in its size, and its way."""

    head: Head
    walk: Walk


class Shot(NamedTuple):
    """A frame, uint8 (H, W, 3) BGR, and the faces in it."""

    image: Image
    faces: tuple[TruthFace, ...]


class Scene:
    """A scene of these heads on these walks; a head is used again where there are fewer. The seed decides the rest."""

    def __init__(self, stage: Stage, heads: Sequence[Head], walks: Sequence[Walk], random: np.random.Generator) -> None:
        self.stage = stage
        self._actors = [Actor(_dressed(heads, number, walk, random), walk) for number, walk in enumerate(walks)]
        self._backdrop = _backdrop(stage, random)
        shape = (stage.height_px, stage.width_px, 3)
        self._noises = [random.normal(0, NOISE_STD, shape).astype(np.int16) for _ in range(NOISES)]

    def shots(self) -> Iterator[Shot]:
        """Every frame, in order."""
        for index in range(self.stage.frames):
            faces, image = self._draw(index / self.stage.fps)
            noise = self._noises[index % NOISES]
            yield Shot(cast(Image, np.clip(image + noise, 0, 255).astype(np.uint8)), faces)

    def truth(self, frames: Sequence[tuple[TruthFace, ...]]) -> Truth:
        """The truth of the scene, with the faces of its frames."""
        people = tuple(
            Person(str(number), (_within(walk, self.stage),), head.gender, head.age)
            for number, (head, walk) in enumerate(self._actors)
        )
        return Truth(people, tuple(frames), self.stage.fps, (self.stage.width_px, self.stage.height_px))

    def _draw(self, at_s: float) -> tuple[tuple[TruthFace, ...], NDArray[np.int16]]:
        here = [(number, actor, actor.walk.centre(at_s)) for number, actor in enumerate(self._actors)]
        placed = [_Placed(number, actor.head, *centre) for number, actor, centre in here if centre is not None]
        placed.sort(key=lambda each: each.head.face.side)
        image = self._backdrop.copy()
        for each in placed:
            each.paint(image)
        covered = np.zeros(image.shape[:2], np.float32)
        faces = []
        for each in reversed(placed):
            faces.append(TruthFace(each.number, each.face, each.can_be_seen(covered)))
            each.cover(covered)
        return tuple(sorted(faces, key=lambda face: face.person)), image


class _Placed:
    """A head in a frame."""

    def __init__(self, number: int, head: Head, x: float, y: float) -> None:
        self.number, self.head = number, head
        centre_x, centre_y = head.face.centre
        self._left, self._top = round(x - centre_x), round(y - centre_y)
        self.face = head.face.shifted(self._left, self._top)

    def paint(self, image: NDArray[np.int16]) -> None:
        """Lay the head over the picture."""
        place, part = self._parts(image.shape)
        opacity = self.head.opacity[part][..., None]
        under = image[place]
        under[:] = under + opacity * (self.head.image[part] - under.astype(np.float32))

    def cover(self, covered: NDArray[np.float32]) -> None:
        """Mark what the head covers, 0-1."""
        place, part = self._parts(covered.shape)
        np.maximum(covered[place], self.head.opacity[part], out=covered[place])

    def can_be_seen(self, covered: NDArray[np.float32]) -> bool:
        """Whether the face is inside the picture, and enough of it in sight."""
        height, width = covered.shape
        if self.face != self.face.clipped(width, height):
            return False
        rows, columns = _pixels(self.face)
        return float(covered[rows, columns].mean()) <= MOST_HIDDEN

    def _parts(self, shape: Sequence[int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Where the head is in the picture, and which part of it."""
        place, part = [], []
        for first, side, limit in zip((self._top, self._left), self.head.opacity.shape, shape, strict=False):
            low, high = min(max(first, 0), limit), min(max(first + side, 0), limit)
            place.append(slice(low, high))
            part.append(slice(low - first, high - first))
        return (place[0], place[1]), (part[0], part[1])


def _pixels(box: Box) -> tuple[slice, slice]:
    return slice(round(box.y_min), round(box.y_max)), slice(round(box.x_min), round(box.x_max))


def _within(walk: Walk, stage: Stage) -> tuple[float, float]:
    return walk.interval[0], min(walk.interval[1], stage.seconds)


def _dressed(heads: Sequence[Head], number: int, walk: Walk, random: np.random.Generator) -> Head:
    """A head in the size of its walk, every other use of it mirrored, a little brighter or darker."""
    head = heads[number % len(heads)]
    used = head.mirrored() if number // len(heads) % 2 else head
    light = random.uniform(0.8, 1.15)
    small = used.resized(walk.face_px)
    image = cast(Image, np.clip(small.image * light, 0, 255).astype(np.uint8))
    return Head(image, small.opacity, small.face, small.gender, small.age)


def _backdrop(stage: Stage, random: np.random.Generator) -> NDArray[np.int16]:
    """A wall with panels above a floor. Edges, because a detector may take a smooth blur for a large face."""
    height, width = stage.height_px, stage.width_px
    wall = np.linspace(120, 165, height)[:, None, None] + np.zeros((height, width, 3))
    for _ in range(PANELS):
        left, top = random.uniform(0, 0.9) * width, random.uniform(0, 0.6) * height
        right, foot = left + random.uniform(0.05, 0.25) * width, top + random.uniform(0.1, 0.3) * height
        wall[round(top) : round(foot), round(left) : round(right)] = random.uniform(70, 190) + random.uniform(
            -20, 20, 3
        )
    wall[round(FLOOR * height) :] = random.uniform(80, 110)
    return np.asarray(wall, np.int16)
