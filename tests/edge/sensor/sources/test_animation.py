"""Animated GIF, PNG and WebP: all their frames, as they are shown, at their own times; pages of a TIFF one by one."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import BadInput
from edge.sensor.sources.address import SourceKind
from edge.sensor.sources.animation import MAX_FRAME_PIXELS, read_animation
from edge.sensor.sources.image_file import decode_image
from edge.sensor.sources.opening import open_source
from edge.sensor.sources.path_kind import kind_of_source
from edge.sensor.sources.picture import Picture, decoded
from edge.sensor.sources.pictures import read_pictures
from edge.sensor.types import Image
from edge.settings.settings import Camera
from tests.pictures.clips import draw, encode

KINDS = [".gif", ".png", ".webp"]
DELAYS_MS = [50, 200, 0, 10, 120, 40]
TIMES_S = [0, 0.05, 0.25, 0.35, 0.45, 0.57]
"""0 and 10 ms are shown for 100 ms, as browsers do."""


def flat(index: int) -> Image:
    """Few colours, which a GIF can keep: a bar whose place tells the index."""
    image = np.full((48, 64, 3), (80, 40, 0), np.uint8)
    image[:, 8 * index : 8 * index + 8] = (0, 200, 40)
    return image


def write(path: Path, frames: list[Image], delays_ms: list[int]) -> Path:
    """An animation; WebP is written without loss."""
    animation = cv2.Animation()
    animation.frames = [frame if frame.shape[2] == 4 else cv2.cvtColor(frame, cv2.COLOR_BGR2BGRA) for frame in frames]
    animation.durations = np.array(delays_ms, np.int32)
    assert cv2.imwriteanimation(str(path), animation, (cv2.IMWRITE_WEBP_QUALITY, 101))
    return path


def write_moving(folder: Path, suffix: str) -> Path:
    return write(folder / f"walk{suffix}", [flat(index) for index in range(6)], DELAYS_MS)


def bar(image: Image) -> int:
    return int(image[0, :, 1].argmax()) // 8


@pytest.mark.parametrize("suffix", KINDS)
def test_every_frame_comes_at_its_own_time(tmp_path: Path, suffix: str) -> None:
    path = write_moving(tmp_path, suffix)
    source = open_source(str(path), Camera(), start_at=100.0)
    frames = [source.read() for _ in range(7)]
    assert frames.pop() is None
    assert [bar(frame.image) for frame in frames if frame] == list(range(6))
    delays_ms = DELAYS_MS if suffix != ".gif" else [delay // 10 * 10 for delay in DELAYS_MS]
    assert delays_ms == DELAYS_MS  # all of them are whole hundredths of a second, which is what a GIF has
    assert [frame.captured_at - 100 for frame in frames if frame] == pytest.approx(TIMES_S)
    assert [frame.index for frame in frames if frame] == list(range(6))


@pytest.mark.parametrize("suffix", KINDS)
def test_without_a_start_it_ends_now(tmp_path: Path, suffix: str) -> None:
    source = open_source(str(write_moving(tmp_path, suffix)), Camera(), clock=lambda: 1000.0)
    first = source.read()
    assert first is not None
    assert first.captured_at == pytest.approx(1000 - 0.61)


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_frames_without_loss_are_the_drawn_ones(tmp_path: Path, suffix: str) -> None:
    drawn = [draw(index) for index in range(4)]
    content = write(tmp_path / f"a{suffix}", drawn, [100] * 4).read_bytes()
    found = [image for image, _ in read_animation(content, "a")]
    assert all(np.array_equal(image, expected) for image, expected in zip(found, drawn, strict=True))


def transparent(index: int) -> Image:
    image = np.zeros((60, 80, 4), np.uint8)
    image[6 * index : 6 * index + 20, 8 * index : 8 * index + 30] = (255, 40 * index, 20, 255)
    image[40:50, 20:60] = (10, 200, 30, 128)
    return image


def over_black(image: Image) -> Image:
    return np.asarray((image[..., :3].astype(int) * image[..., 3:] + 127) // 255, np.uint8)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("disposal", [0, 1, 2])
def test_parts_of_frames_are_put_where_they_belong(tmp_path: Path, kind: str, disposal: int) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="PIL is not installed (passerby[demo])")
    path = tmp_path / "walk"
    first, *rest = [pillow.fromarray(transparent(index)[..., [2, 1, 0, 3]]) for index in range(5)]
    options = {"lossless": True} if kind == "WEBP" else {"disposal": disposal}
    first.save(path, kind, save_all=True, append_images=rest, duration=100, **options)
    found = [image for image, _ in read_animation(path.read_bytes(), "walk")]
    assert len(found) == 5
    expected = []
    with pillow.open(path) as again:
        for index in range(5):
            again.seek(index)
            expected.append(over_black(np.asarray(again.convert("RGBA"))[..., [2, 1, 0, 3]]))
    assert all(np.array_equal(image, other) for image, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_an_animation_that_is_cut_off_gives_its_whole_frames_and_then_the_error(
    tmp_path: Path, suffix: str, share: float
) -> None:
    path = write(tmp_path / f"walk{suffix}", [draw(index) for index in range(8)], [100] * 8)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    found: list[Image] = []
    with pytest.raises(BadInput, match=r"walk.*: truncated file, got \d whole frames$"):
        for image, _ in read_animation(path.read_bytes(), str(path)):
            found.append(image)
    assert int(8 * share) - 1 <= len(found) <= int(8 * share)
    assert kind_of_source(str(path)) is SourceKind.ANIMATION


@pytest.mark.parametrize("suffix", KINDS)
def test_a_still_picture_is_no_animation_whatever_it_is_called(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "still.gif").write_bytes(encode(suffix))
    assert kind_of_source(str(tmp_path / "still.gif")) is SourceKind.IMAGE
    moving = write_moving(tmp_path, suffix).rename(tmp_path / "moving.jpg")
    assert kind_of_source(str(moving)) is SourceKind.ANIMATION


@pytest.mark.parametrize("suffix", KINDS)
def test_in_a_folder_the_frames_are_pictures_with_a_number_and_a_time(tmp_path: Path, suffix: str) -> None:
    write_moving(tmp_path, suffix)
    (tmp_path / "z.jpg").write_bytes(encode(".jpg"))
    *frames, still = read_pictures(str(tmp_path))
    assert [(picture.name, picture.frame) for picture in frames] == [(f"walk{suffix}", index) for index in range(6)]
    assert [picture.at_s for picture in frames] == pytest.approx(TIMES_S)
    assert (still.name, still.frame, still.at_s) == ("z.jpg", 0, 0.0)


@pytest.mark.parametrize("suffix", KINDS)
def test_the_first_frame_of_an_animation_is_a_picture(tmp_path: Path, suffix: str) -> None:
    assert bar(decode_image(write_moving(tmp_path, suffix).read_bytes(), "a")) == 0


def test_an_animation_that_promises_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    content = bytearray(write_moving(tmp_path, ".gif").read_bytes())
    content[6:10] = b"\xff\xff\xff\xff"
    with pytest.raises(BadInput, match=f"image too large, got 65535x65535 px, expected {MAX_FRAME_PIXELS}"):
        next(read_animation(bytes(content), "a"))


def test_a_frame_that_lies_outside_the_picture_is_an_error(tmp_path: Path) -> None:
    content = bytearray(write_moving(tmp_path, ".gif").read_bytes())
    content[6:8] = b"\x08\x00"
    with pytest.raises(BadInput, match="a frame lies outside the picture"):
        next(read_animation(bytes(content), "a"))


@pytest.mark.parametrize("suffix", [*KINDS, ".tif", ".jpg", ".bmp", ".ppm", ".jp2", ".avif"])
def test_whatever_is_wrong_with_a_file_is_an_error_of_one_line(tmp_path: Path, suffix: str) -> None:
    path = write_moving(tmp_path, suffix) if suffix in KINDS else tmp_path / f"a{suffix}"
    whole = path.read_bytes() if suffix in KINDS else encode(suffix)
    chance = np.random.default_rng(11)
    for _ in range(60):
        content = bytearray(whole[: int(chance.integers(1, len(whole) + 1))])
        for place in chance.integers(0, min(len(content), 200), 3):
            content[place] = int(chance.integers(0, 256))
        path.write_bytes(content)
        for picture in decoded("a", path.read_bytes):
            assert picture.image is not None or "\n" not in str(picture.error)


def pages(path: Path) -> list[Picture]:
    return list(read_pictures(str(path)))


def test_every_page_of_a_tiff_is_a_picture(tmp_path: Path) -> None:
    drawn = [draw(0), draw(1)[:30], draw(2)]
    assert cv2.imwritemulti(str(tmp_path / "pages.tif"), drawn)
    found = pages(tmp_path / "pages.tif")
    assert [picture.frame for picture in found] == [0, 1, 2]
    for picture, expected in zip(found, drawn, strict=True):
        assert picture.image is not None
        assert np.array_equal(picture.image, expected)
    assert kind_of_source(str(tmp_path / "pages.tif")) is SourceKind.IMAGE


def test_smaller_copies_in_a_tiff_are_no_pages(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="PIL is not installed (passerby[demo])")
    tags = pytest.importorskip("PIL.TiffImagePlugin", reason="PIL is not installed (passerby[demo])")
    small = tags.ImageFileDirectory_v2()
    small[254] = 1
    first, copy = pillow.fromarray(draw(0)), pillow.fromarray(draw(1)[:12, :16].copy())
    copy.encoderinfo = {"tiffinfo": small}
    first.save(tmp_path / "a.tif", save_all=True, append_images=[copy])
    assert [picture.frame for picture in pages(tmp_path / "a.tif")] == [0]
    first.save(tmp_path / "raw.dng", "TIFF", tiffinfo=small)
    [preview] = read_pictures(str(tmp_path / "raw.dng"))
    assert "TIFF of smaller copies only, as a raw photograph is (DNG, NEF)" in str(preview.error)
