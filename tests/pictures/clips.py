"""Small pictures and clips that tests make for themselves, and a web server on loopback that shows them."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from edge.sensor.types import Image

SIZE_HW = (48, 64)


def draw(index: int) -> Image:
    """A grey picture with a bright bar whose place tells the index, noisy enough to fill some bytes."""
    image = np.random.default_rng(index).integers(60, 90, (*SIZE_HW, 3)).astype(np.uint8)
    image[:, 4 * (index % 16) : 4 * (index % 16) + 4] = 240
    return image


def encode(suffix: str, index: int = 0) -> bytes:
    """An image file's bytes."""
    ok, content = cv2.imencode(suffix, draw(index))
    assert ok
    return content.tobytes()


def write_clip(path: Path, frames: int = 12, fps: float = 12.5, fourcc: str = "mp4v") -> Path:
    """A video file; its suffix chooses the container."""
    height, width = SIZE_HW
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*fourcc), fps, (width, height))
    assert writer.isOpened()
    for index in range(frames):
        writer.write(draw(index))
    writer.release()
    return path


def write_still_clip(path: Path, pictures: list[int], fps: float = 12.5, fourcc: str = "MJPG") -> Path:
    """A video file of `draw`n pictures, which may come again: in Motion JPEG those are equal to the last bit."""
    height, width = SIZE_HW
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*fourcc), fps, (width, height))
    for index in pictures:
        writer.write(draw(index))
    writer.release()
    return path


def write_mpeg2(path: Path, *, frames: int = 12, interlaced: bool = False, aspect: int = 1) -> Path:
    """An MPEG-2 stream (.m2v) of 64x64 px, marked by hand (ISO/IEC 13818-2, 6.2): every picture as interlaced or not,

    aspect 1 (square pixels), 2 (the picture is 4:3) or 3 (16:9).
    """
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mpg2"), 25, (64, 64))
    for index in range(frames):
        writer.write(cv2.resize(draw(index), (64, 64)))
    writer.release()
    content = bytearray(path.read_bytes())
    for match in re.finditer(rb"\x00\x00\x01[\xb3\xb5]", content):
        at = match.end()
        if match.group()[3] == 0xB3:
            content[at + 3] = aspect << 4 | content[at + 3] & 0x0F
        elif interlaced and content[at] >> 4 == 1:  # of a sequence
            content[at + 1] &= ~0x08
        elif interlaced and content[at] >> 4 == 8:  # of a picture
            content[at + 4] &= ~0x80
    path.write_bytes(content)
    return path


def retime(path: Path, clock: Callable[[float], float]) -> Path:
    """Give the pictures of an MPEG transport stream other times (ISO/IEC 13818-1, 2.4.3.7); clock: from seconds."""
    content = bytearray(path.read_bytes())
    for packet in range(0, len(content), 188):
        payload = packet + 4 + (1 + content[packet + 4] if content[packet + 3] & 0x20 else 0)
        if content[packet + 1] & 0x40 and content[payload : payload + 4] == b"\0\0\1\xe0":
            for stamp in range(content[payload + 7] >> 6 if content[payload + 7] >> 6 != 2 else 1):
                at = payload + 9 + 5 * stamp
                content[at : at + 5] = _stamp(content[at : at + 5], clock)
    path.write_bytes(content)
    return path


def _stamp(field: bytearray, clock: Callable[[float], float]) -> bytes:
    """A time of 33 bits at 90 kHz between marker bits."""
    ticks = (field[0] >> 1 & 7) << 30 | (field[1] << 7 | field[2] >> 1) << 15 | field[3] << 7 | field[4] >> 1
    ticks = round(clock(ticks / 90_000) * 90_000) % (1 << 33)
    high, middle, low = ticks >> 30, ticks >> 15 & 0x7FFF, ticks & 0x7FFF
    return bytes((
        field[0] & 0xF0 | high << 1 | 1, middle >> 7, (middle & 0x7F) << 1 | 1, low >> 7, (low & 0x7F) << 1 | 1
    ))  # fmt: skip


def write_gif(path: Path, delays_ms: list[int]) -> Path:
    """An animated GIF with a delay after each frame."""
    animation = cv2.Animation()
    animation.frames = [cv2.cvtColor(draw(index), cv2.COLOR_BGR2BGRA) for index in range(len(delays_ms))]
    animation.durations = np.array(delays_ms, np.int32)
    assert cv2.imwriteanimation(str(path), animation)
    return path


MOVED = "moved"
"""The content type of a page whose body is the address that it sends on to."""


class Site(http.server.BaseHTTPRequestHandler):
    """Shows `pages`: path -> (content type, bytes to send, bytes promised)."""

    pages: Mapping[str, tuple[str, bytes, int | None]]
    visited: list[str]

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""

    def _answer(self, *, with_body: bool) -> None:
        self.visited.append(self.path)
        if self.path not in self.pages:
            self.send_error(404)
            return
        kind, body, promised = self.pages[self.path]
        if kind == MOVED:
            self.send_response(302)
            self.send_header("Location", body.decode())
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if promised is not None:
            self.send_header("Content-Length", str(promised))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


@contextmanager
def serve(pages: Mapping[str, tuple[str, bytes, int | None]]) -> Iterator[tuple[str, list[str]]]:
    """Address of a server with these pages, and the list of paths that were asked of it."""
    visited: list[str] = []
    handler = type("SiteOfTest", (Site,), {"pages": pages, "visited": visited})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", visited
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
