"""What kind of source a path is: by what lies there, and only where that shows nothing by its name."""

from __future__ import annotations

import stat
from pathlib import Path, PurePosixPath

from edge.errors import UsageError, explain
from edge.sensor.sources.address import MOTION_JPEG_SUFFIXES, SourceKind, classify
from edge.sensor.sources.image_format import HEAD_BYTES, image_format, is_footage, is_tar, unread_format


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
                return _kind_of_file(file.read(HEAD_BYTES), by_name, PurePosixPath(address).suffix.lower())
    except OSError:
        return by_name
    got = "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a disk"
    raise UsageError(explain("not a source", where=address, got=got, expected="a file, a folder or a camera"))


def _kind_of_file(head: bytes, by_name: SourceKind, suffix: str) -> SourceKind:
    """A stream of JPEGs begins as a picture does: of those the name decides."""
    if is_footage(head):
        return SourceKind.VIDEO
    if image_format(head) is not None or unread_format(head) is not None:
        return by_name if suffix in MOTION_JPEG_SUFFIXES or by_name is SourceKind.ANIMATION else SourceKind.IMAGE
    if is_tar(head):
        return SourceKind.TAR
    return SourceKind.VIDEO if by_name in (SourceKind.FOLDER, SourceKind.V4L2) else by_name
