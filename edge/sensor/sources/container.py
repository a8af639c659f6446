"""Finds out from a video file's own structure whether it was cut off; only sizes and block headers are read.

Decoders just stop at a cut, as they do at the end. Sources: ISO/IEC 14496-12 (MP4, MOV), RFC 8794 and RFC 9559
(Matroska, WebM), Microsoft RIFF (AVI), GIF89a, ITU-T T.81 (raw Motion JPEG), ISO/IEC 13818-1 (MPEG-TS, where only a cut
packet shows). Raw H.264 and H.265 state no size: a cut in them cannot be distinguished from an end.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import numpy as np

_MATROSKA = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_MP4_BOXES = frozenset(
    b"ftyp styp moov moof mdat mfra free skip wide pdin meta uuid sidx ssix prft emsg udta pnot".split()
)
_MP4_FIRST = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""Files of QuickTime from before MP4 have no ftyp."""
_MP4_WHOLE = frozenset({b"moov", b"mdat"})
_TRANSPORT_SYNC = 0x47
_TRANSPORT_PACKETS = ((188, 0), (192, 4))
"""Bytes of a packet and of what stands before its sync byte; recorders of Blu-ray and AVCHD add a clock."""
_JPEG, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_PADDING, _MOST_PADDING = b"\0\r\n", 2**16
_GIF_TRAILER, _GIF_EXTENSION, _GIF_PICTURE = 0x3B, 0x21, 0x2C
_MPEG_CODES = 0x80
"""From here on start codes are those of MPEG-1, -2 and -4; the first bit of H.264's and its successors' units is 0."""
_MPEG4_CODES = frozenset({*range(6), 0x20})
"""A video object and its layer (ISO/IEC 14496-2); no H.264 begins with such a unit."""
_RIFF_OPEN = 0xFFFFFFFF


def is_cut_off(path: Path) -> bool:
    """True when the file is shorter than its own structure says. Raises OSError when it cannot be read.

    Bytes behind the structure, such as a telephone's own trailer, do no harm.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(12)
        file.seek(0)
        if head[4:8] in _MP4_FIRST:
            return _mp4_is_cut(file, size)
        if head[:4] == b"RIFF":
            return _riff_is_cut(file, size)
        if head[:4] == _MATROSKA:
            return _matroska_needs(file) > size
        if head[:3] == b"GIF":
            return not _gif_ends(file)
        if head.startswith(_JPEG):
            return not _jpeg_ends(file, size)
        return any(_transport_is_cut(file, size, *packet) for packet in _TRANSPORT_PACKETS)


def is_raw(path: Path) -> bool:
    """True for pictures that follow each other without any time or rate: raw H.264, H.265, H.266 and Motion JPEG.

    MPEG-1, MPEG-2 and MPEG-4 Visual have a rate or times in the stream itself. Raises OSError.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith((_JPEG, b"--")):  # the second: as HTTP sends it, part by part
        return True
    zeros, mark, rest = head.partition(b"\1")
    if not mark or not rest or zeros not in (bytes(2), bytes(3)):
        return False
    return rest[0] < _MPEG_CODES and rest[0] not in _MPEG4_CODES


def unsynchronized(path: Path) -> int:
    """Packets of a transport stream that do not begin where they must, up to the last that does; else 0."""
    content = np.memmap(path, np.uint8, "r")
    for packet, before in _TRANSPORT_PACKETS:
        if content[before : packet + before + 1 : packet].tolist() == [_TRANSPORT_SYNC] * 2:
            begins = content[before::packet] == _TRANSPORT_SYNC
            return int(np.flatnonzero(begins)[-1] + 1 - np.count_nonzero(begins))
    return 0


def numbers_frames(path: Path) -> bool:
    """True for an AVI, which has one place in time for each frame that it counts."""
    with path.open("rb") as file:
        return file.read(4) == b"RIFF"


def _transport_is_cut(file: BinaryIO, size: int, packet: int, before: int) -> bool:
    """True when the file is a transport stream of such packets and begins one at its end that is not whole."""
    at = (0, packet, size // packet * packet)
    return size % packet > before and all(_byte(file, position + before) == _TRANSPORT_SYNC for position in at)


def _byte(file: BinaryIO, position: int) -> int | None:
    file.seek(position)
    read = file.read(1)
    return read[0] if read else None


def _mp4_is_cut(file: BinaryIO, size: int) -> bool:
    """True when a box runs past the end; what is no box is a trailer once there are pictures and their index."""
    position, seen = 0, set[bytes]()
    while position < size:
        file.seek(position)
        header = file.read(16)
        kind, length = header[4:8], int.from_bytes(header[:4], "big")
        if kind not in _MP4_BOXES and seen >= _MP4_WHOLE:
            return False
        if length == 0 and kind in _MP4_BOXES:  # the last box runs to the end of the file, whatever that is
            return False
        if length == 1:  # a 64-bit size follows
            length = int.from_bytes(header[8:16], "big")
        position += length
        if length < len(header[:8]) or position > size:
            return True
        seen.add(kind)
    return False


def _riff_is_cut(file: BinaryIO, size: int) -> bool:
    """True when one of the RIFFs that follow each other (OpenDML) runs past the end."""
    position = 0
    while position < size:
        file.seek(position)
        header = file.read(8)
        length = int.from_bytes(header[4:], "little")
        if header[:4] != b"RIFF" or length in (0, _RIFF_OPEN):
            return False
        position += 8 + length + length % 2
        if position > size + length % 2:
            return True
    return False


def _matroska_needs(file: BinaryIO) -> int:
    """Bytes up to the end of the segment; 0 when the writer left its size open."""
    file.read(len(_MATROSKA))
    header_size = _matroska_size(file)
    file.seek(header_size or 0, os.SEEK_CUR)
    if file.read(len(_SEGMENT)) != _SEGMENT:
        return 0
    segment_size = _matroska_size(file)
    return 0 if segment_size is None else file.tell() + segment_size


def _matroska_size(file: BinaryIO) -> int | None:
    """A variable-length size: the leading zero bits of its first byte give its length; None when unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    bits = 7 * length
    value = int.from_bytes(first + file.read(length - 1), "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value


def _jpeg_ends(file: BinaryIO, size: int) -> bool:
    """True when the last picture has its end, before some padding."""
    file.seek(max(0, size - _MOST_PADDING))
    return file.read().rstrip(_PADDING).endswith(_JPEG_END)


def _gif_ends(file: BinaryIO) -> bool:
    """True when the blocks lead to the trailer."""
    screen = file.read(13)
    file.seek(_gif_table_bytes(screen[10:11]), os.SEEK_CUR)
    while block := file.read(1):
        if block[0] == _GIF_TRAILER:
            return True
        if block[0] == _GIF_EXTENSION:
            file.seek(1, os.SEEK_CUR)
        elif block[0] == _GIF_PICTURE:
            file.seek(_gif_table_bytes(file.read(9)[8:9]) + 1, os.SEEK_CUR)
        else:
            return False
        _skip_sub_blocks(file)
    return False


def _gif_table_bytes(flags: bytes) -> int:
    """Bytes of a colour table."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _skip_sub_blocks(file: BinaryIO) -> None:
    while (length := file.read(1)) and length[0]:
        file.seek(length[0], os.SEEK_CUR)
