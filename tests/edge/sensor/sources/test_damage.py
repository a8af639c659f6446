"""Damage in the middle of a clip is told, and what can be decoded behind it is read; quiet footage has no fault."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import cv2
import pytest

from edge.errors import BadInput, CameraLost
from edge.sensor.sources.decoder import Decoder, open_file
from edge.sensor.sources.network import LiveStream
from edge.sensor.sources.opening import open_source
from edge.sensor.types import Frame
from edge.settings.settings import Camera
from tests.pictures.clips import draw, encode, write_clip, write_mpeg2, write_still_clip

FRAMES = 60
CODECS = [
    ("mp4", "mp4v"), ("avi", "MJPG"), ("mkv", "mp4v"), ("webm", "VP80"), ("webm", "VP90"), ("ts", "mpg2"),
    ("flv", "FLV1"),
]  # fmt: skip


def read_all(path: Path) -> tuple[list[Frame], str]:
    """The frames of a clip, and what was wrong with it."""
    frames = list[Frame]()
    try:
        source = open_source(str(path), Camera(), start_at=0.0)
        while (frame := source.read()) is not None:
            frames.append(frame)
    except BadInput as error:
        return frames, str(error)
    return frames, ""


def damage(path: Path, share: float = 0.1) -> None:
    """Zero a part in the middle."""
    content = bytearray(path.read_bytes())
    begin, size = len(content) * 4 // 10, int(len(content) * share)
    content[begin : begin + size] = bytes(size)
    path.write_bytes(content)


@pytest.mark.parametrize(("suffix", "fourcc"), CODECS)
def test_damage_in_the_middle_is_told_and_the_rest_is_read(tmp_path: Path, suffix: str, fourcc: str) -> None:
    path = write_clip(tmp_path / f"clip.{suffix}", frames=FRAMES, fourcc=fourcc)
    whole, fault = read_all(path)
    assert (len(whole), fault) == (FRAMES, "")
    damage(path)
    frames, fault = read_all(path)
    assert FRAMES // 2 < len(frames) < FRAMES
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert fault.startswith(f"{path}: damaged video, ")
    assert fault.endswith(f"got {len(frames)} whole frames")
    if suffix != "avi":  # which numbers its frames and has no times
        assert frames[-1].captured_at == pytest.approx(whole[-1].captured_at)


def test_damage_says_how_many_pictures_are_missing_however_many_follow_each_other(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=400)
    damage(path, share=0.5)
    frames, fault = read_all(path)
    [(missing, stated)] = re.findall(r"(\d+) of (\d+) pictures cannot be decoded", fault)
    assert int(stated) == 400
    assert int(missing) == 400 - len(frames) > 150
    assert frames[-1].captured_at == pytest.approx(399 / 12.5)


def test_a_stream_where_picture_after_picture_fails_is_at_its_end(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=400)
    damage(path, share=0.5)
    decoded = []
    for most_failures in (100, 1000):
        decoder = Decoder(cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), patience=64, most_failures=most_failures)
        reads = (decoder.read() is not None for _ in range(400))
        decoded.append(sum(takewhile(bool, reads)))
        decoder.close()
    assert 100 < decoded[0] < decoded[1] == len(read_all(path)[0])


def test_faults_that_the_decoder_conceals_are_told(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=FRAMES)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 40] = b"\xff" * 40
    path.write_bytes(content)
    frames, fault = read_all(path)
    assert len(frames) == FRAMES
    assert re.search(rf"[12] of {FRAMES} pictures have faults", fault)  # FFMPEG's threads decode ahead


def test_a_recorder_that_came_late_is_no_damage(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.ts", frames=FRAMES, fourcc="mpg2")
    packets = path.read_bytes()
    path.write_bytes(packets[len(packets) // 3 // 188 * 188 :])
    frames, fault = read_all(path)
    assert FRAMES // 3 < len(frames) < FRAMES
    assert fault == ""


@pytest.mark.parametrize("suffix", ["m2v", "mpg"])
def test_interlaced_footage_is_refused_instead_of_read_as_black(tmp_path: Path, suffix: str) -> None:
    path = write_mpeg2(tmp_path / f"clip.{suffix}", frames=80, interlaced=True)
    frames, fault = read_all(path)
    assert frames == []
    assert "interlaced video, its pictures cannot be converted" in fault
    assert "deinterlace it first" in fault
    assert len(read_all(write_mpeg2(tmp_path / f"clip.{suffix}", frames=80))[0]) == 80


def test_a_live_stream_that_is_interlaced_is_a_lost_camera_that_says_why(tmp_path: Path) -> None:
    source = LiveStream(open_file(write_mpeg2(tmp_path / "clip.m2v", frames=80, interlaced=True)), "camera")
    with pytest.raises(CameraLost, match=r"^camera: interlaced video"):
        source.read()
    source.close()


def test_footage_where_nothing_moves_or_pictures_come_twice_is_whole(tmp_path: Path) -> None:
    for name, pictures in (("still.avi", [3] * 100), ("slides.avi", [index // 10 for index in range(100)])):
        assert [len(part) for part in read_all(write_still_clip(tmp_path / name, pictures))] == [100, 0]
    for name, fourcc in (("still.mp4", "mp4v"), ("still.webm", "VP80")):
        path = write_still_clip(tmp_path / name, [3] * 100, fourcc=fourcc)
        assert [len(part) for part in read_all(path)] == [100, 0]


def test_a_complaint_that_harms_no_picture_is_no_fault(tmp_path: Path) -> None:
    jpegs = [encode(".jpg", index) for index in range(12)]
    with_notes = [jpeg[:2] + b"\xff\xe5\0\1" + jpeg[2:] for jpeg in jpegs]
    (tmp_path / "clip.mjpeg").write_bytes(b"".join(with_notes))
    frames, fault = read_all(tmp_path / "clip.mjpeg")
    assert (len(frames), fault) == (12, "")
    assert abs(frames[5].image.astype(int) - draw(5)).mean() < 20


@pytest.mark.process
def test_analyze_tells_each_damaged_clip_in_a_line_and_goes_on_with_the_next(tmp_path: Path) -> None:
    damaged = write_clip(tmp_path / "damaged.mp4", frames=FRAMES)
    damage(damaged)
    interlaced = write_mpeg2(tmp_path / "interlaced.m2v", interlaced=True)
    whole = write_clip(tmp_path / "whole.mp4", frames=FRAMES)
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "analyze", damaged, interlaced, whole],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert [re.sub(r"^.*/|,.*", "", line) for line in done.stderr.splitlines()] == [
        "damaged.mp4: damaged video", "interlaced.m2v: interlaced video"
    ]  # fmt: skip
    assert done.stdout.endswith(f"whole.mp4: 64x48, {FRAMES} frames, 4.7 s, no visit\n")
