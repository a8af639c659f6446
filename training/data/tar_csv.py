"""A tar or folder of pictures, and the CSV of labels beside it."""

from __future__ import annotations

from pathlib import Path

from edge.errors import BadInput, explain
from edge.workbench.labelled.csv_file import read_labels
from training.data.collection import Collection, LeftOut, collect, keep_present
from training.data.storage import open_storage


def labels_beside(pictures: Path) -> Path:
    """Where the CSV of a tar or folder is: `faces.csv` for `faces.tar` and `faces`, `faces.v2.csv` for a `faces.v2`."""
    if not pictures.is_dir():
        return pictures.with_suffix(".csv")
    named = pictures if pictures.name not in ("", "..") else pictures.resolve()
    return named.parent / f"{named.name}.csv"


def pictures_beside(labels: Path) -> Path:
    """The tar or folder of a CSV's name. Raises BadInput where there is neither."""
    for candidate in (labels.with_suffix(".tar"), labels.with_suffix("")):
        if candidate.exists():
            return candidate
    expected = str(labels.with_suffix(".tar"))
    raise BadInput(explain("no pictures beside the labels", where=str(labels), expected=expected))


def read_tar_csv(pictures: Path, labels: Path, *, name: str = "", aligned: bool = False) -> Collection:
    """The photographs that a CSV labels; rows whose picture is missing are counted and left out.

    name: of the set, the CSV's own by default. Raises BadInput for an unknown or missing column, a label out of range
    or a path listed twice, with the line's number.
    """
    storage, left_out = open_storage(pictures), LeftOut()
    samples = read_labels(labels, name or labels.stem, aligned=aligned)
    return collect(name or labels.stem, keep_present(samples, storage, left_out), storage, left_out)
