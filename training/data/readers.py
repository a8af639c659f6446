"""Opens a data set by its address: `PATH`, or `FORM:PATH` where the form cannot be recognised from the files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from edge.errors import BadInput, UsageError, explain
from training.data.adience import is_adience, read_adience
from training.data.collection import Collection
from training.data.fairface import is_fairface, read_fairface
from training.data.file_names import looks_like, read_all_age_faces, read_lfw, read_plain, read_utkface
from training.data.storage import open_storage
from training.data.tar_csv import labels_beside, pictures_beside, read_tar_csv

FORMS = ("csv", "utkface", "adience", "fairface", "aaf", "lfw", "plain")


def open_photographs(address: str, *, aligned: bool = False) -> Collection:
    """Open the data set at an address.

    A tar or folder with a CSV of the same name beside it (`faces.tar`, `faces.csv`) has the form `csv`; a folder with
    fold files is Adience, one with FairFace's labels is FairFace; other forms are recognised by the names of the
    pictures. aligned: the pictures are chips aligned to `utkface-112` (not for Adience and FairFace, whose own
    alignment differs). Raises BadInput, and UsageError for an unknown form.
    """
    form, path = _parse(address)
    readers: dict[str, Callable[[], Collection]] = {
        "csv": lambda: _read_csv(path, aligned=aligned),
        "utkface": lambda: read_utkface(path, aligned=aligned),
        "adience": lambda: read_adience(path),
        "fairface": lambda: read_fairface(path),
        "aaf": lambda: read_all_age_faces(path, aligned=aligned),
        "lfw": lambda: read_lfw(path, aligned=aligned),
        "plain": lambda: read_plain(path, aligned=aligned),
    }
    return readers[form or _form_of(path)]()


def open_all(addresses: Sequence[str], *, aligned: bool = False) -> list[Collection]:
    """Open several data sets. Raises BadInput, and UsageError where none is given."""
    if not addresses:
        raise UsageError(explain("no data set given", expected="PATH or FORM:PATH, one or more"))
    return [open_photographs(address, aligned=aligned) for address in addresses]


def _parse(address: str) -> tuple[str, Path]:
    form, colon, rest = address.partition(":")
    if colon and form in FORMS:
        return form, Path(rest)
    if colon and form.isalpha() and not Path(address).exists():
        raise UsageError(explain("unknown form of data set", got=form, expected=" | ".join(FORMS)))
    return "", Path(address)


def _form_of(path: Path) -> str:
    if path.suffix == ".csv":
        return "fairface" if path.name.startswith("fairface_label_") else "csv"
    if not path.exists():
        raise BadInput(explain("no such file or folder", where=str(path)))
    if labels_beside(path).is_file():
        return "csv"
    if is_adience(path):
        return "adience"
    return "fairface" if is_fairface(path) else looks_like(open_storage(path))


def _read_csv(path: Path, *, aligned: bool) -> Collection:
    """The set of a CSV, a tar or a folder."""
    if path.suffix == ".csv":
        return read_tar_csv(pictures_beside(path), path, aligned=aligned)
    return read_tar_csv(path, labels_beside(path), aligned=aligned)
