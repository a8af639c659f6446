"""What kind of source a path is: by what lies there, and only where that shows nothing by its name."""

from __future__ import annotations

import stat
from mmap import ACCESS_READ, mmap
from pathlib import Path

from edge.errors import UsageError, explain
from edge.sensor.sources.address import MOTION_JPEG_SUFFIXES, SourceKind, classify
from edge.sensor.sources.animation import MOVING_FORMATS, is_animated
from edge.sensor.sources.image_format import HEAD_BYTES, ImageFormat, image_format, is_footage, is_tar, unread_format
from edge.sensor.sources.jpeg import is_motion_jpeg
from edge.sensor.sources.whole_file import fits


def kind_of_source(address: str) -> SourceKind:
    """Kind of a path, or of another address as its words say; where nothing lies there the name decides.

    Raises UsageError for a pipe, socket or disk, and for an address that means nothing.
    """
    by_name = classify(address)
    if not (by_name.is_path or address.startswith("/dev/")):
        return by_name
    path = Path(address)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return SourceKind.FOLDER
        if stat.S_ISCHR(mode):
            return SourceKind.V4L2
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                return _kind_of_file(path, file.read(HEAD_BYTES), by_name)
    except OSError:
        return by_name
    got = "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a disk"
    raise UsageError(explain("not a source", where=address, got=got, expected="a file, a folder or a camera"))


def _kind_of_file(path: Path, head: bytes, by_name: SourceKind) -> SourceKind:
    found = image_format(head)
    if is_footage(head) or (found is ImageFormat.JPEG and _is_stream(path)):
        return SourceKind.VIDEO
    if found is not None:
        return SourceKind.ANIMATION if _is_animated(path, found) else SourceKind.IMAGE
    if unread_format(head) is not None:
        return SourceKind.IMAGE
    if is_tar(head):
        return SourceKind.TAR
    return SourceKind.VIDEO if by_name in (SourceKind.FOLDER, SourceKind.V4L2) else by_name


def _is_stream(path: Path) -> bool:
    """Whether JPEGs follow each other, or the name says that they may."""
    if path.suffix.lower() in MOTION_JPEG_SUFFIXES:
        return True
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        return is_motion_jpeg(content)


def _is_animated(path: Path, found: ImageFormat) -> bool:
    """Whether there is more than one frame; a GIF too large to be read whole counts as one of many."""
    if found not in MOVING_FORMATS or not fits(path):
        return found is ImageFormat.GIF
    return is_animated(path.read_bytes(), found)
