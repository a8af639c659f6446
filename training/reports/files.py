"""Writes a report's files whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from edge.errors import BadInput, UsageError, explain


def need_folder_of(path: Path | None, flag: str) -> None:
    """Raises UsageError where a file cannot be written because its folder is missing."""
    if path is not None and not path.absolute().parent.is_dir():
        raise UsageError(explain("no such folder", where=flag, got=str(path.parent)))


def write_whole(path: Path, content: bytes) -> None:
    """Write under a temporary name beside the file, then rename. Raises BadInput where that cannot be written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(explain("cannot be written", where=str(path), got=error.strerror)) from error


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder that is made where it is missing. Raises BadInput."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(explain("folder cannot be made", where=str(folder), got=error.strerror)) from error
    for name, content in files.items():
        write_whole(folder / name, content)
