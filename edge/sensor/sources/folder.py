"""A folder of pictures: every file in it and its subfolders is given as a picture, or named as left out."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from edge.errors import BadInput, explain
from edge.sensor.sources.image_file import READ_FORMATS
from edge.sensor.sources.image_format import HEAD_BYTES
from edge.sensor.sources.picture import LeftOut, Picture, Tell, decoded, is_image, natural, why_left_out
from edge.sensor.sources.whole_file import read_file


class Listing(NamedTuple):
    """Paths of pictures within a folder in the order in which people count, what is left out, what cannot be read."""

    names: tuple[str, ...]
    left_out: LeftOut
    faults: tuple[BadInput, ...]


def list_folder(folder: Path) -> Listing:
    """Look at the beginning of every file of a folder and its subfolders."""
    closed: list[OSError] = []
    left_out, names = LeftOut(), list[str]()
    for name, is_link in _files(folder, closed):
        why = "a link to a folder" if is_link else _why_left_out(folder / name, name)
        if why:
            left_out.add(name, why)
        else:
            names.append(name)
    return Listing(tuple(names), left_out, tuple(_closed(error, folder) for error in closed))


def read_folder(folder: Path, tell: Tell) -> Iterator[Picture]:
    """Pictures of a folder and its subfolders one by one, then the folders that cannot be read.

    Raises BadInput where there is nothing to give; tells what is left out.
    """
    names, left_out, faults = list_folder(folder)
    if not names and not faults:
        raise no_image(str(folder), "folder", left_out)
    left_out.tell(str(folder), tell)
    if not names:
        raise faults[0]
    pictures = chain.from_iterable(decoded(name, _reader(folder / name)) for name in names)
    return chain(pictures, (Picture(str(folder), None, fault) for fault in faults))


def no_image(where: str, kind: str, left_out: LeftOut) -> BadInput:
    """The fault of a folder or tar without a picture, in which that was left out."""
    return BadInput(explain(f"no image in this {kind}", where=where, got=left_out.words, expected=READ_FORMATS))


def _files(folder: Path, closed: list[OSError]) -> list[tuple[str, bool]]:
    """Path within the folder of each file, and of each link to a folder (True), which is not followed."""
    found = []
    for at, folders, files in os.walk(folder, onerror=closed.append):
        links = [(name, True) for name in folders if (Path(at) / name).is_symlink()]
        found += [
            ((Path(at) / name).relative_to(folder).as_posix(), is_link)
            for name, is_link in links + [(name, False) for name in files]
        ]
    return sorted(found, key=lambda each: natural(each[0]))


def _why_left_out(path: Path, name: str) -> str:
    """Empty for a picture; one that cannot be looked at counts as its name says, and reading tells what is wrong."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "not a file"
        with path.open("rb") as file:
            return why_left_out(name, file.read(HEAD_BYTES))
    except OSError as error:
        return "" if is_image(name) else f"cannot be read: {error.strerror}"


def _closed(error: OSError, folder: Path) -> BadInput:
    return BadInput(explain("folder cannot be read", where=str(error.filename or folder), got=error.strerror))


def _reader(path: Path) -> Callable[[], bytes]:
    return lambda: read_file(path, str(path))
