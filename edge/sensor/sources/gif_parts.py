"""The frames of a GIF as still GIFs whose grey levels are places in the palette (GIF89a)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from edge.sensor.sources.animation_parts import USUAL_S, CutOff, Disposal, Part, Pixels, shown_s

_EXTENSION, _PICTURE, _TRAILER, _CONTROL = 0x21, 0x2C, 0x3B, 0xF9
_RAMP = b"\xf7\0\0" + bytes(chain.from_iterable((level, level, level) for level in range(256)))
"""Screen flags of a table of 256 colours, and that table: each place is its own grey."""
_DISPOSALS = {2: Disposal.CLEAR, 3: Disposal.RESTORE}


class _Control(NamedTuple):
    """What a graphic control extension says of the next picture."""

    disposal: Disposal = Disposal.KEEP
    shown_s: float = USUAL_S
    transparent: int | None = None


def gif_parts(content: bytes) -> Iterator[Part]:
    """The frames in their order. Raises CutOff, or ValueError where it is damaged, after the whole ones."""
    position, table = _table(content, 13, content[10:11])
    control = _Control()
    while True:
        block = _byte(content, position)
        if block == _TRAILER:
            return
        if block == _EXTENSION:
            end = _after_blocks(content, position + 2)
            if _byte(content, position + 1) == _CONTROL:
                control = _control(content, position + 3)
            position = end
        elif block == _PICTURE:
            part, position = _picture(content, position, table, control)
            yield part
            control = _Control()
        else:
            raise ValueError("an unknown block")


def _picture(content: bytes, at: int, shared: bytes, control: _Control) -> tuple[Part, int]:
    left, top, width, height = (
        int.from_bytes(content[at + place : at + place + 2], "little") for place in (1, 3, 5, 7)
    )
    flags = bytes([_byte(content, at + 9)])
    data, own = _table(content, at + 10, flags)
    end = _after_blocks(content, data + 1)
    interlaced = bytes([flags[0] & 0x40])
    size = content[at + 5 : at + 9]
    still = b"GIF89a" + size + _RAMP + b"\x2c\0\0\0\0" + size + interlaced + content[data:end] + b"\x3b"
    palette = _palette(own or shared, control.transparent)
    part = Part(
        still, left, top, width, height, control.shown_s, blend=True, disposal=control.disposal, palette=palette
    )
    return part, end


def _control(content: bytes, at: int) -> _Control:
    flags, delay = _byte(content, at), int.from_bytes(content[at + 1 : at + 3], "little") / 100
    transparent = _byte(content, at + 3) if flags & 1 else None
    return _Control(_DISPOSALS.get((flags >> 2) & 7, Disposal.KEEP), shown_s(delay), transparent)


def _palette(table: bytes, transparent: int | None) -> Pixels:
    """uint8 (256, 4) BGRA; places that the table does not have are black."""
    if not table:
        raise ValueError("no table of colours")
    palette = np.zeros((256, 4), np.uint8)
    colours = np.frombuffer(table, np.uint8).reshape(-1, 3)
    palette[: len(colours), :3] = colours[:, ::-1]
    palette[:, 3] = 255
    if transparent is not None:
        palette[transparent, 3] = 0
    return palette


def _table(content: bytes, at: int, flags: bytes) -> tuple[int, bytes]:
    """Where a table of colours ends, and the table; empty where the flags have none."""
    if not flags or not flags[0] & 0x80:
        return at, b""
    end = at + (3 << ((flags[0] & 7) + 1))
    if end > len(content):
        raise CutOff("the file is cut off")
    return end, content[at:end]


def _after_blocks(content: bytes, position: int) -> int:
    while length := _byte(content, position):
        position += 1 + length
    return position + 1


def _byte(content: bytes, at: int) -> int:
    if at >= len(content):
        raise CutOff("the file is cut off")
    return content[at]
