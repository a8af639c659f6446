"""Sets whose labels are in the names of files and folders: UTKFace, All-Age-Faces, LFW, and a plain folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from edge.errors import BadInput, explain
from edge.workbench.labelled.labels import whole_years
from edge.workbench.labelled.samples import OLDEST, Gender, Sample
from training.data.collection import Collection, LeftOut, collect
from training.data.storage import Storage, open_storage
from training.data.tar_csv import labels_beside

UTKFACE_GENDERS: tuple[Gender, Gender] = ("male", "female")
UTKFACE_GROUPS = ("White", "Black", "Asian", "Indian", "Other")
_UTKFACE = re.compile(r"(\d{1,3})_([01])_([0-4])_\d+\.")
_AAF = re.compile(r"(\d{5})A(\d{1,3})\.")
_LFW = re.compile(r"(.+)_\d{4}\.")
AAF_FIRST_MAN = 7381
"""All-Age-Faces numbers its photographs 0 to 13,321: women first, men from this number on."""

Rule = Callable[[str], Sample | str]
"""Turns a picture's path into its sample, or into the reason why it is left out."""


def read_utkface(place: Path, *, name: str = "utkface", aligned: bool = False) -> Collection:
    """UTKFace: `age_gender_race_date.jpg`, gender 0 male 1 female, race 0-4 (susanqq.github.io/UTKFace).

    Names without one of the parts (the set has a few) are counted and left out. `.chip.jpg` are aligned chips.
    """

    def rule(path: str) -> Sample | str:
        found = _UTKFACE.match(PurePosixPath(path).name)
        if not found:
            return "name is not age_gender_race_date.jpg"
        age = int(found[1])
        if age > OLDEST:
            return f"age is over {OLDEST} years"
        chip = aligned or ".chip." in path
        gender, group = UTKFACE_GENDERS[int(found[2])], UTKFACE_GROUPS[int(found[3])]
        return Sample(name, path, age, whole_years(age), gender, group, aligned=chip)

    return _read(place, name, rule)


def read_all_age_faces(place: Path, *, name: str = "aaf", aligned: bool = False) -> Collection:
    """All-Age-Faces: `00000A02.jpg` is photograph 0, of somebody aged 2; photographs up to 7380 show women.

    Source: Cheng et al., "Exploiting effective facial patches for robust gender recognition", Tsinghua Science and
    Technology 24(3), 2019, and its github.com/JingchunCheng/All-Age-Faces-Dataset.
    """

    def rule(path: str) -> Sample | str:
        found = _AAF.match(PurePosixPath(path).name)
        if not found or int(found[2]) > OLDEST:
            return "name is not NUMBERAage.jpg"
        age = int(found[2])
        gender: Gender = "male" if int(found[1]) >= AAF_FIRST_MAN else "female"
        return Sample(name, path, age, whole_years(age), gender, "Asian", aligned=aligned)

    return _read(place, name, rule)


def read_lfw(place: Path, *, name: str = "lfw", aligned: bool = False) -> Collection:
    """Labeled Faces in the Wild: a folder per person, `Some_Body/Some_Body_0001.jpg`; no ages.

    Genders come from `female_names.txt` and `male_names.txt` in the folder, if present (lists of picture names, one per
    line, as published by Afifi and Abdelhamed, "AFIF4", 2019); a name on neither list has no gender.
    """
    genders = _lfw_genders(place)

    def rule(path: str) -> Sample | str:
        file = PurePosixPath(path).name
        found = _LFW.match(file)
        if not found:
            return "name is not Some_Body_0001.jpg"
        return Sample(name, path, gender=genders.get(file), person=found[1], aligned=aligned)

    return _read(place, name, rule)


def read_plain(place: Path, *, name: str = "", aligned: bool = False) -> Collection:
    """A folder or tar of pictures without labels."""
    called = name or labels_beside(place).stem
    return _read(place, called, lambda path: Sample(called, path, aligned=aligned))


def looks_like(storage: Storage, sampled: int = 50) -> str:
    """The form that most of the first names fit: utkface, aaf, lfw or plain."""
    names = [PurePosixPath(name) for name in storage.names()[:sampled]]
    forms: Mapping[str, Callable[[PurePosixPath], bool]] = {
        "utkface": lambda path: _UTKFACE.match(path.name) is not None,
        "aaf": lambda path: _AAF.match(path.name) is not None,
        "lfw": lambda path: path.name.startswith(f"{path.parent.name}_") and _LFW.match(path.name) is not None,
    }
    counts = {form: sum(map(fits, names)) for form, fits in forms.items()}
    best = max(counts, key=lambda form: counts[form])
    return best if 2 * counts[best] > len(names) else "plain"


def _read(place: Path, name: str, rule: Rule) -> Collection:
    storage, left_out = open_storage(place), LeftOut()
    samples = []
    for path in storage.names():
        found = rule(path)
        if isinstance(found, Sample):
            samples.append(found)
        else:
            left_out.add(found, path)
    return collect(name, samples, storage, left_out)


def _lfw_genders(place: Path) -> dict[str, Gender]:
    lists: tuple[tuple[str, Gender], ...] = (("female_names.txt", "female"), ("male_names.txt", "male"))
    found: dict[str, Gender] = {}
    for file, gender in lists:
        for line in _lines(place / file) if place.is_dir() else ():
            if found.setdefault(line, gender) != gender:
                raise BadInput(explain("a picture is on both lists of genders", where=str(place / file), got=line))
    return found


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    try:
        return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            explain("list cannot be read", where=str(path), got=error, expected="one name per line")
        ) from error
