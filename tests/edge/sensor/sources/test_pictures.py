"""Images, folders and tars: what is whole is given, what is not is named, the rest go on."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import BadInput, UsageError
from edge.sensor.sources.image_file import decode_image
from edge.sensor.sources.picture import Picture, natural
from edge.sensor.sources.pictures import open_pictures, read_pictures
from tests.pictures.clips import SIZE_HW, encode, write_clip

SUFFIXES = [".jpg", ".png", ".bmp", ".webp", ".tif", ".ppm"]


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def names(pictures: list[Picture]) -> list[str]:
    return [picture.name for picture in pictures]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_whole_image_is_bgr_of_its_size(suffix: str) -> None:
    image = decode_image(encode(suffix), "a")
    assert image.dtype == np.uint8
    assert image.shape == (*SIZE_HW, 3)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.6, 0.9, 0.97])
def test_a_truncated_image_is_an_error(suffix: str, share: float) -> None:
    content = encode(suffix)
    with pytest.raises(BadInput, match=r"^photos/a"):
        decode_image(content[: int(len(content) * share)], "photos/a" + suffix)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("missing", [1, 2, 3, 8, 12])
def test_a_jpeg_or_png_that_lacks_only_its_last_bytes_is_truncated(suffix: str, missing: int) -> None:
    with pytest.raises(BadInput, match="truncated"):
        decode_image(encode(suffix)[:-missing], "a")


def test_a_truncated_jpeg_with_a_whole_thumbnail_is_truncated() -> None:
    thumbnail = encode(".jpg", 1)
    photo = encode(".jpg")
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = photo[:2] + segment + photo[2:]
    assert decode_image(whole, "a").shape == (*SIZE_HW, 3)
    with pytest.raises(BadInput, match="truncated"):
        decode_image(whole[:-200], "a")


def test_bytes_after_the_end_of_a_jpeg_do_no_harm() -> None:
    assert decode_image(encode(".jpg") + b"camera maker's notes", "a").shape == (*SIZE_HW, 3)


@pytest.mark.parametrize("restart_interval", [0, 1])
@pytest.mark.parametrize("progressive", [0, 1])
def test_progressive_jpegs_and_those_with_restarts_are_whole(progressive: int, restart_interval: int) -> None:
    image = np.random.default_rng(3).integers(0, 255, (*SIZE_HW, 3)).astype(np.uint8)
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive, cv2.IMWRITE_JPEG_RST_INTERVAL, restart_interval]
    content = cv2.imencode(".jpg", image, options)[1].tobytes()
    assert decode_image(content, "a").shape == image.shape
    with pytest.raises(BadInput, match="truncated"):
        decode_image(content[: len(content) // 2], "a")


def test_a_png_with_a_flipped_bit_is_damaged() -> None:
    content = bytearray(encode(".png"))
    content[len(content) // 2] ^= 1
    with pytest.raises(BadInput, match="damaged"):
        decode_image(bytes(content), "a")


@pytest.mark.parametrize("content", [b"", b"hello, I am no image", bytes(1000)])
def test_what_is_no_image_is_an_error(content: bytes) -> None:
    with pytest.raises(BadInput):
        decode_image(content, "a.jpg")


def test_a_folder_gives_its_images_sorted_with_those_of_subfolders_and_names_the_rest(tmp_path: Path) -> None:
    for name in ("b.png", "a/2.jpg", "a/1.jpg", "c.JPG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encode(Path(name).suffix.lower()))
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.jpg").write_bytes(b"")
    write_clip(tmp_path / "walk.mp4")
    (tmp_path / "more").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "pipe.jpg")
    told: list[str] = []
    pictures = list(read_pictures(str(tmp_path), told.append))
    assert names(pictures) == ["a/1.jpg", "a/2.jpg", "b.png", "c.JPG"]
    assert all(picture.image is not None and picture.error is None for picture in pictures)
    [line] = told
    assert line == (
        f"{tmp_path}: 5 files left out: .hidden.jpg (hidden), more (a link to a folder), notes.txt (not a picture), "
        "pipe.jpg (not a file), walk.mp4 (a video)"
    )


def test_many_files_that_are_left_out_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encode(".jpg"))
    for index in range(30):
        (tmp_path / f"{index}.txt").write_text("no image")
    told: list[str] = []
    list(read_pictures(str(tmp_path), told.append))
    [line] = told
    assert "30 files left out: 0.txt" in line
    assert line.endswith("9.txt (not a picture) and 20 more")


def test_pictures_are_known_by_their_bytes_whatever_they_are_called(tmp_path: Path) -> None:
    called = {
        "one.jfif": ".jpg", "two.jpe": ".jpg", "three": ".jpg", "four.JPG": ".png", "five.dat": ".webp",
        "six.avif": ".avif", "seven.gif": ".gif", "eight.jp2": ".jp2", "nine.mp4": ".png",
    }  # fmt: skip
    for name, suffix in called.items():
        (tmp_path / name).write_bytes(encode(suffix))
    told: list[str] = []
    pictures = list(read_pictures(str(tmp_path), told.append))
    assert {picture.name for picture in pictures} == set(called)
    assert [picture.error for picture in pictures] == [None] * len(called)
    assert told == []
    members = {name: encode(suffix) for name, suffix in called.items()}
    assert names(list(read_pictures(str(write_tar(tmp_path / "set.tar", members))))) == list(called)


def test_what_is_called_a_picture_but_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"hello")
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "c.dat").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    told: list[str] = []
    pictures = list(read_pictures(str(tmp_path), told.append))
    assert names(pictures) == ["a.jpg", "b.png", "c.dat"]
    for picture, says in zip(pictures, ("got 5 bytes", "empty file", "got HEIC"), strict=True):
        assert says in str(picture.error)
    assert told == []


@pytest.mark.parametrize("shape", ["frame{}.jpg", "day{}/frame.jpg", "{}.png"])
def test_numbers_in_names_are_put_in_order_as_people_count(tmp_path: Path, shape: str) -> None:
    for index in (0, 1, 2, 9, 10, 11, 20, 100, 101):
        path = tmp_path / shape.format(index)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode(path.suffix, index))
    found = names(list(read_pictures(str(tmp_path))))
    assert found == [shape.format(index) for index in (0, 1, 2, 9, 10, 11, 20, 100, 101)]


def test_names_with_and_without_numbers_have_one_order() -> None:
    called = ["a", "1", "a1b", "a10", "a2", "a01", "a1", "²", "a/b", "a-1", "10a", "2a"]
    expected = ["1", "2a", "10a", "a", "a/b", "a01", "a1", "a1b", "a2", "a10", "a-1", "²"]
    assert sorted(called, key=natural) == expected
    assert sorted(expected, key=natural) == expected


def test_a_subfolder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(encode(".jpg"))
    (tmp_path / "b").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    scandir = os.scandir

    def guarded(path: str) -> object:
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    good, bad = read_pictures(str(tmp_path))
    assert good.name == "a.jpg"
    assert str(bad.error) == f"{tmp_path}/b: folder cannot be read, got Permission denied"
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(BadInput, match="folder cannot be read"):
        read_pictures(str(tmp_path))


def test_links_in_a_tar_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encode(".jpg"))
    os.link(tmp_path / "a.jpg", tmp_path / "b.jpg")
    (tmp_path / "c.jpg").symlink_to("a.jpg")
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            tar.add(tmp_path / name, name)
    good, hard, soft = read_pictures(str(tmp_path / "all.tar"))
    assert good.error is None
    for link in (hard, soft):
        assert f"{link.name}: a link to another member, got a.jpg; pack it with --dereference" in str(link.error)


def test_a_bad_image_in_a_folder_is_named_and_the_rest_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encode(".jpg"))
    (tmp_path / "b.jpg").write_bytes(encode(".jpg")[:300])
    (tmp_path / "c.jpg").write_bytes(encode(".jpg"))
    pictures = list(read_pictures(str(tmp_path)))
    assert [picture.error is None for picture in pictures] == [True, False, True]
    assert "b.jpg" in str(pictures[1].error)


@pytest.mark.parametrize(("suffix", "mode"), [(".tar", "w"), (".tar.gz", "w:gz"), (".tar.xz", "w:xz")])
def test_a_tar_gives_its_images_in_its_own_order(tmp_path: Path, suffix: str, mode: str) -> None:
    members = {"z/b.jpg": encode(".jpg"), "labels.csv": b"a,b", "z/a.png": encode(".png"), "bad.jpg": b"oh"}
    pictures = list(read_pictures(str(write_tar(tmp_path / f"set{suffix}", members, mode))))
    assert names(pictures) == ["z/b.jpg", "z/a.png", "bad.jpg"]
    assert [picture.error is None for picture in pictures] == [True, True, False]


@pytest.mark.parametrize("cut", [512, 1000, 1024, 1500])
@pytest.mark.parametrize(("suffix", "mode"), [(".tar", "w"), (".tar.gz", "w:gz")])
def test_a_truncated_tar_gives_its_good_members_then_an_error(tmp_path: Path, cut: int, suffix: str, mode: str) -> None:
    members = {f"{index}.png": encode(".png", index) for index in range(3)}
    path = write_tar(tmp_path / f"set{suffix}", members, mode)
    content = path.read_bytes()
    with tarfile.open(path) as tar:
        last_header = tar.getmember("2.png").offset if mode == "w" else len(content) - 3000
    path.write_bytes(content[: last_header + cut])
    pictures = list(read_pictures(str(path)))
    assert names(pictures)[:2] == ["0.png", "1.png"]
    assert all(picture.error is None for picture in pictures[:2])
    assert pictures[-1].image is None
    assert pictures[-1].error is not None


def test_a_tar_cut_between_two_members_is_truncated(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "set.tar", {"0.png": encode(".png"), "1.png": encode(".png")})
    with tarfile.open(path) as tar:
        second = tar.getmember("1.png").offset
    path.write_bytes(path.read_bytes()[:second])
    first, fault = read_pictures(str(path))
    assert first.image is not None
    assert fault.name == str(path)
    assert "truncated" in str(fault.error)


def test_a_folder_or_tar_without_an_image_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(BadInput, match="no image in this folder"):
        list(read_pictures(str(tmp_path)))
    with pytest.raises(BadInput, match="no image in this tar"):
        list(read_pictures(str(write_tar(tmp_path / "set.tar", {"notes.txt": b"no image"}))))


def test_a_file_that_is_no_tar_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "set.tar"
    path.write_bytes(b"x" * 5000)
    with pytest.raises(BadInput, match="not a tar"):
        read_pictures(str(path))
    path.write_bytes(b"")
    with pytest.raises(BadInput, match=r"set\.tar: the file is empty, expected a tar of images$"):
        read_pictures(str(path))


def test_a_missing_path_is_bad_input_and_a_video_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file or folder"):
        read_pictures(str(tmp_path / "a.jpg"))
    (tmp_path / "a.mp4").write_bytes(b"1")
    with pytest.raises(UsageError):
        read_pictures(str(tmp_path / "a.mp4"))


def test_pictures_as_frames_follow_at_the_given_rate_and_end_at_a_bad_one(tmp_path: Path) -> None:
    for index in range(3):
        (tmp_path / f"{index}.png").write_bytes(encode(".png", index))
    (tmp_path / "3.png").write_bytes(b"oh")
    source = open_pictures(str(tmp_path), fps=4.0, start_at=100.0)
    frames = [source.read() for _ in range(3)]
    assert [frame.captured_at for frame in frames if frame] == [100.0, 100.25, 100.5]
    with pytest.raises(BadInput, match=r"3\.png"):
        source.read()
    assert source.read() is None


def test_every_photograph_of_the_shared_sets_is_whole(shared: Path) -> None:
    pictures = read_pictures(str(shared / "data" / "scenes-train.tar"))
    assert [picture.error for picture in pictures] == [None] * 565
