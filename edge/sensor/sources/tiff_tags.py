"""Reads the tags of a TIFF's directories, which EXIF has too, without decoding a picture (Adobe TIFF 6.0)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

WIDTH, HEIGHT, COMPRESSION, ORIENTATION = 256, 257, 259, 274
NEW_SUBFILE, STRIP_OFFSETS, STRIP_BYTES, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = (
    254, 273, 279, 322, 323, 324, 325,
)  # fmt: skip
SAMPLES_PER_PIXEL, JPEG_TABLES = 277, 347

Tags = Mapping[int, tuple[int, ...]]
"""Tag -> its whole numbers; none for tags that this module does not name."""

_Order = Literal["little", "big"]
_SIZES = {1: 1, 3: 2, 4: 4, 7: 1}
"""Bytes of a value by its type: byte, short, long, undefined."""
_READ = frozenset(
    {WIDTH, HEIGHT, COMPRESSION, ORIENTATION, NEW_SUBFILE, STRIP_OFFSETS, STRIP_BYTES, TILE_WIDTH, TILE_HEIGHT,
     TILE_OFFSETS, TILE_BYTES, SAMPLES_PER_PIXEL, JPEG_TABLES}
)  # fmt: skip
_NO_PAGE = 0b101
"""Bits of NewSubfileType: a smaller copy, a mask."""
_MOST_DIRECTORIES, _MOST_VALUES = 4096, 2**20


class Directory(NamedTuple):
    """Where a directory begins, and what it says."""

    offset: int
    tags: Tags


def tiff_pages(content: bytes) -> Iterator[bytes]:
    """The same file once for each of its pages, beginning with it; smaller copies of pages and masks are no pages.

    Raises ValueError as `read_directories` does, after the pages before.
    """
    order: _Order = "little" if content[:2] == b"II" else "big"
    for offset, tags in read_directories(content):
        if not next(iter(tags.get(NEW_SUBFILE, ())), 0) & _NO_PAGE:
            yield content[:4] + offset.to_bytes(4, order) + content[8:]


def read_directories(content: bytes) -> Iterator[Directory]:
    """The directories of a TIFF, or of an EXIF block after its `Exif` word, in their order.

    Raises ValueError where one lies outside the content, their chain does not end or they hold too many numbers.
    """
    order: _Order = "little" if content[:2] == b"II" else "big"
    offset, values = _number(content, 4, 4, order), 0
    for _ in range(_MOST_DIRECTORIES):
        if offset == 0:
            return
        count = _number(content, offset, 2, order)
        entries = range(offset + 2, offset + 2 + 12 * count, 12)
        tags = {_number(content, at, 2, order): _values(content, at, order) for at in entries}
        values += sum(map(len, tags.values()))
        if values > _MOST_VALUES:
            break
        yield Directory(offset, tags)
        offset = _number(content, offset + 2 + 12 * count, 4, order)
    raise ValueError("too many directories")


def _values(content: bytes, entry: int, order: _Order) -> tuple[int, ...]:
    size = _SIZES.get(_number(content, entry + 2, 2, order), 0)
    if size == 0 or _number(content, entry, 2, order) not in _READ:
        return ()
    count = _number(content, entry + 4, 4, order)
    at = entry + 8 if size * count <= 4 else _number(content, entry + 8, 4, order)
    if at + size * count > len(content) or count > _MOST_VALUES:
        raise ValueError("a tag lies outside the file")
    return tuple(_number(content, place, size, order) for place in range(at, at + size * count, size))


def _number(content: bytes, at: int, size: int, order: _Order) -> int:
    """A number without a sign."""
    found = content[at : at + size]
    if len(found) < size:
        raise ValueError("a directory lies outside the file")
    return int.from_bytes(found, order)
