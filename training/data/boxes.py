"""Labelled face boxes of photographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from edge.sensor.geometry import Box
from edge.sensor.types import Image
from edge.workbench.labelled.samples import Sample
from training.data.collection import Collection, LeftOut
from training.data.subset import spread

FaceState = Literal["", "nomask", "mask", "badmask"]
"""What covers the face, where the labels say; a bad mask is one that leaves nose or chin free."""
STATES: tuple[FaceState, ...] = get_args(FaceState)


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """One face: its box in px of the picture; `ignored` where the data set says that it does not count."""

    box: Box
    state: FaceState = ""
    ignored: bool = False


def keep_inside(faces: Sequence[LabelledFace], image: Image, name: str, left_out: LeftOut) -> list[LabelledFace]:
    """Faces whose box lies at least partly inside the picture of that name; the others are counted as left out."""
    height, width = image.shape[:2]
    kept = []
    for face in faces:
        x_min, y_min, x_max, y_max = face.box.as_xyxy()
        if x_min < width and y_min < height and x_max > 0 and y_max > 0:
            kept.append(face)
        else:
            left_out.add("box is outside the picture", name)
    return kept


@dataclass(frozen=True, slots=True)
class BoxedPhotographs:
    """Photographs with the boxes of all their faces. Implements `edge.workbench.labelled.samples.Photographs`."""

    photographs: Collection
    faces: Mapping[str, Sequence[LabelledFace]]

    @property
    def name(self) -> str:
        """See `Photographs`."""
        return self.photographs.name

    @property
    def samples(self) -> Sequence[Sample]:
        """See `Photographs`."""
        return self.photographs.samples

    @property
    def warnings(self) -> Sequence[str]:
        """See `Photographs`."""
        return self.photographs.warnings

    def every_nth(self, most: int) -> BoxedPhotographs:
        """At most that many pictures, spread evenly over the set's order."""
        return BoxedPhotographs(replace(self.photographs, samples=spread(self.samples, most)), self.faces)

    def read(self, sample: Sample) -> Image:
        """See `Photographs`."""
        return self.photographs.read(sample)
