"""Where pictures are stored: a folder, or a tar that is read in place. Bytes by name, from any thread or process."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from edge.errors import BadInput, explain
from edge.sensor.sources.image_file import decode_image
from edge.sensor.sources.picture import is_image
from edge.sensor.sources.whole_file import MAX_IMAGE_BYTES
from edge.sensor.types import Image


class Storage(Protocol):
    """Files under names with / between folders."""

    @property
    def place(self) -> str:
        """Its name in error messages."""

    def names(self) -> Sequence[str]:
        """Names of the pictures, sorted; hidden files are skipped."""

    def read(self, name: str) -> bytes:
        """A file's content. Raises BadInput where it is missing or cannot be read."""


@dataclass(frozen=True, slots=True)
class FolderStorage:
    """A folder with its subfolders. Implements `Storage`."""

    folder: Path

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.folder)

    def names(self) -> Sequence[str]:
        """See `Storage`."""
        files = (path for path in self.folder.rglob("*") if is_image(path.name) and path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in files)

    def read(self, name: str) -> bytes:
        """See `Storage`."""
        try:
            return _bounded(self.folder / name, 0, None)
        except OSError as error:
            raise BadInput(_unreadable(name, self.place, error.strerror)) from error


class _Extent(NamedTuple):
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class TarStorage:
    """An uncompressed tar; its index is read once, each picture takes one seek and one read. Implements `Storage`."""

    path: Path
    extents: Mapping[str, _Extent]

    @property
    def place(self) -> str:
        """The tar."""
        return str(self.path)

    def names(self) -> Sequence[str]:
        """See `Storage`."""
        return sorted(self.extents)

    def read(self, name: str) -> bytes:
        """See `Storage`. The file is opened each time, so that threads and forks do not share a position."""
        if name not in self.extents:
            raise BadInput(_unreadable(name, self.place, "it is not there"))
        offset, size = self.extents[name]
        try:
            content = _bounded(self.path, offset, size)
        except OSError as error:
            raise BadInput(_unreadable(name, self.place, error.strerror)) from error
        if len(content) < size:
            raise BadInput(_unreadable(name, self.place, "the tar is truncated"))
        return content


def open_storage(path: Path) -> Storage:
    """A folder or an uncompressed tar. Raises BadInput."""
    if path.is_dir():
        return FolderStorage(path)
    if not path.exists():
        raise BadInput(explain("no such file or folder", where=str(path)))
    return TarStorage(path, _extents(path))


def decode(storage: Storage, name: str) -> Image:
    """A picture, uint8 (H, W, 3) BGR, upright. Raises BadInput."""
    return decode_image(storage.read(name), f"{storage.place}: {name}")


def _extents(path: Path) -> dict[str, _Extent]:
    try:
        with tarfile.open(path, "r:") as tar:
            pictures = (member for member in tar if member.isfile() and is_image(member.name))
            return {member.name.removeprefix("./"): _Extent(member.offset_data, member.size) for member in pictures}
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadInput(
            explain("not an uncompressed tar, or a damaged one", where=str(path), got=error,
                    next_step="uncompress the tar first: a compressed one cannot be read in place")
        ) from error  # fmt: skip


def _bounded(path: Path, offset: int, size: int | None) -> bytes:
    """`size` bytes from offset, or all of a file that is not too large."""
    with path.open("rb") as file:
        file.seek(offset)
        content = file.read(MAX_IMAGE_BYTES + 1 if size is None else min(size, MAX_IMAGE_BYTES + 1))
    if len(content) > MAX_IMAGE_BYTES:
        raise BadInput(explain("image file too large", where=str(path), expected=f"{MAX_IMAGE_BYTES} bytes or less"))
    return content


def _unreadable(name: str, place: str, reason: str | None) -> str:
    return explain("picture cannot be read", where=f"{place}: {name}", got=reason)
