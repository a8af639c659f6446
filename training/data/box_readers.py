"""Readers of face boxes: a tar with a CSV (one row per face), and the text files of WIDER FACE."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edge.errors import BadInput, explain
from edge.sensor.geometry import Box
from edge.workbench.labelled.csv_file import read_rows
from edge.workbench.labelled.samples import Sample
from training.data.boxes import STATES, BoxedPhotographs, FaceState, LabelledFace
from training.data.collection import LeftOut, collect, keep_present
from training.data.storage import open_storage
from training.data.tar_csv import labels_beside, pictures_beside

COLUMNS = ("path", "class", "x", "y", "w", "h")
WIDER_NUMBERS = 10
"""Numbers per face in WIDER FACE: x, y, w, h, blur, expression, illumination, invalid, occlusion, pose."""
WIDER_INVALID = 7
WIDER_PICTURES = "images"

Faces = dict[str, list[LabelledFace]]


def open_boxed(address: str) -> BoxedPhotographs:
    """Open photographs with boxes: `scenes.tar` (or a folder) beside `scenes.csv`, or a text file of WIDER FACE.

    A text file such as `wider_face_train_bbx_gt.txt` needs its pictures in a folder `WIDER_train/images` or `images`
    beside it or beside its folder. Raises BadInput.
    """
    path = Path(address)
    if path.suffix == ".txt":
        return read_wider(_wider_pictures(path), path)
    if path.suffix == ".csv":
        return read_boxes_csv(pictures_beside(path), path)
    labels = labels_beside(path)
    if not labels.is_file():
        raise BadInput(explain("no labels beside the pictures", where=address, expected=str(labels)))
    return read_boxes_csv(path, labels)


def read_boxes_csv(pictures: Path, labels: Path) -> BoxedPhotographs:
    """Boxes of a CSV with the columns path, x, y, w, h (px) and optionally class (mask, nomask, badmask). Raises
    BadInput.

    A row with empty numbers is a picture without a face.
    """
    faces: Faces = {}
    for where, row in read_rows(labels, COLUMNS, ("path", "x", "y", "w", "h")):
        of_picture = faces.setdefault(row["path"], [])
        cells = [row[name] for name in ("x", "y", "w", "h")]
        if any(cells):
            box = _box(_numbers(cells, where), where)
            of_picture.append(LabelledFace(box, _state(row.get("class", ""), where)))
    return _collect(pictures, labels, faces)


def read_wider(pictures: Path, labels: Path) -> BoxedPhotographs:
    """The ground truth of WIDER FACE (Yang et al., CVPR 2016), for its train or val part. Raises BadInput.

    Faces that it marks as invalid, and those without width or height, are ignored.
    """
    try:
        lines = labels.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(explain("labels cannot be read", where=str(labels), got=error)) from error
    return _collect(pictures, labels, dict(_wider_pictures_of(lines, labels)))


def _wider_pictures_of(lines: Sequence[str], labels: Path) -> Iterator[tuple[str, list[LabelledFace]]]:
    at = 0
    while at < len(lines):
        name, where = lines[at].strip(), f"{labels}:{at + 2}"
        if at + 1 >= len(lines) or not lines[at + 1].strip().isdigit():
            raise BadInput(explain("no count of faces", where=where, expected="a number below the picture's name"))
        count = int(lines[at + 1])
        rows = lines[at + 2 : at + 2 + max(count, 1)]  # a picture without a face has one row of zeros
        if len(rows) < count:
            raise BadInput(explain("the file ends too early", where=where, got=len(rows), expected=f"{count} faces"))
        yield name, [_wider_face(row, f"{labels}:{at + 3 + index}") for index, row in enumerate(rows[:count])]
        at += 2 + max(count, 1)


def _wider_face(row: str, where: str) -> LabelledFace:
    numbers = _numbers(row.split(), where)
    if len(numbers) != WIDER_NUMBERS:
        raise BadInput(explain("not a face of WIDER FACE", where=where, got=row, expected=f"{WIDER_NUMBERS} numbers"))
    x, y, width, height = numbers[:4]
    flat = width <= 0 or height <= 0
    return LabelledFace(Box(x, y, x + width, y + height), ignored=flat or numbers[WIDER_INVALID] == 1)


def _collect(pictures: Path, labels: Path, faces: Mapping[str, list[LabelledFace]]) -> BoxedPhotographs:
    storage, left_out = open_storage(pictures), LeftOut()
    samples = keep_present([Sample(labels.stem, path) for path in faces], storage, left_out)
    return BoxedPhotographs(collect(labels.stem, samples, storage, left_out), faces)


def _numbers(cells: Sequence[str], where: str) -> list[float]:
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError as error:
        raise BadInput(explain("not a number", where=where, got=" ".join(cells))) from error
    if not all(map(math.isfinite, numbers)):
        raise BadInput(explain("not a finite number", where=where, got=" ".join(cells)))
    return numbers


def _box(numbers: Sequence[float], where: str) -> Box:
    x, y, width, height = numbers
    if not (width > 0 and height > 0):
        raise BadInput(explain("box without area", where=where, got=list(numbers), expected="w and h over 0 px"))
    return Box(x, y, x + width, y + height)


def _state(word: str, where: str) -> FaceState:
    if word not in STATES:
        raise BadInput(explain("unknown class", where=where, got=repr(word), expected="mask, nomask, badmask or none"))
    return word


def _wider_pictures(labels: Path) -> Path:
    part = "WIDER_val" if "val" in labels.name else "WIDER_train"
    inside = (f"{part}/{WIDER_PICTURES}", WIDER_PICTURES)
    folders = [base / inner for base in (labels.parent, labels.parent.parent) for inner in inside]
    for folder in folders:
        if folder.is_dir():
            return folder
    raise BadInput(explain("no pictures beside the labels", where=str(labels), expected=str(folders[0])))
