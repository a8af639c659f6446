"""Files and folders that are there whole or not at all: made aside, then renamed into place (a folder in two steps)."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.errors import UsageError, explain


@contextmanager
def made_aside(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, which must have a parent, for `put_in_place`; removed at the end if not put there.

    What killed programs left behind is removed first, and what they had moved aside is put back. Raises OSError.
    """
    _sweep(folder)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        with held(staging):
            yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def held(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the folder for one program alone; the lock leaves no file and ends with the process, however that ends.

    Raises OSError; BlockingIOError where another program holds it and `wait` is False.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def put_in_place(staging: Path, folder: Path) -> None:
    """Put the new folder in place of the old one. Between the two renames the old one lies aside. Raises OSError."""
    staging.chmod(0o755)
    if folder.exists():
        folder.rename(_aside(folder))
    staging.rename(folder)
    shutil.rmtree(_aside(folder), ignore_errors=True)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.aside")


def _sweep(folder: Path) -> None:
    if _aside(folder).exists() and not folder.exists():
        _aside(folder).rename(folder)
    shutil.rmtree(_aside(folder), ignore_errors=True)
    for rest in folder.parent.glob(f".{folder.name}.{'?' * 8}"):
        if rest.is_dir() and not _is_held(rest):
            shutil.rmtree(rest, ignore_errors=True)


def _is_held(staging: Path) -> bool:
    """Whether a running program is filling it."""
    try:
        with held(staging, wait=False):
            return False
    except OSError:
        return True


def need_folder_of(path: Path | None, flag: str) -> None:
    """Raises UsageError where a file cannot be written because its folder is missing."""
    if path is not None and not path.absolute().parent.is_dir():
        raise UsageError(explain("no such folder", where=flag, got=str(path.parent)))


@contextmanager
def utf8_name(path: Path, *, bare: bool = False) -> Iterator[str]:
    """A name of a file that is there, for a library that takes text only: its own, resolved, where that is UTF-8.

    Else the name of an open descriptor of it, good until the end of the block. OpenCV ends the process with a
    segmentation fault on a name that is not UTF-8. bare: a name without a suffix, which says nothing. Raises OSError.
    """
    own = str(path.resolve())
    if is_utf8(own) and not bare:
        yield own
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def is_utf8(name: str) -> bool:
    """Whether a name that came from the system can be written as UTF-8 (`os.fsdecode` keeps other bytes apart)."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """The name to write a file under: it becomes `path` at the end of the block, and is removed if the block raises.

    Raises UsageError where it cannot become `path`; wrap what is written in `written_to` for the same error.
    """
    partial = partial_name(path)
    try:
        yield partial
        with written_to(str(path)):
            partial.replace(path)
    finally:
        drop(partial)


def partial_name(path: Path) -> Path:
    """The name that a file has until it is whole: hidden, beside its own, of its own suffix."""
    return path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")


def drop(partial: Path) -> None:
    """Remove a file that did not become whole; its folder may be missing or may refuse."""
    with suppress(OSError):
        partial.unlink(missing_ok=True)


@contextmanager
def written_to(where: str) -> Iterator[None]:
    """Raise UsageError in place of an OSError of the block; BrokenPipeError, where the reader went away, stays."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise not_written(where, error.strerror or error) from error


def not_written(where: str, reason: object) -> UsageError:
    """The one error for output that cannot be written."""
    next_step = "is there such a folder, and space in it?"
    return UsageError(explain("cannot be written", where=where, got=reason, next_step=next_step))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises UsageError."""
    with whole_file(path) as partial, written_to(str(path)):
        partial.write_bytes(content)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder that is made where it is missing. Raises UsageError."""
    make_folder(folder)
    for name, content in files.items():
        write_whole(folder / name, content)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it where they are missing. Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(explain("folder cannot be made", where=str(folder), got=error.strerror)) from error
