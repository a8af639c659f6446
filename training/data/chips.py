"""Aligned faces with their labels for training: whole data sets in memory, and one file to carry them.

With the file, a machine without a detector or any other network can train. It holds the pictures of its data sets, so
it stays under their licences.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from edge.errors import UsageError, explain
from edge.files import write_whole
from edge.sensor.geometry import Points
from edge.sensor.imaging import align_face, stretch
from edge.sensor.sources.image_file import decode_image
from edge.sensor.types import FEMALE, MALE, Image
from edge.workbench.faces import TEMPLATE
from edge.workbench.labelled.samples import Sample
from training.data.collection import Reading
from training.data.columns import count_pictures, need_rows, read_columns

CHIP_PX = 112
"""Side of a chip in px: that of its template."""
UNKNOWN = -1
JPEG_QUALITY = 90

FindLandmarks = Callable[[Image], Points | None]
"""Finds the five landmarks of a picture's main face; None where there is no face."""


@dataclass(frozen=True, slots=True)
class Chips:
    """N aligned faces and their labels.

    images: uint8 (N, CHIP_PX, CHIP_PX, 3) BGR. ages: float32 (N,) years, NaN where unknown. bands: int64 (N, 2) first
    and last year that an age label covers, UNKNOWN without one. genders: int64 (N,) FEMALE, MALE or UNKNOWN. groups:
    text (N,), empty where unknown.
    """

    images: NDArray[np.uint8]
    ages: NDArray[np.float32]
    bands: NDArray[np.int64]
    genders: NDArray[np.int64]
    groups: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, positions: NDArray[np.integer] | NDArray[np.bool_]) -> Chips:
        """The chips at these positions."""
        return Chips(**{name: column[positions] for name, column in _columns(self).items()})

    def mirrored(self) -> Chips:
        """The same faces, mirrored."""
        return replace(self, images=np.ascontiguousarray(self.images[:, :, ::-1]))


def make_chips(reading: Reading, find: FindLandmarks) -> tuple[Chips, int]:
    """Cut the chip of every readable photograph; returns the chips and the number of photographs without a face.

    Pictures that are chips already are used unchanged. Raises BadInput where too few can be read.
    """
    samples, images, without = list[Sample](), list[Image](), 0
    for sample, image in reading:
        chip = _cut(sample, image, find)
        if chip is None:
            without += 1
        else:
            samples.append(sample)
            images.append(chip)
    stacked = np.stack(images) if images else np.zeros((0, CHIP_PX, CHIP_PX, 3), np.uint8)
    return label(samples, stacked), without


def label(samples: Sequence[Sample], images: NDArray[np.uint8]) -> Chips:
    """Chips of N pictures, uint8 (N, CHIP_PX, CHIP_PX, 3) BGR, with the labels of their samples."""
    words = {"female": FEMALE, "male": MALE, None: UNKNOWN}
    return Chips(
        images,
        np.array([np.nan if each.age is None else each.age for each in samples], np.float32),
        np.array([each.age_range or (UNKNOWN, UNKNOWN) for each in samples], np.int64).reshape(-1, 2),
        np.array([words[each.gender] for each in samples], np.int64),
        np.array([each.group or "" for each in samples], np.str_),
    )


def join(parts: Sequence[Chips]) -> Chips:
    """All chips of the parts, in order; there is at least one part."""
    columns = [_columns(part) for part in parts]
    return Chips(**{name: np.concatenate([each[name] for each in columns]) for name in columns[0]})


def save_chips(chips: Chips, path: Path) -> None:
    """Write the pictures (as JPEG) and the labels into one `.npz`, whole or not at all. Raises UsageError."""
    pictures = [_encode(image) for image in chips.images]
    ends = np.cumsum([len(picture) for picture in pictures], dtype=np.int64)
    labels = {name: column for name, column in _columns(chips).items() if name != "images"}
    content = io.BytesIO()
    np.savez(content, jpegs=np.frombuffer(b"".join(pictures), np.uint8), ends=ends, **labels)
    write_whole(path, content.getvalue())


def load_chips(path: Path) -> Chips:
    """Chips from a file that `save_chips` wrote. Raises BadInput for any other file."""
    labels = [each.name for each in fields(Chips) if each.name != "images"]
    columns = read_columns(path, ("jpegs", "ends", *labels), "a file of `passerby train chips`")
    jpegs, ends = columns.pop("jpegs").tobytes(), columns["ends"]
    need_rows(columns, count_pictures(ends, path), path)
    starts = [0, *ends[:-1].tolist()]
    images = [decode_image(jpegs[start:end], str(path)) for start, end in zip(starts, ends.tolist(), strict=True)]
    return Chips(np.stack(images), *(columns[name] for name in labels))


def load_all(paths: Sequence[Path]) -> Chips:
    """Chips from several files. Raises BadInput, and UsageError where no file is given."""
    if not paths:
        raise UsageError(explain("no chips given", expected="files of `passerby train chips`"))
    return join([load_chips(path) for path in paths])


def _cut(sample: Sample, image: Image, find: FindLandmarks) -> Image | None:
    if sample.aligned:
        return image if image.shape[:2] == (CHIP_PX, CHIP_PX) else stretch(image, (CHIP_PX, CHIP_PX))
    landmarks = find(image)
    return None if landmarks is None else align_face(image, landmarks, TEMPLATE, (CHIP_PX, CHIP_PX))


def _columns(chips: Chips) -> dict[str, Any]:
    return {each.name: getattr(chips, each.name) for each in fields(chips)}


def _encode(image: Image) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(image[..., ::-1]).save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()
