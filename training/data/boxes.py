"""Face boxes of photographs, as labels give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from edge.geometry import Box
from edge.types import Image
from training.data.collection import Collection
from training.data.samples import Sample

FaceState = Literal["", "nomask", "mask", "badmask"]
"""What covers the face, where the labels say; a bad mask is one that leaves nose or chin free."""
STATES: tuple[FaceState, ...] = get_args(FaceState)


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """One face: its box in px of the picture; `ignored` where the data set says that it does not count."""

    box: Box
    state: FaceState = ""
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class BoxedPhotographs:
    """Photographs with the boxes of all their faces. Implements `training.data.samples.Photographs`."""

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

    def read(self, sample: Sample) -> Image:
        """See `Photographs`."""
        return self.photographs.read(sample)
