"""Addresses are told apart by their words alone."""

from __future__ import annotations

import pytest

from edge.errors import UsageError
from edge.sensor.sources.address import SourceKind, classify, is_network, shown


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("0", SourceKind.V4L2),
        ("12", SourceKind.V4L2),
        ("/dev/video2", SourceKind.V4L2),
        ("/dev/v4l/by-id/usb-cam", SourceKind.V4L2),
        ("picamera", SourceKind.PICAMERA),
        ("fake:", SourceKind.FAKE),
        ("fake:30,lost", SourceKind.FAKE),
        ("a/photo.JPG", SourceKind.IMAGE),
        ("photo.webp", SourceKind.IMAGE),
        ("photos", SourceKind.FOLDER),
        ("photos.d/", SourceKind.FOLDER),
        ("set.tar", SourceKind.TAR),
        ("set.tar.gz", SourceKind.TAR),
        ("set.TGZ", SourceKind.TAR),
        ("walk.gif", SourceKind.ANIMATION),
        ("clip.mp4", SourceKind.VIDEO),
        ("clip.unknown", SourceKind.VIDEO),
        ("clip.h264", SourceKind.RAW_VIDEO),
        ("clip.hevc", SourceKind.RAW_VIDEO),
        ("rtsp://cam/stream", SourceKind.STREAM),
        ("RTSPS://cam/stream", SourceKind.STREAM),
        ("http://cam/video.mjpg", SourceKind.STREAM),
        ("https://host/clip.mp4?key=1", SourceKind.STREAM),
        ("http://cam/video", SourceKind.STREAM),
        ("https://www.youtube.com/watch?v=abc", SourceKind.PAGE),
        ("https://youtu.be/abc", SourceKind.PAGE),
        ("https://player.vimeo.com/video/1", SourceKind.PAGE),
        ("http://127.0.0.1:80/watch.html", SourceKind.PAGE),
        ("page:https://example.org/live", SourceKind.PAGE),
        ("https://notyoutube.com/clip", SourceKind.STREAM),
    ],
)
def test_the_kind_is_told_from_the_words(address: str, kind: SourceKind) -> None:
    assert classify(address) is kind


@pytest.mark.parametrize(
    "address", ["", "  ", "mqtt://broker", "ftp://host/a.mp4", "file:///a.mp4", "page:rtsp://cam", "page:"]
)
def test_an_address_that_means_nothing_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        classify(address)


@pytest.mark.parametrize("address", ["rtsp://[abc", "http://u:secret@[::1", "page:http://[x"])
def test_a_malformed_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(UsageError, match=r"malformed address, got .*://") as caught:
        classify(address)
    assert "secret" not in str(caught.value)


def test_a_page_is_asked_for_by_http() -> None:
    with pytest.raises(UsageError, match=r"page:foo: unknown kind of source, expected http, https$"):
        classify("page:foo")


@pytest.mark.parametrize("address", ["rtsp://c/s", "HTTP://c", "page:http://c", "anything://c", "tls+x://c"])
def test_everything_with_a_scheme_is_the_network(address: str) -> None:
    assert is_network(address)


@pytest.mark.parametrize("address", ["0", "/dev/video0", "clip.mp4", "a:b.mp4", "fake:3", "picamera", "folder/http"])
def test_cameras_and_files_are_not_the_network(address: str) -> None:
    assert not is_network(address)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("rtsp://user:pass@cam:554/live?token=1", "rtsp://cam:554/live"),
        ("page:https://me:p@ss@host/v?sig=2#x", "https://host/v"),
        ("clips/a b.mp4", "clips/a b.mp4"),
    ],
)
def test_messages_never_show_secrets_of_an_address(address: str, expected: str) -> None:
    assert shown(address) == expected
