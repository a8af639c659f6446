"""A camera on loopback before which people come and go: Motion JPEG over HTTP, with Debian's own Python.

Call: `python3 scene_camera.py PORT FOLDER`; the folder has `people.jpg` and `nobody.jpg`.
"""

from __future__ import annotations

import http.server
import sys
import time
from pathlib import Path

FPS = 10.0
PEOPLE_S, NOBODY_S = 3.0, 2.5


def main(port: int, folder: Path) -> None:
    """Show the scene to whoever connects, until the end."""
    people, nobody = ((folder / name).read_bytes() for name in ("people.jpg", "nobody.jpg"))

    class Scene(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            try:
                while True:
                    picture = people if time.monotonic() % (PEOPLE_S + NOBODY_S) < PEOPLE_S else nobody
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                    self.wfile.write(head.encode() + picture + b"\r\n")
                    time.sleep(1 / FPS)
            except OSError:
                return

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    http.server.ThreadingHTTPServer(("127.0.0.1", port), Scene).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
