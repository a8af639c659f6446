"""A camera on loopback that shows pictures, the last of them again and again: Motion JPEG over HTTP, so it is live."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, repeat


class MjpegCamera:
    """The camera's address, and how many look at it now."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.watchers = 0
        self.over = threading.Event()


@contextmanager
def mjpeg_camera(*pictures: bytes, fps: float = 15.0) -> Iterator[MjpegCamera]:
    """Show JPEGs to whoever connects, from the first on."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.daemon_threads = True
    camera = MjpegCamera(f"http://127.0.0.1:{server.server_port}/live.mjpg")
    server.RequestHandlerClass = _handler(camera, pictures, 1 / fps)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield camera
    finally:
        camera.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(
    camera: MjpegCamera, pictures: Sequence[bytes], pause_s: float
) -> type[http.server.BaseHTTPRequestHandler]:
    class Showing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            camera.watchers += 1
            coming = chain(pictures, repeat(pictures[-1]))
            try:
                while not camera.over.wait(pause_s):
                    picture = next(coming)
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                    self.wfile.write(head.encode() + picture + b"\r\n")
            except OSError:
                pass
            finally:
                camera.watchers -= 1

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    return Showing
