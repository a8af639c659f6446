"""Single pictures: an image, a folder of images, a tar of images; one at a time in memory."""

from __future__ import annotations

import os
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from edge.clock import boottime
from edge.errors import BadInput, UsageError, explain
from edge.sensor.sources.address import IMAGE_SUFFIXES, SourceKind, classify
from edge.sensor.sources.image_file import decode_image
from edge.sensor.sources.quiet import silence_vendors
from edge.sensor.types import Frame, Image

MAX_IMAGE_BYTES = 256 * 2**20
"""Larger files are refused instead of read into memory."""

_TAR_BLOCK = bytes(tarfile.BLOCKSIZE)
_TAR_FAULTS = (tarfile.TarError, EOFError, OSError, zlib.error, LZMAError)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, or why it could not be read.

    name: the address of a single image, else the path inside the folder or tar (the tar's own address when the tar
    itself is damaged). image: uint8 (H, W, 3) BGR or None. error: None or what is wrong.
    """

    name: str
    image: Image | None
    error: BadInput | None


def read_pictures(address: str) -> Iterator[Picture]:
    """Pictures of an image, folder (sorted by path, subfolders too) or tar (in its own order), read one by one.

    A bad picture comes as an error and the rest go on; a truncated tar gives its good members, then an error.
    Raises BadInput when the address cannot be read at all or holds no image, UsageError when it holds no pictures.
    """
    silence_vendors()
    path = Path(address)
    if path.is_dir():
        return _read_folder(path)
    if not path.exists():
        raise BadInput(explain("no such file or folder", where=address))
    kind = classify(address)
    if kind is SourceKind.TAR:
        return _read_tar(path)
    if kind is SourceKind.IMAGE:
        return iter([_picture(address, lambda: _read_file(path, address))])
    raise UsageError(explain("not a source of pictures", where=address, expected="an image, a folder or a tar"))


class PictureSource:
    """Pictures as frames at a given rate; a bad picture ends it. Implements `ports.FrameSource`."""

    live = False

    def __init__(self, pictures: Iterator[Picture], fps: float, start_at: float) -> None:
        self._pictures: Iterator[Picture] | None = pictures
        self._fps = fps
        self._start_at = start_at
        self._index = 0

    def read(self) -> Frame | None:
        """Return the next picture, or None at the end. Raises BadInput at a bad picture."""
        picture = next(self._pictures, None) if self._pictures is not None else None
        if picture is None or picture.image is None:
            self.close()
            if picture is not None and picture.error is not None:
                raise picture.error
            return None
        frame = Frame(picture.image, self._index, self._start_at + self._index / self._fps)
        self._index += 1
        return frame

    def close(self) -> None:
        """Stop reading; safe to call twice."""
        self._pictures = None


def open_pictures(
    address: str, fps: float, start_at: float | None = None, clock: Callable[[], float] = boottime
) -> PictureSource:
    """Pictures as frames, the first at start_at (default now), then 1/fps s apart. Raises BadInput."""
    return PictureSource(read_pictures(address), fps, clock() if start_at is None else start_at)


def _picture(name: str, read: Callable[[], bytes]) -> Picture:
    try:
        return Picture(name, decode_image(read(), name), None)
    except BadInput as error:
        return Picture(name, None, error)


def _read_file(path: Path, name: str) -> bytes:
    try:
        _refuse_large(path.stat().st_size, name)
        return path.read_bytes()
    except OSError as error:
        raise BadInput(explain("file cannot be read", where=name, got=error.strerror)) from error


def _refuse_large(size: int, name: str) -> None:
    if size > MAX_IMAGE_BYTES:
        raise BadInput(
            explain("image file too large", where=name, got=size, expected=f"{MAX_IMAGE_BYTES} bytes or less")
        )


def is_image(name: str) -> bool:
    """Whether a folder's or tar's member of this name counts as a picture; hidden ones do not."""
    path = PurePosixPath(name)
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def _read_folder(folder: Path) -> Iterator[Picture]:
    closed: list[OSError] = []
    walked = os.walk(folder, onerror=closed.append)
    paths = sorted(Path(at, name) for at, _, names in walked for name in names if is_image(name))
    faults = [_closed(error, folder) for error in closed]
    paths = [path for path in paths if _may_be_file(path)]
    if not paths and faults:
        raise faults[0]
    if not paths:
        raise BadInput(_no_image(str(folder), "folder"))
    pictures = (_picture(path.relative_to(folder).as_posix(), _reader(path)) for path in paths)
    return chain(pictures, (Picture(str(folder), None, fault) for fault in faults))


def _closed(error: OSError, folder: Path) -> BadInput:
    return BadInput(explain("folder cannot be read", where=str(error.filename or folder), got=error.strerror))


def _may_be_file(path: Path) -> bool:
    """False for a pipe or a device; one that may not be checked counts as a file, and reading reports what is wrong."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def _reader(path: Path) -> Callable[[], bytes]:
    return lambda: _read_file(path, str(path))


def _read_tar(path: Path) -> Iterator[Picture]:
    try:
        tar = tarfile.open(path)  # noqa: SIM115 (the generator below closes it)
    except _TAR_FAULTS as error:
        what = "not a tar, or a damaged one" if path.stat().st_size else "the file is empty"
        raise BadInput(explain(what, where=str(path), expected="a tar of images")) from error
    return _read_members(tar, str(path))


def _read_members(tar: tarfile.TarFile, where: str) -> Iterator[Picture]:
    empty = True
    with tar:
        try:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # tarfile would keep every header for the life of the tar
                if is_image(member.name) and (member.isfile() or member.islnk() or member.issym()):
                    yield _member(tar, member)
                    empty = False
            _expect_end(tar)
        except _TAR_FAULTS as error:
            yield Picture(where, None, BadInput(explain("truncated or damaged tar", where=where, got=error)))
            return
    if empty:
        raise BadInput(_no_image(where, "tar"))


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Picture:
    if member.isfile():
        return _picture(member.name, _member_reader(tar, member))
    next_step = "pack it with --dereference --hard-dereference"
    fault = BadInput(explain("a link to another member", where=member.name, got=member.linkname, next_step=next_step))
    return Picture(member.name, None, fault)


def _member_reader(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        _refuse_large(member.size, member.name)
        content = tar.extractfile(member)
        return content.read() if content is not None else b""

    return read


def _expect_end(tar: tarfile.TarFile) -> None:
    """Raise when the tar stops without its closing zero block: tarfile takes that for a normal end."""
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(len(_TAR_BLOCK)) != _TAR_BLOCK:
        raise tarfile.ReadError("unexpected end of data")


def _no_image(where: str, kind: str) -> str:
    return explain(f"no image in this {kind}", where=where, expected=", ".join(sorted(IMAGE_SUFFIXES)))
