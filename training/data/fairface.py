"""FairFace: `fairface_label_train.csv` and `fairface_label_val.csv` beside the folders `train` and `val`.

Source: Karkkainen and Joo, "FairFace: Face Attribute Dataset for Balanced Race, Gender, and Age", WACV 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge.errors import BadInput, explain
from edge.workbench.labelled.csv_file import read_rows
from edge.workbench.labelled.labels import read_band, read_gender
from edge.workbench.labelled.samples import Sample
from training.data.collection import Collection, LeftOut, collect, keep_present
from training.data.storage import open_storage

COLUMNS = ("file", "age", "gender", "race", "service_test")


def is_fairface(folder: Path) -> bool:
    """Whether the folder holds FairFace's labels."""
    return folder.is_dir() and bool(_label_files(folder))


def read_fairface(place: Path, *, name: str = "fairface") -> Collection:
    """Read a folder with both label files, or one label file. Ages are bands (`20-29`, `more than 70`); race is the
    group.

    Raises BadInput.
    """
    folder, files = (place, _label_files(place)) if place.is_dir() else (place.parent, [place])
    if not files:
        raise BadInput(explain("no fairface_label_*.csv", where=str(place), expected="a copy of FairFace"))
    storage, left_out = open_storage(folder), LeftOut()
    samples = [_sample(row, where, name) for file in files for where, row in read_rows(file, COLUMNS, COLUMNS[:4])]
    return collect(name, keep_present(samples, storage, left_out), storage, left_out)


def _label_files(folder: Path) -> Sequence[Path]:
    return sorted(folder.glob("fairface_label_*.csv"))


def _sample(row: dict[str, str], where: str, name: str) -> Sample:
    gender = read_gender(row["gender"], where)
    return Sample(name, row["file"], None, read_band(row["age"], where), gender, row["race"] or None)
