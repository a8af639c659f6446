"""A path is what lies there; its name decides only where that shows nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.errors import UsageError
from edge.sensor.sources.address import SourceKind
from edge.sensor.sources.opening import open_source
from edge.sensor.sources.path_kind import kind_of_source
from edge.settings.settings import Camera
from tests.edge.sensor.sources.test_pictures import write_tar
from tests.pictures.clips import encode, write_clip


def write_image(path: Path) -> None:
    path.write_bytes(encode(".jpg"))


def write_video(path: Path) -> None:
    path.write_bytes(write_clip(path.parent / "made.mp4").read_bytes())


def write_packed(path: Path) -> None:
    write_tar(path, {"a.jpg": encode(".jpg")}, "w:gz")


def write_text(path: Path) -> None:
    path.write_text("neither picture nor video")


@pytest.mark.parametrize(
    ("name", "write", "kind"),
    [
        ("a.jfif", write_image, SourceKind.IMAGE),
        ("noext", write_image, SourceKind.IMAGE),
        ("a.mp4", write_image, SourceKind.IMAGE),
        ("a.mjpeg", write_image, SourceKind.VIDEO),
        ("a.jpg", write_video, SourceKind.VIDEO),
        ("noext", write_video, SourceKind.VIDEO),
        ("a.h264", write_video, SourceKind.VIDEO),
        ("a.dat", write_packed, SourceKind.TAR),
        ("a.jpg", write_text, SourceKind.IMAGE),
        ("a.h264", write_text, SourceKind.RAW_VIDEO),
        ("noext", write_text, SourceKind.VIDEO),
        ("a.jpg", Path.mkdir, SourceKind.FOLDER),
    ],
)
def test_the_kind_is_what_lies_there(
    tmp_path: Path, name: str, write: Callable[[Path], None], kind: SourceKind
) -> None:
    write(tmp_path / name)
    assert kind_of_source(str(tmp_path / name)) is kind


def test_a_file_on_a_device_path_is_a_file_and_a_character_device_is_a_camera(tmp_path: Path) -> None:
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK):
        pytest.skip("/dev/shm is not writable here")
    clip = shm / f"passerby-test-{os.getpid()}.mp4"
    clip.write_bytes(write_clip(tmp_path / "a.mp4").read_bytes())
    try:
        assert kind_of_source(str(clip)) is SourceKind.VIDEO
        source = open_source(str(clip), Camera())
        assert source.read() is not None
        source.close()
    finally:
        clip.unlink()
    assert kind_of_source(str(clip)) is SourceKind.V4L2  # gone: a path under /dev names a camera
    assert kind_of_source(str(shm)) is SourceKind.FOLDER
    assert kind_of_source("/dev/null") is SourceKind.V4L2
    (tmp_path / "camera").symlink_to("/dev/null")
    assert kind_of_source(str(tmp_path / "camera")) is SourceKind.V4L2


def test_a_pipe_is_no_source(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(UsageError, match=r"pipe\.mp4: not a source, got a pipe, expected a file, a folder or a camera"):
        kind_of_source(str(tmp_path / "pipe.mp4"))


def test_words_stay_words_whatever_lies_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("0", "picamera"):
        write_image(tmp_path / name)
    assert [kind_of_source(name) for name in ("0", "picamera", "./0")] == [
        SourceKind.V4L2, SourceKind.PICAMERA, SourceKind.IMAGE,
    ]  # fmt: skip
