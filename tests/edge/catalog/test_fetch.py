"""Downloads against a local server that behaves, lies, stops early, cuts the line or is not there."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from edge.catalog.fetch import fetch_model
from edge.catalog.lookup import Catalog
from edge.catalog.manifest import Manifest
from edge.catalog.manifest_file import write_manifest
from edge.errors import ManifestError, ModelNotFound

CONTENT = bytes(range(256)) * 1000


class Server(ThreadingHTTPServer):
    """Serves CONTENT as `behaviour` says; `asked` holds the Range header of each request."""

    daemon_threads = True
    behaviour = "whole"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/net.onnx"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.headers["Range"])
        getattr(self, self.server.behaviour)()

    def whole(self) -> None:
        self._answer(200, CONTENT)

    def wrong(self) -> None:
        self._answer(200, CONTENT[::-1])

    def longer(self) -> None:
        self._answer(200, CONTENT * 2)

    def shorter(self) -> None:
        self._answer(200, CONTENT[:1000])

    def missing(self) -> None:
        self.send_error(404)

    def cut_once(self) -> None:
        """Promise all, give half, close; continue where asked to."""
        begin = self._begin()
        if begin == 0:
            self._answer(200, CONTENT[: len(CONTENT) // 2], promised=len(CONTENT))
        else:
            self._answer(206, CONTENT[begin:], content_range=f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}")

    def cut_always(self) -> None:
        self._answer(200, CONTENT[:1000], promised=len(CONTENT))

    def portal(self) -> None:
        """The page of a network that wants a log-in first."""
        self._answer(200, b"<html>log in</html>")

    def slow(self) -> None:
        """Half, a pause, and the rest."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        for part in (CONTENT[:1000], CONTENT[1000:]):
            self.wfile.write(part)
            self.wfile.flush()
            time.sleep(0.3)
        self.close_connection = True

    def _begin(self) -> int:
        return int((self.headers["Range"] or "bytes=0-")[len("bytes=") : -1])

    def _answer(self, status: int, body: bytes, *, promised: int = 0, content_range: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(promised or len(body)))
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def catalog(tmp_path: Path, server: Server) -> Catalog:
    file = {"path": "net.onnx", "sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}
    tree = {
        "schema": "passerby.manifest/1", "id": "net", "version": "1", "task": "detection", "description": "",
        "licence": "", "source": "", "training_data": "", "decoder": "yunet", "outputs": {},
        "artefacts": [
            {"kind": "tflite-int8", "files": [file | {"path": "net.tflite"}]},
            {"kind": "onnx", "files": [file | {"url": server.url}]},
        ],
        "input": {"name": "input", "width_px": 320, "height_px": 192},
        "thresholds": {"score": 0.5, "low_score": 0.3, "nms_iou": 0.3},
    }  # fmt: skip
    folder = tmp_path / "carried" / "net"
    folder.mkdir(parents=True)
    (folder / "manifest.toml").write_text(write_manifest(msgspec.convert(tree, Manifest)))
    return Catalog(tmp_path / "carried", tmp_path / "installed")


def left_behind(catalog: Catalog) -> list[str]:
    return sorted(str(path.relative_to(catalog.installed)) for path in catalog.installed.rglob("*") if path.is_file())


def test_a_download_is_checked_and_installed_with_progress(catalog: Catalog, server: Server) -> None:
    seen: list[tuple[str, int, int]] = []
    folder = fetch_model(catalog, "net", progress=lambda *now: seen.append(now))
    assert (folder / "net.onnx").read_bytes() == CONTENT
    assert seen[-1] == ("net.onnx", len(CONTENT), len(CONTENT))
    assert left_behind(catalog) == [".lock", "net/net.onnx"]


def test_what_is_installed_is_not_downloaded_again(catalog: Catalog, server: Server) -> None:
    fetch_model(catalog, "net")
    fetch_model(catalog, "net")
    assert len(server.asked) == 1


@pytest.mark.parametrize("behaviour", ["wrong", "longer"])
def test_another_file_is_refused_and_thrown_away(catalog: Catalog, server: Server, behaviour: str) -> None:
    server.behaviour = behaviour
    with pytest.raises(ManifestError, match=r"this is not net\.onnx, got .*, expected 256000 bytes with sha256"):
        fetch_model(catalog, "net")
    assert left_behind(catalog) == []


def test_a_larger_file_is_not_read_to_its_end(catalog: Catalog, server: Server) -> None:
    server.behaviour = "longer"
    seen: list[int] = []
    with pytest.raises(ManifestError):
        fetch_model(catalog, "net", progress=lambda name, done, size: seen.append(done))
    assert max(seen) == len(CONTENT) + 1


@pytest.mark.parametrize(
    ("behaviour", "says"), [("missing", "got 404 Not Found"), ("shorter", "got 1000 bytes"), ("cut_always", "got ")]
)
def test_too_little_is_an_error_in_one_line(catalog: Catalog, server: Server, behaviour: str, says: str) -> None:
    server.behaviour = behaviour
    with pytest.raises(ModelNotFound) as failed:
        fetch_model(catalog, "net")
    message = str(failed.value)
    assert server.url in message
    assert says in message
    assert "expected 256000 bytes" in message
    assert "passerby models import net --from FOLDER" in message
    assert "\n" not in message
    assert not (catalog.installed / "net").exists()


def test_a_cut_download_goes_on_where_it_stopped(catalog: Catalog, server: Server) -> None:
    server.behaviour = "cut_once"
    folder = fetch_model(catalog, "net")
    assert (folder / "net.onnx").read_bytes() == CONTENT
    assert server.asked == ["bytes=0-", "bytes=128000-"]


def test_the_next_call_goes_on_too_and_begins_anew_where_the_server_cannot(catalog: Catalog, server: Server) -> None:
    server.behaviour = "cut_always"
    with pytest.raises(ModelNotFound):
        fetch_model(catalog, "net")
    server.behaviour = "whole"
    assert (fetch_model(catalog, "net") / "net.onnx").read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=1000-"


def test_what_a_portal_answered_is_not_gone_on_with(catalog: Catalog, server: Server) -> None:
    server.behaviour = "portal"
    with pytest.raises(ModelNotFound):
        fetch_model(catalog, "net")
    server.behaviour = "cut_once"  # it can go on
    assert (fetch_model(catalog, "net") / "net.onnx").read_bytes() == CONTENT


def test_two_downloads_at_once_do_not_disturb_each_other(catalog: Catalog, server: Server) -> None:
    server.behaviour = "slow"
    with ThreadPoolExecutor(2) as both:
        folders = [found.result() for found in [both.submit(fetch_model, catalog, "net") for _ in range(2)]]
    assert [(folder / "net.onnx").read_bytes() for folder in folders] == [CONTENT, CONTENT]
    assert len(server.asked) == 1


def test_no_server_is_an_error_in_one_line(catalog: Catalog, server: Server) -> None:
    server.server_close()
    with pytest.raises(ModelNotFound, match="Connection refused"):
        fetch_model(catalog, "net")


def test_a_network_without_addresses_says_so(catalog: Catalog) -> None:
    manifest = catalog.manifest("net")
    only_tflite = msgspec.structs.replace(manifest, artefacts=manifest.artefacts[:1])
    (catalog.carried / "net" / "manifest.toml").write_text(write_manifest(only_tflite))
    with pytest.raises(ModelNotFound, match="no official address"):
        fetch_model(catalog, "net")
