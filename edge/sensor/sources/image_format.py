"""What a file is by its first bytes: a picture that can be read, one that cannot, footage, a tar, or none of these.

Sources: the signatures of ITU-T T.81 (JPEG), W3C PNG, GIF89a, Google's WebP container, Adobe TIFF 6, Netpbm, ISO/IEC
15444-1 (JPEG 2000), ISO/IEC 23008-12 (HEIF, AVIF), 14496-12 (MP4), IETF RFC 9559 (Matroska), POSIX pax (tar).
"""

from __future__ import annotations

import re
from enum import Enum

HEAD_BYTES = 512
"""First bytes of a file that show what it is."""


class ImageFormat(Enum):
    """A kind of picture that is read."""

    JPEG = "JPEG"
    PNG = "PNG"
    GIF = "GIF"
    WEBP = "WebP"
    TIFF = "TIFF"
    BMP = "BMP"
    PNM = "PNM"
    JPEG_2000 = "JPEG 2000"
    AVIF = "AVIF"


_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
_PNM = re.compile(rb"P[1-6](?:\s+(?:#[^\n]*\n)?)+\d+\s")
_STARTS: tuple[tuple[bytes, ImageFormat], ...] = (
    (b"\xff\xd8", ImageFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", ImageFormat.PNG),
    (b"GIF87a", ImageFormat.GIF),
    (b"GIF89a", ImageFormat.GIF),
    (b"II*\0", ImageFormat.TIFF),
    (b"MM\0*", ImageFormat.TIFF),
    (b"\0\0\0\x0cjP  \r\n\x87\n", ImageFormat.JPEG_2000),
    (b"\xff\x4f\xff\x51", ImageFormat.JPEG_2000),
)
_UNREAD_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"II+\0", "BigTIFF"),
    (b"MM\0+", "BigTIFF"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"\x59\xa6\x6a\x95", "Sun raster"),
    (b"8BPS", "Photoshop"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
)
_UNREAD_BRANDS = {
    b"avis": "animated AVIF", b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"hevx": "HEIC", b"mif1": "HEIF",
    b"msf1": "HEIF",
}  # fmt: skip
_PFM = re.compile(rb"P[Ff]\s+\d+\s+\d+\s")
_FOOTAGE_STARTS = (b"\x1a\x45\xdf\xa3", b"OggS", b"FLV\x01", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"\0\0\x01\xba")
_PACKED_STARTS = (b"\x1f\x8b", b"\xfd7zXZ\0", b"BZh")
_PACKET, _SYNC = 188, 0x47


def image_format(head: bytes) -> ImageFormat | None:
    """The kind of picture that begins with these bytes (`HEAD_BYTES` of them); None where it is none that is read."""
    for start, found in _STARTS:
        if head.startswith(start):
            return found
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ImageFormat.WEBP
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return ImageFormat.BMP
    if _brand(head) == b"avif":
        return ImageFormat.AVIF
    return ImageFormat.PNM if _PNM.match(head) else None


def unread_format(head: bytes) -> str | None:
    """The name of a kind of picture that is known but not read, such as HEIC."""
    for start, name in _UNREAD_STARTS:
        if head.startswith(start):
            return name
    if head[:3] == b"P7\n":
        return "PAM"
    return "PFM" if _PFM.match(head) else _UNREAD_BRANDS.get(_brand(head))


def is_footage(head: bytes) -> bool:
    """Whether a video's container begins so; raw video has none."""
    if head[4:8] == b"ftyp":
        return image_format(head) is None and unread_format(head) is None
    transport = len(head) > _PACKET and head[0] == head[_PACKET] == _SYNC
    return head.startswith(_FOOTAGE_STARTS) or transport or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")


def is_tar(head: bytes) -> bool:
    """Whether a tar, or what a packed one begins with, begins so."""
    return head[257:262] == b"ustar" or head.startswith(_PACKED_STARTS)


def _brand(head: bytes) -> bytes:
    """What a file of ISO base media boxes is: `avis` or `avif` wherever it claims so, else its major brand."""
    if head[4:8] != b"ftyp":
        return b""
    brands = [head[at : at + 4] for at in range(8, min(len(head), int.from_bytes(head[:4], "big")), 4)]
    return next((brand for brand in (b"avis", b"avif") if brand in brands), head[8:12])
