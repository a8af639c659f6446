"""What shows that a picture is not whole where its decoder would not say so; JPEG has a module of its own.

Bytes that were never written (a copy or download that broke off in a file of its full length) are zeros, which some
decoders take for pixels. Sources: W3C PNG 5, RFC 9649 (WebP), Adobe TIFF 6, ISO/IEC 15444-1 (JPEG 2000).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping

import cv2
import numpy as np

from edge.sensor.sources import tiff_tags
from edge.sensor.sources.image_format import ImageFormat
from edge.sensor.sources.jpeg import decode_jpeg, fault_of_jpeg

_SIGNATURE_BYTES = 8
_INFLATE_BYTES = 2**20
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""PNG's colour types: grey, RGB, palette, grey and alpha, RGBA."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Adam7: first column and row, and their steps."""
_ZEROS = bytes(64)
"""LZW and PackBits of blank pictures have at most 11 zeros in a row."""
_JPEG_2000_END = b"\xff\xd9"
_DEFLATE, _RUNS, _JPEG, _PLAIN = (8, 32946), (5, 32773), 7, 1
_MOST_SAMPLE_BYTES, _MOST_TILE = 8, 1024


def fault_of_image(content: bytes, found: ImageFormat) -> str | None:
    """What is wrong with a picture's structure, or None; what a decoder reports by itself is left to it."""
    check = _CHECKS.get(found)
    return None if check is None else check(content)


def _png(content: bytes) -> str | None:
    pixels = zlib.decompressobj()
    missing = _scanline_bytes(content)
    for name, body in png_chunks(content):
        if name == b"IDAT" and missing > 0:
            try:
                missing -= _inflate(pixels, body, missing)
            except zlib.error:
                return "damaged PNG"
        elif name == b"damaged":
            return "damaged PNG (wrong checksum)"
        elif name == b"IEND":
            return "truncated PNG" if missing > 0 else None
    return "truncated PNG"


def png_chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Name and body of each chunk up to a cut; the name `damaged` where a checksum is wrong."""
    position = _SIGNATURE_BYTES
    while position + 12 <= len(content):
        end = position + 12 + int.from_bytes(content[position : position + 4], "big")
        if end > len(content):
            return
        name_and_body = memoryview(content)[position + 4 : end - 4]
        right = zlib.crc32(name_and_body) == int.from_bytes(content[end - 4 : end], "big")
        yield (bytes(name_and_body[:4]) if right else b"damaged"), name_and_body[4:]
        position = end


def _inflate(pixels: zlib._Decompress, body: memoryview, most: int) -> int:
    """Bytes that a part of the stream holds, counted up to about `most`, a piece at a time in memory."""
    count, waiting = 0, bytes(body)
    while waiting and count < most and not pixels.eof:
        count += len(pixels.decompress(waiting, _INFLATE_BYTES))
        waiting = pixels.unconsumed_tail
    return count


def _scanline_bytes(content: bytes) -> int:
    """Bytes of all scanlines with their filter bytes, as the header promises them."""
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    depth, colour, interlaced = content[24:25], content[25:26], content[28:29]
    bits = int.from_bytes(depth, "big") * _CHANNELS.get(int.from_bytes(colour, "big"), 0)
    passes = _PASSES if interlaced == b"\1" else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        total += rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0
    return total


def _webp(content: bytes) -> str | None:
    end = 8 + int.from_bytes(content[4:8], "little")
    if end > len(content):
        return "truncated WebP"
    position = 12
    while position + 8 <= end:
        name, size = content[position : position + 4], int.from_bytes(content[position + 4 : position + 8], "little")
        if name in (b"VP8 ", b"VP8L") and not _needs_its_zeros(name, content[position + 8 : position + 8 + size]):
            return "damaged WebP (zeros in place of the picture)"
        position += 8 + size + size % 2
    return None


def _needs_its_zeros(name: bytes, body: bytes) -> bool:
    """Whether zeros at the end belong to the picture, as blank parts may be coded so: without them it is not whole."""
    zeros = len(body) - len(body.rstrip(b"\0"))
    if zeros < len(_ZEROS):
        return True
    short = body[: len(body) - len(_ZEROS) // 2]
    chunk = name + len(short).to_bytes(4, "little") + short + bytes(len(short) % 2)
    still = b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk
    return cv2.imdecode(np.frombuffer(still, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8) is None


def _tiff(content: bytes) -> str | None:
    for _, tags in tiff_tags.read_directories(content):
        offsets = tags.get(tiff_tags.STRIP_OFFSETS, ()) or tags.get(tiff_tags.TILE_OFFSETS, ())
        sizes = tags.get(tiff_tags.STRIP_BYTES, ()) or tags.get(tiff_tags.TILE_BYTES, ())
        if any(offset + size > len(content) for offset, size in zip(offsets, sizes, strict=False)):
            return "truncated TIFF"
        if sum(sizes) > len(content):
            return "damaged TIFF (strips overlap)"
        strips = (content[offset : offset + size] for offset, size in zip(offsets, sizes, strict=False))
        if not _are_whole(strips, tags):
            return "damaged TIFF"
    return None


def _are_whole(strips: Iterator[bytes], tags: tiff_tags.Tags) -> bool:
    coding = next(iter(tags.get(tiff_tags.COMPRESSION, ())), _PLAIN)
    if coding == _PLAIN:
        return True
    if coding in _DEFLATE:
        return _inflate_all(strips, tags)
    if coding == _JPEG:
        tables = bytes(tags.get(tiff_tags.JPEG_TABLES, ()))
        return all(_is_whole_jpeg(tables[:-2] + strip[2:] if tables else strip) for strip in strips)
    return coding not in _RUNS or all(_ZEROS not in strip for strip in strips)


def _is_whole_jpeg(content: bytes) -> bool:
    try:
        decode_jpeg(content)
    except ValueError:
        return False
    return fault_of_jpeg(content) is None


def _inflate_all(strips: Iterator[bytes], tags: tiff_tags.Tags) -> bool:
    """Whether each strip is a whole stream, and together they are not much more than the picture's own bytes."""
    sides = (tiff_tags.WIDTH, tiff_tags.HEIGHT, tiff_tags.SAMPLES_PER_PIXEL)
    width, height, samples = (next(iter(tags.get(tag, ())), 1) for tag in sides)
    budget = 2 * _MOST_SAMPLE_BYTES * (width + _MOST_TILE) * (height + _MOST_TILE) * samples
    for strip in strips:
        pixels = zlib.decompressobj()
        try:
            budget -= _inflate(pixels, memoryview(strip), budget)
        except zlib.error:
            return False
        if not pixels.eof or budget < 0:
            return False
    return True


def _jpeg_2000(content: bytes) -> str | None:
    box = content.find(b"jp2c")
    length = int.from_bytes(content[box - 4 : box], "big") if box >= 4 else 0
    end = box - 4 + length if length > 8 else len(content)
    return None if content[:end].endswith(_JPEG_2000_END) and end <= len(content) else "truncated JPEG 2000"


_CHECKS: Mapping[ImageFormat, Callable[[bytes], str | None]] = {
    ImageFormat.JPEG: fault_of_jpeg,
    ImageFormat.PNG: _png,
    ImageFormat.WEBP: _webp,
    ImageFormat.TIFF: _tiff,
    ImageFormat.JPEG_2000: _jpeg_2000,
}
