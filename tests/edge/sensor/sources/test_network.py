"""Streams over HTTP and RTSP, and pages that show a video; all on loopback."""

from __future__ import annotations

import re
import socketserver
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import BadInput, CameraLost, SourceUnavailable
from edge.sensor.sources.opening import open_source
from edge.settings.settings import Camera
from tests.pictures.clips import SIZE_HW, encode, serve, write_clip


def test_a_clip_over_http_is_read_to_its_end_at_its_own_times(tmp_path: Path) -> None:
    content = write_clip(tmp_path / "a.webm", frames=20, fourcc="VP80").read_bytes()
    with serve({"/a.webm": ("video/webm", content, len(content))}) as (site, _):
        source = open_source(f"{site}/a.webm", Camera(), start_at=0.0)
        assert not source.live
        times = [frame.captured_at for _ in range(20) if (frame := source.read())]
        assert times == pytest.approx([index / 12.5 for index in range(20)])
        assert source.read() is None
        source.close()


def test_a_clip_that_breaks_off_on_its_way_says_so(tmp_path: Path) -> None:
    content = write_clip(tmp_path / "a.webm", frames=40, fourcc="VP80").read_bytes()
    with serve({"/a.webm": ("video/webm", content[: len(content) // 2], len(content))}) as (site, _):
        source = open_source(f"{site}/a.webm", Camera())
        with pytest.raises(BadInput, match="broke off"):
            while source.read() is not None:
                pass


def test_pictures_of_more_than_64_mi_px_are_refused_over_http_too() -> None:
    ok, picture = cv2.imencode(".png", np.zeros((8193, 8192), np.uint8), (cv2.IMWRITE_PNG_BILEVEL, 1))
    assert ok
    with serve({"/a.png": ("image/png", picture.tobytes(), picture.size)}) as (site, _):
        message = f"{site}/a.png: pictures too large, got 8192x8193 px, expected 67108864 px or fewer"
        with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
            open_source(f"{site}/a.png", Camera())


def test_an_endless_stream_is_live_and_lost_when_it_stops() -> None:
    part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n"
    pictures = [encode(".jpg", index) for index in range(15)]
    body = b"".join(part % (len(picture), picture) for picture in pictures)
    pages = {"/video": ("multipart/x-mixed-replace; boundary=frame", body, None)}
    with serve(pages) as (site, _):
        source = open_source(f"{site}/video", Camera(), clock=lambda: 42.0)
        assert source.live
        first = source.read()
        assert first is not None
        assert first.captured_at == 42.0
        assert first.image.shape == (*SIZE_HW, 3)
        with pytest.raises(CameraLost):
            while source.read() is not None:
                pass
        source.close()


def test_a_stream_that_is_not_there_is_unavailable_and_the_message_keeps_its_secrets() -> None:
    with serve({}) as (site, _):
        address = site.replace("http://", "http://user:secret@") + "/none.mp4?token=secret"
        with pytest.raises(SourceUnavailable, match=re.escape(f"{site}/none.mp4: stream cannot be opened")) as caught:
            open_source(address, Camera())
        assert "secret" not in str(caught.value)


needs_yt_dlp = pytest.mark.skipif(find_spec("yt_dlp") is None, reason="yt-dlp is not installed (passerby[pages])")


@needs_yt_dlp
def test_the_video_of_a_page_is_found_and_read(tmp_path: Path) -> None:
    content = write_clip(tmp_path / "a.webm", frames=20, fourcc="VP80").read_bytes()
    page = b"<html><head><title>Hall</title></head><body><video src='/a.webm' type='video/webm'></video></body></html>"
    pages = {"/watch.html": ("text/html", page, len(page)), "/a.webm": ("video/webm", content, len(content))}
    with serve(pages) as (site, visited):
        source = open_source(f"{site}/watch.html", Camera(), start_at=0.0)
        frames = [frame for _ in range(20) if (frame := source.read())]
        assert len(frames) == 20
        assert source.read() is None
        assert visited[0] == "/watch.html"
        source.close()


@needs_yt_dlp
def test_a_page_without_a_video_is_unavailable_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    page = b"<html><head><title>News</title></head><body>Nothing to see.</body></html>"
    with serve({"/watch.html": ("text/html", page, len(page))}) as (site, _):
        with pytest.raises(SourceUnavailable, match=r"watch\.html: no video found on this page") as caught:
            open_source(f"{site}/watch.html", Camera())
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.process
def test_without_yt_dlp_the_message_names_the_extra() -> None:
    program = (
        "import sys\n"
        "sys.modules['yt_dlp'] = None\n"  # as if it were not installed
        "from edge.sensor.sources.opening import open_source\n"
        "from edge.settings.settings import Camera\n"
        "open_source('page:http://127.0.0.1/', Camera())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "SourceUnavailable: http://127.0.0.1/: page addresses need yt-dlp; install passerby[pages]" in done.stderr


SESSION = [
    "v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=camera", "t=0 0",
    "m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000", "a=control:track1", "",
]  # fmt: skip


class RtspCamera(socketserver.StreamRequestHandler):
    """As much of an RTSP server (RFC 2326, RFC 6184) as one client over TCP needs; hangs up after its last picture."""

    units: list[bytes]

    def handle(self) -> None:
        while request := self._request():
            method, number = request[0].split()[0], dict(line.split(": ", 1) for line in request[1:])["CSeq"]
            headers, body = self._answer(method)
            lines = ["RTSP/1.0 200 OK", f"CSeq: {number}", *headers, f"Content-Length: {len(body)}", "", body]
            self.wfile.write("\r\n".join(lines).encode())
            if method == "PLAY":
                self._play()
                return

    def _request(self) -> list[str]:
        lines = []
        while line := self.rfile.readline().decode().strip():
            lines.append(line)
        return lines

    def _answer(self, method: str) -> tuple[list[str], str]:
        if method == "OPTIONS":
            return ["Public: OPTIONS, DESCRIBE, SETUP, PLAY"], ""
        if method == "DESCRIBE":
            return ["Content-Type: application/sdp"], "\r\n".join(SESSION)
        return ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"], ""

    def _play(self) -> None:
        time = 0
        for number, unit in enumerate(self.units):
            is_picture = unit[0] & 0x1F in (1, 5)
            header = struct.pack(">BBHII", 0x80, 96 | is_picture << 7, number & 0xFFFF, time, 1)
            self.wfile.write(struct.pack(">cBH", b"$", 0, len(header) + len(unit)) + header + unit)
            time += 3000 * is_picture


@contextmanager
def rtsp_camera(clip: Path) -> Iterator[str]:
    units = [unit.rstrip(b"\0") for unit in clip.read_bytes().split(b"\0\0\1")[1:]]
    handler = type("RtspCameraOfTest", (RtspCamera,), {"units": units})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"rtsp://127.0.0.1:{server.server_address[1]}/live"
        server.shutdown()
        thread.join()


def test_an_rtsp_camera_is_live_and_lost_when_it_hangs_up(shared: Path) -> None:
    with rtsp_camera(shared / "video" / "two-faces-768x432.h264") as address:
        source = open_source(address, Camera())
        assert source.live
        seen = 0
        with pytest.raises(CameraLost):
            while (frame := source.read()) is not None:
                assert frame.index == seen
                assert frame.image.shape == (432, 768, 3)
                seen += 1
        assert seen > 250
        source.close()
