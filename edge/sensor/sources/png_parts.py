"""The frames of an animated PNG as still PNGs, and a PNG without what does not matter (W3C PNG 3: acTL, fcTL, fdAT)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from edge.sensor.sources.animation_parts import CutOff, Disposal, Part, shown_s
from edge.sensor.sources.image_fault import png_chunks

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DISPOSALS = {1: Disposal.CLEAR, 2: Disposal.RESTORE}
_COMMON = frozenset({b"PLTE", b"tRNS"})
"""Chunks that every frame needs."""
_STILL = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND"})
"""Chunks that decide how a still picture looks to OpenCV."""
_CONTROL = struct.Struct(">IIIIIHHBB")


def plain_png(content: bytes) -> bytes:
    """The still picture of a whole PNG without texts and profiles, of which libpng would complain on stderr."""
    kept = (_chunk(name, bytes(body)) for name, body in png_chunks(content) if name in _STILL)
    return _SIGNATURE + b"".join(kept)


def png_parts(content: bytes) -> Iterator[Part]:
    """The frames in their order; none of a still PNG. Raises CutOff, ValueError at damage, after whole frames."""
    header, common, control, is_animated = b"", b"", b"", False
    pixels: list[bytes] = []
    for name, body in png_chunks(content):
        if name == b"damaged":
            raise ValueError("wrong checksum")
        if name in (b"fcTL", b"IEND"):
            if control and pixels:
                yield _part(header, common, control, pixels)
            control, pixels = bytes(body), []
        if name == b"IEND":
            return
        if name == b"IHDR":
            header = bytes(body)
        elif name == b"acTL":
            is_animated = True
        elif name in _COMMON:
            common += _chunk(name, bytes(body))
        elif name == b"IDAT" and not is_animated:
            return
        elif name == b"IDAT":  # without a control before it, it is a still for who knows no animations
            pixels += [_chunk(b"IDAT", bytes(body))] if control else []
        elif name == b"fdAT":
            pixels.append(_chunk(b"IDAT", bytes(body[4:])))
    raise CutOff("the file is cut off")


def _part(header: bytes, common: bytes, control: bytes, pixels: list[bytes]) -> Part:
    if len(control) != _CONTROL.size or len(header) != 13:
        raise ValueError("a frame without a header")
    _, width, height, left, top, numerator, denominator, disposal, blend = _CONTROL.unpack(control)
    whole = _chunk(b"IHDR", struct.pack(">II", width, height) + header[8:]) + common + b"".join(pixels)
    return Part(
        _SIGNATURE + whole + _chunk(b"IEND", b""), left, top, width, height, shown_s(numerator / (denominator or 100)),
        blend=blend == 1, disposal=_DISPOSALS.get(disposal, Disposal.KEEP),
    )  # fmt: skip


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
