"""A path is what lies there; its name decides only where that shows nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from edge.errors import UsageError
from edge.sensor.sources.address import SourceKind
from edge.sensor.sources.opening import open_source
from edge.sensor.sources.path_kind import kind_of_source
from edge.sensor.sources.pictures import read_pictures
from edge.settings.settings import Camera
from tests.edge.sensor.sources.test_pictures import write_tar
from tests.pictures.clips import draw, encode, write_clip


def write_image(path: Path) -> None:
    path.write_bytes(encode(".jpg"))


def write_video(path: Path) -> None:
    path.write_bytes(write_clip(path.parent / "made.mp4").read_bytes())


def write_packed(path: Path) -> None:
    write_tar(path, {"a.jpg": encode(".jpg")}, "w:gz")


def write_motion_jpeg(path: Path) -> None:
    path.write_bytes(b"".join(encode(".jpg", index) for index in range(5)))


def write_text(path: Path) -> None:
    path.write_text("neither picture nor video")


@pytest.mark.parametrize(
    ("name", "write", "kind"),
    [
        ("a.jfif", write_image, SourceKind.IMAGE),
        ("noext", write_image, SourceKind.IMAGE),
        ("a.mp4", write_image, SourceKind.IMAGE),
        ("a.mjpeg", write_image, SourceKind.VIDEO),
        ("a.jpg", write_motion_jpeg, SourceKind.VIDEO),
        ("a.bin", write_motion_jpeg, SourceKind.VIDEO),
        ("noext", write_motion_jpeg, SourceKind.VIDEO),
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


@pytest.mark.parametrize("name", ["a.jpg", "a.dat", "noext"])
@pytest.mark.parametrize("padding", [0, 5])
def test_all_of_raw_motion_jpeg_is_read_whatever_it_is_called(tmp_path: Path, name: str, padding: int) -> None:
    (tmp_path / name).write_bytes(b"".join(encode(".jpg", index) + bytes(padding) for index in range(5)))
    source = open_source(str(tmp_path / name), Camera(fps=10.0), start_at=0.0)
    frames = iter(source.read, None)
    assert [frame.captured_at for frame in frames if frame] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    source.close()


def test_raw_motion_jpeg_in_a_folder_is_an_error_of_its_own(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg")
    write_motion_jpeg(tmp_path / "b.jpg")
    whole, stream = read_pictures(str(tmp_path))
    assert whole.image is not None
    assert str(stream.error) == (
        "b.jpg: raw Motion JPEG, many pictures in one file: give it by itself, expected a whole image"
    )


def test_pictures_behind_a_picture_leave_it_one(tmp_path: Path) -> None:
    """A telephone's map of brightness is smaller; pictures of the same size are listed in the first."""
    picture = encode(".jpg")
    ok, small = cv2.imencode(".jpg", draw(1)[::2, ::2])
    assert ok
    listed = picture[:2] + b"\xff\xe2\0\x08MPF\0II" + picture[2:]
    for content in (picture + small.tobytes(), listed + picture, picture + b"trailer" + picture):
        (tmp_path / "a.jpg").write_bytes(content)
        assert kind_of_source(str(tmp_path / "a.jpg")) is SourceKind.IMAGE
        [read] = read_pictures(str(tmp_path / "a.jpg"))
        assert read.image is not None


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
