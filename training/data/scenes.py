"""Pictures with all their faces for detector training: in memory, and one file to carry them.

With the file, a machine without teachers can train. It holds the pictures of its data sets, so it stays under their
licences.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError, explain
from edge.files import write_whole
from edge.sensor.sources.image_file import decode_image
from edge.sensor.types import Image
from training.data.boxes import STATES
from training.data.columns import count_pictures, need_rows, read_columns
from training.data.teachers import TaughtFace

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Faces:
    """F faces.

    boxes: float32 (F, 4) corners px. scores: float32 (F,) 0-1. points: float32 (F, 5, 2) px, NaN where unknown.
    ignored: bool (F,). states: int64 (F,), positions in `STATES`.
    """

    boxes: Floats
    scores: Floats
    points: Floats
    ignored: NDArray[np.bool_]
    states: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def sides(self) -> Floats:
        """Geometric mean of width and height, px, float32 (F,)."""
        size = (self.boxes[:, 2:] - self.boxes[:, :2]).clip(0)
        return np.asarray(np.sqrt(size[:, 0] * size[:, 1]), np.float32)

    def take(self, positions: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Faces:
        """The faces at these positions."""
        return Faces(**{each.name: getattr(self, each.name)[positions] for each in fields(self)})


@dataclass(frozen=True, slots=True)
class Scenes:
    """N pictures, uint8 (H, W, 3) BGR each of its own size, and their faces.

    labelled: whether a person drew the boxes (otherwise teachers found them). sources: names of their data sets.
    """

    images: Sequence[Image]
    faces: Sequence[Faces]
    labelled: Sequence[bool]
    sources: Sequence[str]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, slots=True)
class SceneFile:
    """A picture before it is decoded: its file's bytes, its faces, whether a person labelled them, its data set."""

    content: bytes
    faces: Sequence[TaughtFace]
    labelled: bool
    source: str


def make_faces(taught: Sequence[TaughtFace]) -> Faces:
    """Columns of faces."""
    return Faces(
        np.array([face.box.as_xyxy() for face in taught], np.float32).reshape(-1, 4),
        np.array([face.score for face in taught], np.float32),
        np.array([face.points for face in taught], np.float32).reshape(-1, 5, 2),
        np.array([face.ignored for face in taught], np.bool_),
        np.array([STATES.index(face.state) for face in taught], np.int64),
    )


def save_scenes(files: Sequence[SceneFile], path: Path) -> None:
    """Write the unchanged picture files and the faces into one `.npz`, whole or not at all. Raises UsageError."""
    faces = make_faces([face for file in files for face in file.faces])
    content = io.BytesIO()
    np.savez(
        content,
        files=np.frombuffer(b"".join(file.content for file in files), np.uint8),
        file_ends=np.cumsum([len(file.content) for file in files], dtype=np.int64),
        face_ends=np.cumsum([len(file.faces) for file in files], dtype=np.int64),
        labelled=np.array([file.labelled for file in files], np.bool_),
        sources=np.array([file.source for file in files], np.str_),
        **{each.name: getattr(faces, each.name) for each in fields(faces)},
    )
    write_whole(path, content.getvalue())


def load_scenes(path: Path) -> Scenes:
    """Scenes from a file that `save_scenes` wrote. Raises BadInput for any other file."""
    pictures, of_faces = ("file_ends", "face_ends", "labelled", "sources"), [each.name for each in fields(Faces)]
    columns = read_columns(path, ("files", *pictures, *of_faces), "a file of `passerby train scenes`")
    content, file_ends, face_ends = columns["files"].tobytes(), columns["file_ends"], columns["face_ends"]
    need_rows({name: columns[name] for name in pictures}, count_pictures(file_ends, path), path)
    need_rows({name: columns[name] for name in of_faces}, int(face_ends[-1]), path)
    images = [decode_image(content[start:end], str(path)) for start, end in _spans(file_ends.tolist())]
    faces = Faces(**{name: columns[name] for name in of_faces})
    parts = [faces.take(slice(start, end)) for start, end in _spans(face_ends.tolist())]
    return Scenes(images, parts, columns["labelled"].tolist(), columns["sources"].tolist())


def load_all(paths: Sequence[Path]) -> Scenes:
    """Scenes from several files. Raises BadInput, and UsageError where no file is given."""
    if not paths:
        raise UsageError(explain("no scenes given", expected="files of `passerby train scenes`"))
    parts = [load_scenes(path) for path in paths]
    return Scenes(
        [image for part in parts for image in part.images],
        [faces for part in parts for faces in part.faces],
        [each for part in parts for each in part.labelled],
        [source for part in parts for source in part.sources],
    )


def _spans(ends: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip([0, *ends[:-1]], ends, strict=True))
