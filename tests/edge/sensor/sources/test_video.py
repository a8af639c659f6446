"""Video files: every frame, at its own time; what is cut off or no video says so."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import BadInput
from edge.sensor.ports import FrameSource
from edge.sensor.sources import decoder
from edge.sensor.sources.address import SourceKind
from edge.sensor.sources.container import is_cut_off, unsynchronized
from edge.sensor.sources.opening import open_source
from edge.sensor.sources.path_kind import kind_of_source
from edge.sensor.types import Frame
from edge.settings.settings import Camera
from tests.pictures.clips import SIZE_HW, encode, serve, write_clip, write_gif

CONTAINERS = [("mp4", "mp4v"), ("avi", "MJPG"), ("mkv", "mp4v"), ("webm", "VP80"), ("ts", "mp4v")]


def frames_of(source: FrameSource) -> list[Frame]:
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    return frames


def times(frames: list[Frame]) -> list[float]:
    return [frame.captured_at for frame in frames]


@pytest.mark.parametrize(
    ("name", "count", "fps"),
    [
        ("two-faces-768x432.h264", 300, 30.0),
        ("no-faces-768x432.mp4", 1394, 10.0),
        ("entrance-1080p.mp4", 105, 25.0),
    ],
)
def test_shared_clips_give_every_frame_at_their_rate(shared: Path, name: str, count: int, fps: float) -> None:
    source = open_source(str(shared / "video" / name), Camera(fps=30.0), start_at=0.0)
    seen = 0
    while (frame := source.read()) is not None:
        assert frame.index == seen
        assert frame.captured_at == pytest.approx(seen / fps, abs=1e-6)
        seen += 1
    assert seen == count


def test_the_shared_gif_keeps_its_own_delays_of_80_and_90_ms(shared: Path) -> None:
    frames = frames_of(open_source(str(shared / "video" / "walking-480x270.gif"), Camera(), start_at=0.0))
    assert len(frames) == 35
    steps = [round(after - before, 3) for before, after in itertools.pairwise(times(frames))]
    assert set(steps) == {0.08, 0.09}
    assert steps[:4] == [0.08, 0.09, 0.08, 0.08]
    assert times(frames)[-1] == pytest.approx(2.83)


@pytest.mark.parametrize(("suffix", "fourcc"), CONTAINERS)
def test_every_container_gives_every_frame_at_its_time(tmp_path: Path, suffix: str, fourcc: str) -> None:
    path = write_clip(tmp_path / f"clip.{suffix}", frames=20, fps=12.5, fourcc=fourcc)
    frames = frames_of(open_source(str(path), Camera(), start_at=5.0))
    assert times(frames) == pytest.approx([5.0 + index / 12.5 for index in range(20)])
    assert not is_cut_off(path)


def test_gif_frames_follow_their_delays(tmp_path: Path) -> None:
    path = write_gif(tmp_path / "walk.gif", [40, 200, 80, 120])
    frames = frames_of(open_source(str(path), Camera(), start_at=0.0))
    assert times(frames) == pytest.approx([0.0, 0.04, 0.24, 0.32])
    assert frames[0].image.shape == (*SIZE_HW, 3)


def test_raw_video_has_the_rate_of_the_settings(shared: Path) -> None:
    source = open_source(str(shared / "video" / "two-faces-768x432.h264"), Camera(fps=15.0), start_at=0.0)
    assert [frame.captured_at for frame in (source.read(), source.read(), source.read()) if frame] == pytest.approx(
        [0.0, 1 / 15, 2 / 15]
    )
    source.close()


def test_a_clip_ends_now_unless_its_start_is_given(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=25, fps=12.5)
    frames = frames_of(open_source(str(path), Camera(), clock=lambda: 1000.0))
    assert times(frames)[0] == pytest.approx(998.0)


@pytest.mark.parametrize(("suffix", "fourcc"), CONTAINERS)
def test_a_clip_that_was_cut_off_says_so_after_its_good_frames(tmp_path: Path, suffix: str, fourcc: str) -> None:
    path = write_clip(tmp_path / f"clip.{suffix}", frames=20, fourcc=fourcc)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 7 // 10 + 1])
    assert is_cut_off(path)
    with pytest.raises(BadInput, match="truncated file"):
        frames_of(open_source(str(path), Camera()))


@pytest.mark.parametrize("missing", [1, 2, 300])
def test_raw_motion_jpeg_that_was_cut_off_says_so_after_its_good_frames(tmp_path: Path, missing: int) -> None:
    path = tmp_path / "clip.mjpeg"
    whole = b"".join(encode(".jpg", index) for index in range(5))
    path.write_bytes(whole + bytes(3))
    assert len(frames_of(open_source(str(path), Camera(fps=25.0)))) == 5
    path.write_bytes(whole[:-missing])
    source = open_source(str(path), Camera(fps=25.0))
    for _ in range(4):
        assert source.read() is not None
    with pytest.raises(BadInput, match="truncated file, got 4 whole frames"):
        source.read()


def test_a_cut_gif_and_a_cut_shared_clip_give_their_good_frames_first(shared: Path, tmp_path: Path) -> None:
    for name, at_least in (("walking-480x270.gif", 17), ("no-faces-768x432.mp4", 600)):
        content = (shared / "video" / name).read_bytes()
        path = tmp_path / name
        path.write_bytes(content[: len(content) // 2])
        source = open_source(str(path), Camera())
        for _ in range(at_least):
            assert source.read() is not None
        with pytest.raises(BadInput, match="truncated file"):
            frames_of(source)
        assert source.read() is None


TRAILERS = [
    b"\n",
    b"\0" * 3,
    b"\0" * 300,
    b"\0\0\x03\xe8SEFT" + b"\1" * 60,
    b"\1" * 232 + b"8db42d694ccc418790edff439fe026bf",
]


@pytest.mark.parametrize("trailer", TRAILERS, ids=["newline", "zeros", "many-zeros", "telephone", "action-camera"])
@pytest.mark.parametrize(("suffix", "fourcc"), [*CONTAINERS, ("mov", "mp4v")])
def test_bytes_behind_the_end_of_a_clip_do_no_harm(tmp_path: Path, suffix: str, fourcc: str, trailer: bytes) -> None:
    path = write_clip(tmp_path / f"clip.{suffix}", frames=20, fourcc=fourcc)
    path.write_bytes(path.read_bytes() + trailer)
    assert len(frames_of(open_source(str(path), Camera()))) == 20


@pytest.mark.parametrize("content", [b"\x47", b"\x47" * 188, b"\0" * 400, b"\x47" * 189, b"\0\0\0\0\x47" * 40])
def test_what_is_short_has_no_packets_that_could_be_missing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clip.ts").write_bytes(content)
    assert unsynchronized(tmp_path / "clip.ts") == 0


def test_a_cut_is_seen_in_a_later_part_of_a_file(tmp_path: Path) -> None:
    avi = write_clip(tmp_path / "clip.avi", fourcc="MJPG").read_bytes()
    (tmp_path / "parts.avi").write_bytes(avi + avi[:-9])
    fragments = [b"\0\0\0\x08" + kind for kind in (b"ftyp", b"moov", b"moof", b"mdat")]
    (tmp_path / "fragments.mp4").write_bytes(b"".join(fragments) + b"\0\0\1\0mdat")
    (tmp_path / "no-index.mp4").write_bytes(b"".join((fragments[0], fragments[3])) + b"\0\0\0")
    packets = b"".join(b"\0\0\0\0\x47" + bytes(187) for _ in range(3))
    (tmp_path / "clip.m2ts").write_bytes(packets + packets[:100])
    for name in ("parts.avi", "fragments.mp4", "no-index.mp4", "clip.m2ts"):
        assert is_cut_off(tmp_path / name), name
    (tmp_path / "whole.m2ts").write_bytes(packets)
    (tmp_path / "whole.avi").write_bytes(avi + avi)
    assert not is_cut_off(tmp_path / "whole.m2ts")
    assert not is_cut_off(tmp_path / "whole.avi")


@pytest.mark.parametrize("name", ["clip.mp4", "clip.h264", "clip.gif", "clip.mkv"])
@pytest.mark.parametrize("content", [b"", b"hello, I am no video", bytes(range(256)) * 200])
def test_what_is_no_video_is_bad_input_at_once(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput, match=name):
        open_source(str(path), Camera())


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        open_source(str(tmp_path / "clip.mp4"), Camera())


def test_a_path_is_looked_at_where_its_name_does_not_tell(tmp_path: Path) -> None:
    (tmp_path / "clips.mp4").mkdir()
    (tmp_path / "clip").write_bytes(write_clip(tmp_path / "a.mp4").read_bytes())
    assert kind_of_source(str(tmp_path / "clips.mp4")) is SourceKind.FOLDER
    assert kind_of_source(str(tmp_path)) is SourceKind.FOLDER
    assert len(frames_of(open_source(str(tmp_path / "clip"), Camera()))) == 12


def test_a_playlist_in_a_file_does_not_reach_the_network(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.ts").read_bytes()
    with serve({"/a.ts": ("video/mp2t", clip, len(clip))}) as (site, visited):
        playlist = tmp_path / "clip.m3u8"
        playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{site}/a.ts\n#EXT-X-ENDLIST\n")
        with pytest.raises(BadInput):
            open_source(str(playlist), Camera())
        assert visited == []


@pytest.mark.process
def test_vendors_write_nothing_to_stderr(tmp_path: Path) -> None:
    cut = tmp_path / "cut.mkv"
    content = write_clip(tmp_path / "clip.mkv", frames=30).read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    (tmp_path / "junk.mp4").write_bytes(b"junk" * 1000)
    (tmp_path / "cut.png").write_bytes(encode(".png")[:-20])
    (tmp_path / "cut.jpg").write_bytes(encode(".jpg")[:-20])
    program = (
        "import sys\n"
        "from edge.sensor.sources.opening import open_source\n"
        "from edge.settings.settings import Camera\n"
        "from edge.errors import PasserbyError\n"
        "for address in sys.argv[1:]:\n"
        "    try:\n"
        "        source = open_source(address, Camera())\n"
        "        while source.read(): pass\n"
        "    except PasserbyError as error: print(error)\n"
    )
    bad = [str(tmp_path / name) for name in ("cut.mkv", "junk.mp4", "cut.png", "cut.jpg")]
    done = subprocess.run(
        [sys.executable, "-c", program, *bad, "/dev/null", "97"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 6


def test_a_clip_of_pictures_that_are_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    height, width = SIZE_HW
    path = write_clip(tmp_path / "clip.mp4")
    monkeypatch.setattr(decoder, "MAX_PIXELS", width * height)
    open_source(str(path), Camera()).close()
    monkeypatch.setattr(decoder, "MAX_PIXELS", width * height - 1)
    with pytest.raises(BadInput, match=r"clip\.mp4: pictures too large, got 64x48 px, expected 3071 px or fewer"):
        open_source(str(path), Camera())
