"""A tar of pictures, packed or not, read once from its beginning to its end."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path

from edge.errors import BadInput, explain
from edge.sensor.sources.folder import no_image
from edge.sensor.sources.image_format import HEAD_BYTES
from edge.sensor.sources.picture import LeftOut, Picture, Tell, decoded, is_image, why_left_out
from edge.sensor.sources.whole_file import refuse_large

_BLOCK = bytes(tarfile.BLOCKSIZE)
_FAULTS = (tarfile.TarError, EOFError, OSError, zlib.error, LZMAError)


def read_tar(path: Path, tell: Tell) -> Iterator[Picture]:
    """Pictures of a tar in its own order, one by one; a truncated one gives its good members, then an error.

    Raises BadInput where it is no tar, or holds no image; tells at the end what is left out.
    """
    try:
        tar = tarfile.open(path)  # noqa: SIM115 (the generator below closes it)
    except _FAULTS as error:
        what = "not a tar, or a damaged one" if path.stat().st_size else "the file is empty"
        raise BadInput(explain(what, where=str(path), expected="a tar of images")) from error
    return _read_members(tar, str(path), tell)


def _read_members(tar: tarfile.TarFile, where: str, tell: Tell) -> Iterator[Picture]:
    empty, left_out = True, LeftOut()
    with tar:
        try:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # tarfile would keep every header for the life of the tar
                if member.isdir():
                    continue
                why = _why_left_out(tar, member)
                if why:
                    left_out.add(member.name, why)
                else:
                    yield from _pictures(tar, member)
                    empty = False
            _expect_end(tar)
        except _FAULTS as error:
            yield Picture(where, None, BadInput(explain("truncated or damaged tar", where=where, got=error)))
            empty = False
    if empty:
        raise no_image(where, "tar", left_out)
    left_out.tell(where, tell)


def _why_left_out(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    if member.isfile():
        return why_left_out(member.name, _content(tar, member, HEAD_BYTES))
    if member.islnk() or member.issym():
        return "" if is_image(member.name) else "a link to another member"
    return "not a file"


def _pictures(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[Picture]:
    if member.isfile():
        return decoded(member.name, lambda: _whole(tar, member))
    next_step = "pack it with --dereference --hard-dereference"
    fault = BadInput(explain("a link to another member", where=member.name, got=member.linkname, next_step=next_step))
    return iter([Picture(member.name, None, fault)])


def _whole(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    refuse_large(member.size, member.name)
    return _content(tar, member, member.size)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo, most: int) -> bytes:
    """The first bytes of a member. Raises what tarfile and its unpackers raise."""
    content = tar.extractfile(member)
    return content.read(most) if content is not None else b""


def _expect_end(tar: tarfile.TarFile) -> None:
    """Raise when the tar stops without its closing zero block: tarfile takes that for a normal end."""
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(len(_BLOCK)) != _BLOCK:
        raise tarfile.ReadError("unexpected end of data")
