"""One image file: what is not whole, or promises too much, is an error of one line; nothing is half grey."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from edge.errors import BadInput
from edge.sensor.sources.image_file import decode_image
from edge.sensor.sources.image_size import MAX_PIXELS
from edge.sensor.sources.jpeg import upright
from edge.sensor.types import Image
from tests.pictures.clips import SIZE_HW, encode

END_OF_IMAGE = b"\xff\xd9"
LARGE = 2**15
"""A side in px; a square of it holds 16 times what is allowed."""


def picture(height: int = 160, width: int = 192) -> Image:
    """Noise over a slope: it fills some bytes in every coding."""
    slope = np.add.outer(np.arange(height), np.arange(width))[..., None] // 3
    noise = np.random.default_rng(5).integers(0, 60, (height, width, 3))
    return (slope + noise).astype(np.uint8)


def encoded(suffix: str, *options: int) -> bytes:
    ok, content = cv2.imencode(suffix, picture(), options)
    assert ok
    return content.tobytes()


def progressive() -> bytes:
    return encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


def half_and_an_end(content: bytes) -> bytes:
    return content[: len(content) // 2] + END_OF_IMAGE


def half_zeros(content: bytes) -> bytes:
    return content[: len(content) // 2] + bytes(len(content) - len(content) // 2 - 2) + END_OF_IMAGE


def without_its_last_scan(content: bytes) -> bytes:
    return content[: content.rindex(b"\xff\xda")] + END_OF_IMAGE


@pytest.mark.parametrize("harm", [half_and_an_end, half_zeros])
@pytest.mark.parametrize("content", [encoded(".jpg"), progressive()], ids=["baseline", "progressive"])
def test_a_jpeg_with_an_end_but_without_its_middle_is_an_error_and_says_nothing_itself(
    content: bytes, harm: Callable[[bytes], bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadInput, match=r"^a\.jpg: (truncated JPEG|JPEG cannot be decoded)"):
        decode_image(harm(content), "a.jpg")
    assert capfd.readouterr() == ("", "")


def test_a_progressive_jpeg_that_lacks_a_whole_scan_is_truncated() -> None:
    for _ in range(progressive().count(b"\xff\xda") - 1):
        with pytest.raises(BadInput, match="truncated JPEG"):
            decode_image(without_its_last_scan(progressive()), "a")


def test_a_jpeg_has_the_pixels_that_opencv_reads() -> None:
    for content in (encoded(".jpg"), progressive(), cv2.imencode(".jpg", picture()[..., 0])[1].tobytes()):
        expected = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert np.array_equal(decode_image(content, "a"), expected)


def with_orientation(content: bytes, orientation: int, order: str) -> bytes:
    """A JPEG with an EXIF block that holds the orientation alone."""
    tiff = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    tiff += struct.pack(f"{order}HHHIHHI", 1, 274, 3, 1, orientation, 0, 0)
    block = b"Exif\0\0" + tiff
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + content[2:]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_followed(orientation: int, order: str) -> None:
    content = with_orientation(encoded(".jpg"), orientation, order)
    expected = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(decode_image(content, "a"), expected)
    assert (expected.shape[0] > expected.shape[1]) == (orientation > 4)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_exif_orientation_of_a_png_is_followed(orientation: int) -> None:
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)
    content = encoded(".png")
    turned = content[:33] + chunk(b"eXIf", tiff) + content[33:]
    turns = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}
    expected = cv2.rotate(picture(), turns[orientation]) if orientation in turns else picture()
    assert np.array_equal(decode_image(turned, "a"), expected)


@pytest.mark.parametrize("kind", ["AVIF", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_other_kinds_are_turned_as_their_writer_said(kind: str, orientation: int) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="PIL is not installed (passerby[demo])")
    import io

    file, exif = io.BytesIO(), pillow.Exif()
    exif[274] = orientation
    slope = np.add.outer(np.arange(160), np.arange(192) // 3)[..., None].repeat(3, 2).astype(np.uint8)
    pillow.fromarray(slope).save(file, kind, quality=100, exif=exif)
    found, expected = decode_image(file.getvalue(), "a"), upright(slope, orientation)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 3


def test_a_damaged_exif_block_does_no_harm_to_the_picture() -> None:
    content = encoded(".jpg")
    block = b"Exif\0\0II*\0" + struct.pack("<I", 900)
    content = content[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + content[2:]
    assert decode_image(content, "a").shape == picture().shape


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_png_whose_chunks_are_right_but_hold_half_the_picture_is_truncated(
    capfd: pytest.CaptureFixture[str],
) -> None:
    rows = b"".join(b"\0" + bytes([row] * 50) for row in range(40))
    assert decode_image(png(50, 40, zlib.compress(rows)), "a").shape == (40, 50, 3)
    for pixels in (zlib.compress(rows[: len(rows) // 2]), zlib.compress(rows)[:20]):
        with pytest.raises(BadInput, match="truncated PNG"):
            decode_image(png(50, 40, pixels), "a")
    assert capfd.readouterr() == ("", "")


def test_a_png_with_a_broken_profile_and_a_text_is_read_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    content = encoded(".png")
    after_header = 8 + 25
    profile = chunk(b"iCCP", b"broken\0\0" + zlib.compress(b"no profile")) + chunk(b"tEXt", b"Title\0Hall")
    marked = content[:after_header] + profile + content[after_header:]
    assert np.array_equal(decode_image(marked, "a"), picture())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("depth_and_channels", [(np.uint8, 1), (np.uint8, 3), (np.uint8, 4), (np.uint16, 3)])
def test_whole_pngs_of_every_depth_are_read(depth_and_channels: tuple[type, int]) -> None:
    kind, channels = depth_and_channels
    image = np.random.default_rng(1).integers(0, 255, (33, 21, channels)).astype(kind)
    content = cv2.imencode(".png", image)[1].tobytes()
    assert decode_image(content, "a").shape == (33, 21, 3)


CODINGS = {
    "webp lossy": (".webp", (cv2.IMWRITE_WEBP_QUALITY, 80)),
    "webp lossless": (".webp", (cv2.IMWRITE_WEBP_QUALITY, 101)),
    "tiff lzw": (".tif", (cv2.IMWRITE_TIFF_COMPRESSION, 5)),
    "tiff deflate": (".tif", (cv2.IMWRITE_TIFF_COMPRESSION, 8)),
    "tiff packbits": (".tif", (cv2.IMWRITE_TIFF_COMPRESSION, 32773)),
    "tiff jpeg": (".tif", (cv2.IMWRITE_TIFF_COMPRESSION, 7, cv2.IMWRITE_TIFF_ROWSPERSTRIP, 16)),
    "jpeg 2000": (".jp2", ()),
    "png": (".png", ()),
    "gif": (".gif", ()),
}


@pytest.mark.parametrize("coding", CODINGS)
def test_a_picture_whose_second_half_was_never_written_is_an_error(coding: str) -> None:
    suffix, options = CODINGS[coding]
    content = encoded(suffix, *options)
    assert decode_image(content, "a").shape == picture().shape
    start, end = len(content) // 2, len(content)
    if suffix == ".tif":  # its directory stands at the end, or at the beginning
        directory = struct.unpack("<I", content[4:8])[0]
        end = directory if directory > start else end
        start = min(start, end // 2)
    with pytest.raises(BadInput, match=r"^a: (damaged|truncated)"):
        decode_image(content[:start] + bytes(end - start) + content[end:], "a")


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_is_whole(coding: str, level: int) -> None:
    suffix, options = CODINGS[coding]
    content = cv2.imencode(suffix, np.full((700, 900, 3), level, np.uint8), options)[1].tobytes()
    assert abs(int(decode_image(content, "a").mean()) - level) < 3


def boxes(width: int, height: int) -> bytes:
    """The beginning of an AVIF, as far as the size of its picture."""
    size = struct.pack(">I4sIII", 20, b"ispe", 0, width, height)
    return struct.pack(">I4s4sI4s", 20, b"ftyp", b"avif", 0, b"mif1") + struct.pack(">I4sI", 32, b"meta", 0) + size


HEADERS: dict[str, Callable[[int, int], bytes]] = {
    "jpeg": lambda w, h: b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 11, 8, h, w, 1) + b"\1\x11\0",
    "png": lambda w, h: png(w, h, b""),
    "gif": lambda w, h: b"GIF89a" + struct.pack("<HHBBB", w, h, 0, 0, 0),
    "webp": lambda w, h: (
        b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (w - 1).to_bytes(3, "little") + (h - 1).to_bytes(3, "little")
    ),
    "tiff": lambda w, h: (
        struct.pack("<4sIH", b"II*\0", 8, 2) + struct.pack("<HHII", 256, 4, 1, w)
        + struct.pack("<HHII", 257, 4, 1, h) + bytes(4)
    ),
    "tile of tiff": lambda w, h: (
        struct.pack(">4sIH", b"MM\0*", 8, 4) + struct.pack(">HHIHHHHIHH", 256, 3, 1, 9, 0, 257, 3, 1, 9, 0)
        + struct.pack(">HHII", 322, 4, 1, w) + struct.pack(">HHII", 323, 4, 1, h) + bytes(4)
    ),
    "bmp": lambda w, h: b"BM" + bytes(12) + struct.pack("<Iii", 40, w, -h),
    "old bmp": lambda w, h: b"BM" + bytes(12) + struct.pack("<IHH", 12, w, h),
    "pnm": lambda w, h: f"P6\n# drawn by hand\n{w} {h}\n255\n".encode(),
    "jpeg 2000": lambda w, h: b"\xff\x4f\xff\x51" + struct.pack(">HHIIII", 47, 0, w, h, 0, 0) + bytes(16) + b"\0\3",
    "avif": boxes,
}  # fmt: skip


@pytest.mark.parametrize("kind", HEADERS)
def test_a_picture_that_promises_too_many_pixels_is_refused_by_its_header_alone(kind: str) -> None:
    with pytest.raises(BadInput, match=rf"^a: image too large, got {LARGE}x{LARGE} px, expected {MAX_PIXELS} px"):
        decode_image(HEADERS[kind](LARGE, LARGE), "a")


@pytest.mark.parametrize("kind", HEADERS)
def test_a_picture_of_a_usual_size_is_not_too_large_but_has_no_pixels(kind: str) -> None:
    with pytest.raises(BadInput, match=r"truncated|damaged|cannot be decoded"):
        decode_image(HEADERS[kind](200, 100), "a")


@pytest.mark.parametrize("kind", HEADERS)
def test_a_header_that_is_cut_off_is_an_error_wherever_the_cut_is(kind: str) -> None:
    content = HEADERS[kind](200, 100)
    for end in range(len(content)):
        with pytest.raises(BadInput):
            decode_image(content[:end], "a")


def test_a_directory_of_a_tiff_that_leads_back_to_itself_ends() -> None:
    content = bytearray(HEADERS["tiff"](200, 100))
    content[-4:] = struct.pack("<I", 8)
    with pytest.raises(BadInput, match="too many directories"):
        decode_image(bytes(content), "a")


UNREAD = {
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "animated AVIF": b"\0\0\0\x18ftypavif\0\0\0\0avisavif",
    "OpenEXR": b"\x76\x2f\x31\x01\2\0\0\0",
    "Radiance HDR": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 40000 +X 40000\n",
    "PFM": b"PF\n40000 40000\n-1.0\n",
    "PAM": b"P7\nWIDTH 40000\nHEIGHT 40000\n",
    "Sun raster": b"\x59\xa6\x6a\x95" + struct.pack(">II", LARGE, LARGE),
    "BigTIFF": b"II+\0\x08\0\0\0",
    "JPEG XL": b"\xff\x0a\0",
}


@pytest.mark.parametrize("kind", UNREAD)
def test_kinds_whose_header_is_not_read_are_refused_by_name(kind: str) -> None:
    with pytest.raises(BadInput, match=rf"^a: not an image that is read, got {kind}, expected JPEG, PNG"):
        decode_image(UNREAD[kind] + bytes(60), "a")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".gif", ".webp", ".tif", ".bmp", ".ppm", ".pgm", ".jp2", ".avif"])
def test_every_kind_is_known_by_its_bytes(suffix: str) -> None:
    content = encode(suffix) if suffix != ".pgm" else cv2.imencode(suffix, np.zeros(SIZE_HW, np.uint8))[1].tobytes()
    assert decode_image(content, "no suffix").shape == (*SIZE_HW, 3)


def test_a_jpeg_of_four_inks_is_read() -> None:
    image_module = pytest.importorskip("PIL.Image", reason="PIL is not installed (passerby[demo])")
    import io

    file = io.BytesIO()
    image_module.fromarray(picture()[..., ::-1].copy()).convert("CMYK").save(file, "JPEG", quality=95)
    found = decode_image(file.getvalue(), "a")
    assert np.abs(found.astype(int) - picture()).mean() < 16
    with pytest.raises(BadInput, match="JPEG cannot be decoded"):
        decode_image(half_and_an_end(file.getvalue()), "a")
