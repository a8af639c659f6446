"""Arrays in one `.npz` file, the form in which chips and scenes are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from edge.errors import BadInput, explain


def read_columns(path: Path, names: Iterable[str], expected: str) -> dict[str, NDArray[Any]]:
    """The arrays with these names. expected: what the file should be. Raises BadInput where one is missing."""
    try:
        return _arrays(np.load(path, allow_pickle=False), names)
    except (OSError, ValueError, TypeError, KeyError, EOFError, BadZipFile) as error:
        raise BadInput(explain(f"cannot be read ({error})", where=str(path), expected=expected)) from error


def count_pictures(ends: NDArray[Any], path: Path) -> int:
    """Number of pictures that end at these offsets. Raises BadInput where there are none."""
    if not ends.size:
        raise BadInput(explain("no picture in it", where=str(path)))
    return ends.size


def need_rows(columns: Mapping[str, NDArray[Any]], rows: int, path: Path) -> None:
    """Raise BadInput where a column does not have this many rows."""
    for name, column in columns.items():
        if column.shape[:1] != (rows,):
            what, got = f"`{name}` does not fit the other columns", f"shape {column.shape}"
            raise BadInput(explain(what, where=str(path), got=got, expected=f"{rows} rows"))


def _arrays(stored: object, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    if not isinstance(stored, NpzFile):
        raise TypeError("one array without a name")
    with stored:
        return {name: stored[name] for name in names}
