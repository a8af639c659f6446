"""The frames of an animated WebP as still WebPs (RFC 9649: VP8X, ANMF)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from edge.sensor.sources.animation_parts import CutOff, Disposal, Part, shown_s

_MOVES = 0x02
"""The flag of VP8X."""
_ALPHA = 0x10
_FRAME_BYTES = 16


def webp_parts(content: bytes) -> Iterator[Part]:
    """The frames in their order; none of a still WebP. Raises CutOff, ValueError at damage, after whole frames."""
    if content[12:16] != b"VP8X" or not int.from_bytes(content[20:21], "little") & _MOVES:
        return
    position, end = 12, 8 + int.from_bytes(content[4:8], "little")
    while position + 8 <= end:
        name, size = content[position : position + 4], int.from_bytes(content[position + 4 : position + 8], "little")
        body = content[position + 8 : position + 8 + size]
        if len(body) < size or not name:
            raise CutOff("the file is cut off")
        if name == b"ANMF":
            yield _part(body)
        position += 8 + size + size % 2


def _part(body: bytes) -> Part:
    if len(body) < _FRAME_BYTES:
        raise ValueError("a frame without a header")
    left, top, width, height, shown_ms = (int.from_bytes(body[at : at + 3], "little") for at in range(0, 15, 3))
    width, height, flags = width + 1, height + 1, body[15]
    disposal = Disposal.CLEAR if flags & 1 else Disposal.KEEP
    still = _still(body[_FRAME_BYTES:], width, height)
    return Part(
        still, 2 * left, 2 * top, width, height, shown_s(shown_ms / 1000), blend=not flags & 2, disposal=disposal
    )


def _still(chunks: bytes, width: int, height: int) -> bytes:
    if chunks[:4] == b"ALPH":
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        chunks = b"VP8X" + struct.pack("<IB3x", 10, _ALPHA) + size + chunks
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks
