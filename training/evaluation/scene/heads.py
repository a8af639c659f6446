"""Heads cut out of photographs, all of one size, each with its face's box: what a scene is drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import BadInput, explain
from edge.sensor.geometry import Box
from edge.sensor.sources.demo_scene import read_portrait
from edge.sensor.types import Image
from edge.workbench.faces import FindFaces, nearest_centre
from edge.workbench.labelled.samples import Gender, Photographs, Sample
from training.data.collection import Reading

FACE_PX = 160
"""Side of a face in a cut-out."""
WIDTH_PX, HEIGHT_PX = round(2.0 * FACE_PX), round(2.5 * FACE_PX)
ACROSS, DOWN, RISE = 0.85, 1.15, 0.1
"""Half axes of the part that is shown, and how much its centre lies above the face's, in sides of the face."""
SOFT = 0.15
"""Share of the half axes over which it fades."""
PORTRAITS: dict[str, tuple[Gender, int]] = {"collins": ("female", 35), "hopper": ("female", 77)}
"""The portraits that come with other packages: gender, and age when they were taken (1992; 1984)."""


@dataclass(frozen=True, slots=True)
class Head:
    """A head. image: uint8 (H, W, 3) BGR. opacity: float32 (H, W) 0-1. face: px of the image."""

    image: Image
    opacity: NDArray[np.float32]
    face: Box
    gender: Gender | None = None
    age: float | None = None

    def mirrored(self) -> Head:
        """The other way round."""
        width = self.image.shape[1]
        face = Box(width - self.face.x_max, self.face.y_min, width - self.face.x_min, self.face.y_max)
        return Head(self.image[:, ::-1].copy(), self.opacity[:, ::-1].copy(), face, self.gender, self.age)

    def resized(self, face_px: float) -> Head:
        """With a face of this size, px."""
        factor = face_px / self.face.side
        size = max(1, round(self.image.shape[1] * factor)), max(1, round(self.image.shape[0] * factor))
        across, down = size[0] / self.image.shape[1], size[1] / self.image.shape[0]
        image = cast(Image, cv2.resize(self.image, size, interpolation=cv2.INTER_AREA))
        opacity = np.asarray(cv2.resize(self.opacity, size, interpolation=cv2.INTER_AREA), np.float32)
        face = Box(self.face.x_min * across, self.face.y_min * down, self.face.x_max * across, self.face.y_max * down)
        return Head(image, opacity, face, self.gender, self.age)


def portrait_heads(find: FindFaces) -> list[Head]:
    """The two public-domain portraits of the demo. Raises SourceUnavailable where a package is missing."""
    people = {name: Sample("portraits", name, age, (age, age), gender) for name, (gender, age) in PORTRAITS.items()}
    return list(_heads(((sample, read_portrait(name)) for name, sample in people.items()), find))


def photograph_heads(
    sets: Sequence[Photographs], most: int, find: FindFaces, random: np.random.Generator
) -> tuple[list[Head], list[str]]:
    """Heads of `most` photographs at random, of different persons where they are named, and lines about the others.

    Raises BadInput where none has a face, and where most cannot be read.
    """
    heads, warnings = list[Head](), list[str]()
    share = -(-most // len(sets))
    for each in sets:
        samples = [each.samples[number] for number in random.permutation(len(each.samples))]
        persons = {sample.person or sample.path: sample for sample in reversed(samples)}
        reading = Reading(each, list(reversed(persons.values())))
        heads += [head for head, _ in zip(_heads(reading, find), range(share), strict=False)]
        warnings += reading.left_out
    if not heads:
        places = ", ".join(each.name for each in sets)
        raise BadInput(explain("no photograph with a face", where="--images", got=places))
    return heads[:most], warnings


def _heads(pictures: Iterable[tuple[Sample, Image]], find: FindFaces) -> Iterator[Head]:
    for sample, image in pictures:
        face = nearest_centre(find(image), image)
        if face is not None:
            yield cut_out(image, face.box, sample.gender, sample.age)


def cut_out(image: Image, face: Box, gender: Gender | None = None, age: float | None = None) -> Head:
    """The head round a face (box px of the image), on an ellipse that fades; outside of the photograph is nothing."""
    factor = FACE_PX / face.side
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(image, None, fx=factor, fy=factor, interpolation=interpolation)
    x, y = face.scaled(factor).centre
    dx, dy = WIDTH_PX / 2 - x, HEIGHT_PX / 2 + RISE * FACE_PX - y
    move = np.array([[1, 0, dx], [0, 1, dy]])
    head = cast(Image, cv2.warpAffine(scaled, move, (WIDTH_PX, HEIGHT_PX)))
    inside = cv2.warpAffine(np.ones(scaled.shape[:2], np.float32), move, (WIDTH_PX, HEIGHT_PX))
    return Head(head, np.asarray(_ellipse() * inside, np.float32), face.scaled(factor).shifted(dx, dy), gender, age)


def _ellipse() -> NDArray[np.float32]:
    rows, columns = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX].astype(np.float32)
    across = (columns - WIDTH_PX / 2) / (ACROSS * FACE_PX)
    down = (rows - HEIGHT_PX / 2) / (DOWN * FACE_PX)
    return np.asarray(((1 - np.hypot(across, down)) / SOFT).clip(0, 1), np.float32)
