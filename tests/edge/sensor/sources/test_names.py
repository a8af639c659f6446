"""Names of files and addresses that are not UTF-8: OpenCV ends the process on them, so it never gets them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import UsageError
from edge.sensor.sources.address import SourceKind
from edge.sensor.sources.decoder import percent_encoded
from edge.sensor.sources.opening import open_source
from edge.settings.settings import Camera
from edge.workbench.analyze.drawings import Drawings
from edge.workbench.analyze.length import stated_pictures
from edge.workbench.analyze.sources import Source
from tests.pictures.clips import serve, write_clip

LATIN = os.fsdecode(b"caf\xe9")

pytestmark = pytest.mark.process


def in_another_process(*lines: str, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run lines of Python: what ends a process by a signal must not end this one."""
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines), *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_clip_whose_name_or_folder_is_not_utf_8_is_read(tmp_path: Path) -> None:
    folder = tmp_path / LATIN
    folder.mkdir()
    clip = write_clip(tmp_path / "clip.mp4").read_bytes()
    named = [tmp_path / f"{LATIN}.mp4", folder / "clip.mp4", tmp_path / f"{LATIN}.mkv"]
    for path in named:
        path.write_bytes(clip)
    link = tmp_path / "link.mp4"
    link.symlink_to(named[0])
    done = in_another_process(
        "import sys",
        "from edge.sensor.sources.opening import open_source",
        "from edge.settings.settings import Camera",
        "for address in sys.argv[1:]:",
        "    source = open_source(address, Camera())",
        "    print(len([frame for frame in iter(source.read, None)]))",
        words=[str(path) for path in (*named, link)],
    )
    assert (done.returncode, done.stdout.split()) == (0, ["12"] * 4)
    assert stated_pictures(str(named[0]), SourceKind.VIDEO) == 12


def test_analyze_reads_such_a_clip_and_the_next_source(tmp_path: Path) -> None:
    named = [tmp_path / f"{LATIN}.mp4", tmp_path / f"no{LATIN}.mp4", tmp_path / "clip.mp4"]
    for path in (named[0], named[2]):
        path.write_bytes(write_clip(tmp_path / "made.mp4").read_bytes())
    named[1].write_bytes(b"no video")
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "analyze", *named], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert [line.rpartition("/")[2] for line in done.stdout.splitlines()] == [
        "caf\\udce9.mp4: 64x48, 12 frames, 0.9 s, no visit", "clip.mp4: 64x48, 12 frames, 0.9 s, no visit"
    ]  # fmt: skip
    [complaint] = done.stderr.splitlines()
    assert "nocaf\\udce9.mp4: no picture can be decoded" in complaint


def test_bytes_of_an_address_that_are_not_utf_8_are_percent_encoded(tmp_path: Path) -> None:
    assert percent_encoded(f"http://127.0.0.1/{LATIN}.ts?a=%20") == "http://127.0.0.1/caf%E9.ts?a=%20"
    clip = write_clip(tmp_path / "a.ts").read_bytes()
    with serve({"/caf%E9.ts": ("video/mp2t", clip, len(clip))}) as (site, visited):
        open_source(f"{site}/{LATIN}.ts", Camera()).close()
    assert set(visited) == {"/caf%E9.ts"}


def test_a_drawn_video_with_such_a_name_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot have a name that is not UTF-8, got .*caf\\udce9\.mp4"):
        Drawings(tmp_path / f"{LATIN}.mp4", [Source("clip.mp4")], lambda face: [])
    Drawings(tmp_path / LATIN, [Source("photo.jpg")], lambda face: [])
