"""Adience: five folds of photographs of unfiltered faces, labelled with gender and eight age bands.

Source: Eidinger, Enbar and Hassner, "Age and Gender Estimation of Unfiltered Faces", IEEE TIFS 9(12), 2014; its files
`fold_0_data.txt` to `fold_4_data.txt` (tab between cells) beside the folders `aligned` and `faces`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge.errors import BadInput, explain
from edge.workbench.labelled.labels import adience_band, read_band, read_gender
from edge.workbench.labelled.samples import Sample
from training.data.collection import Collection, LeftOut, collect
from training.data.storage import open_storage

PREFIXES = {"aligned": "landmark_aligned_face", "faces": "coarse_tilt_aligned_face"}
"""Folder of pictures -> prefix of its file names, before `.FACE.ORIGINAL`."""
NEEDED = ("user_id", "original_image", "face_id", "age", "gender")
_FOLD = re.compile(r"fold_(\d+)_data\.txt")


def is_adience(folder: Path) -> bool:
    """Whether the folder holds fold files."""
    return folder.is_dir() and bool(_fold_files(folder))


def read_adience(folder: Path, *, name: str = "adience") -> Collection:
    """Read all folds as one set; see `read_folds`."""
    folds = read_folds(folder, name=name)
    samples = [sample for fold in folds for sample in fold.samples]
    return Collection(name, samples, folds[0].storage, [line for fold in folds for line in fold.warnings])


def read_folds(folder: Path, *, name: str = "adience") -> list[Collection]:
    """Read one set per fold; nobody is in two of them. Pictures come from `aligned`, or from `faces` where that is
    missing.

    Ages are bands (see `edge.workbench.labelled.labels.adience_band` for the set's odd ones); the genders `u` and
    `None` become None. Faces without age and gender, and those whose picture is missing, are counted and left out. The
    folder `aligned` is not aligned to Passerby's template: these faces go through detector and alignment too. Raises
    BadInput.
    """
    files = _fold_files(folder)
    if not files:
        raise BadInput(explain("no fold_*_data.txt", where=str(folder), expected="a copy of Adience"))
    return [_read_fold(file, folder, _pictures(folder), name) for file in files]


def _fold_files(folder: Path) -> Sequence[Path]:
    found = {int(match[1]): file for file in folder.glob("fold_*_data.txt") if (match := _FOLD.fullmatch(file.name))}
    return [found[number] for number in sorted(found)]


def _pictures(folder: Path) -> str:
    for kind in PREFIXES:
        if (folder / kind).is_dir():
            return kind
    raise BadInput(explain("no pictures", where=str(folder), expected=f"a folder {' or '.join(PREFIXES)}"))


def _read_fold(file: Path, folder: Path, pictures: str, name: str) -> Collection:
    left_out, samples = LeftOut(), []
    for where, row in _rows(file):
        sample = _sample(row, where, pictures, name)
        if sample.age_range is None and sample.gender is None:
            left_out.add("neither age nor gender", sample.path)
        elif not (folder / sample.path).is_file():
            left_out.add("picture is missing", sample.path)
        else:
            samples.append(sample)
    collected = collect(name, samples, open_storage(folder), left_out)
    return replace(collected, warnings=[f"{file.name}: {line}" for line in collected.warnings])


def _sample(row: dict[str, str], where: str, pictures: str, name: str) -> Sample:
    file = f"{PREFIXES[pictures]}.{row['face_id']}.{row['original_image']}"
    band = read_band(row["age"], where)
    gender = None if row["gender"] in ("u", "None") else read_gender(row["gender"], where)
    path = f"{pictures}/{row['user_id']}/{file}"
    return Sample(name, path, None, band and adience_band(band), gender, person=row["user_id"])


def _rows(file: Path) -> list[tuple[str, dict[str, str]]]:
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            rows = csv.DictReader(opened, delimiter="\t", quoting=csv.QUOTE_NONE)
            found = [(f"{file}:{rows.line_num}", {k: v or "" for k, v in row.items() if k}) for row in rows]
            header = rows.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(explain("fold cannot be read", where=str(file), got=error)) from error
    missing = [column for column in NEEDED if column not in header]
    if missing:
        raise BadInput(explain("not a fold of Adience", where=str(file), expected=f"a column {missing[0]!r}"))
    return found
