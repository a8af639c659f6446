"""What a person sees of an analysis and what their keys do, with a window and a clock that the tests hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest

from edge.errors import UsageError
from edge.schemas.analyze import AnalyzeError, AnalyzeLine, Face
from edge.sensor.types import Image
from edge.settings.settings import Attention
from edge.workbench.analyze.drawings import Drawings
from edge.workbench.analyze.fitting import fit, ppm
from edge.workbench.analyze.listening import Seen, Watched
from edge.workbench.analyze.snapshots import Snapshots
from edge.workbench.analyze.sources import read_addresses
from edge.workbench.analyze.viewing import Viewer
from edge.workbench.analyze.window import CLOSED
from edge.workbench.analyze.words import live_caption
from tests.pictures.clips import draw

FPS = 10
FACE = Face(box=(10, 10, 30, 30), score=0.9, landmarks=None, track_id=3, age=None, gender=None)
FRONTAL = [(34.2, 33.0), (77.9, 33.0), (56.0, 57.4), (38.2, 77.7), (73.8, 77.7)]
AVERTED = [(34.2, 33.0), (77.9, 33.0), (80.0, 57.4), (38.2, 77.7), (73.8, 77.7)]


class Desk:
    """A window whose keys are written down before, one a look at it, and whose looks take the time they may."""

    def __init__(self, *keys: str) -> None:
        self.now = 0.0
        self.words: list[str] = []
        self.pictures: list[Image] = []
        self.shown_at: list[float] = []
        self.looks = 0
        self._keys = list(keys)

    def show(self, image: Image, words: str) -> None:
        self.pictures.append(image)
        self.shown_at.append(self.now)
        self.write(words)

    def write(self, words: str) -> None:
        self.words.append(words)

    def keys(self, wait_s: float) -> Sequence[str]:
        self.looks += wait_s > 0
        if wait_s == 0:
            return []
        if self._keys and (key := self._keys.pop(0)):
            return [key]
        assert self._keys or self.looks < 1000, "waits for a key for ever"
        self.now += wait_s
        return []

    def press(self, *keys: str) -> None:
        self._keys += keys

    def close(self) -> None:
        """It is no window."""


class Saved:
    """Takes what is saved."""

    def __init__(self) -> None:
        self.pictures: list[Image] = []
        self.lines: list[str] = []

    def save(self, seen: Seen, drawn: Image) -> str:
        self.pictures.append(drawn)
        return f"{seen.place.stem}.jpg"


def viewer_of(desk: Desk, saved: Saved | None = None, *, paced: bool = True) -> Viewer:
    saved = saved or Saved()
    caption = ["#3"]
    return Viewer(
        desk, lambda face: caption, saved.save, tell=saved.lines.append, paced=paced, clock=lambda: desk.now
    )  # fmt: skip


def a_picture(name: str = "a.jpg") -> Seen:
    return Seen(a_line(name), draw(0), PurePosixPath(name), moving=False)


def a_frame(index: int, *, live: bool = False) -> Seen:
    return Seen(a_line("clip.mp4", index), draw(index), PurePosixPath("clip.mp4"), moving=True, live=live)


def a_line(name: str, index: int = 0) -> AnalyzeLine:
    return AnalyzeLine(source=name, frame=index, time_s=index / FPS, width=64, height=48, faces=[FACE])


def play(viewer: Viewer, frames: Iterable[Seen]) -> int:
    """Frames shown before the person left."""
    count = 0
    for frame in frames:
        if not viewer.go_on():
            break
        viewer.seen(frame)
        count += 1
    return count


@pytest.mark.parametrize(
    ("size_wh", "within_wh", "becomes_wh"),
    [
        ((640, 480), (1000, 800), (640, 480)),
        ((2000, 1000), (1000, 800), (1000, 500)),
        ((500, 4000), (1000, 800), (100, 800)),
        ((320, 320), (10, -5), (160, 160)),
        ((64000, 2), (1000, 800), (1000, 1)),
    ],
)
def test_a_picture_is_made_as_small_as_the_screen_needs_and_no_larger(
    size_wh: tuple[int, int], within_wh: tuple[int, int], becomes_wh: tuple[int, int]
) -> None:
    image = np.full((size_wh[1], size_wh[0], 3), (10, 20, 30), np.uint8)
    fitting = fit(image, within_wh)
    assert fitting.shape == (becomes_wh[1], becomes_wh[0], 3)
    assert (fitting == (10, 20, 30)).all()


def test_a_pixmap_has_the_pictures_size_and_colours() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 0] = 1, 2, 3
    assert ppm(image) == b"P6 3 2 255\n" + bytes([3, 2, 1]) + bytes(15)
    assert (cv2.imdecode(np.frombuffer(ppm(image), np.uint8), cv2.IMREAD_COLOR) == image).all()


@pytest.mark.parametrize("key", ["space", "n", "right", "return"])
def test_a_picture_stays_until_a_key_and_not_any_key(key: str) -> None:
    desk = Desk("", "", "shift_l", "x", "", key)
    viewer = viewer_of(desk)
    viewer.seen(a_picture())
    assert viewer.go_on()
    assert desk.looks == 6
    assert "a.jpg   1 face   n: next" in desk.words[0]


def test_what_is_seen_is_shown_with_the_faces_drawn_in() -> None:
    desk = Desk()
    viewer_of(desk).seen(a_picture())
    [picture] = desk.pictures
    assert picture.shape == (48 * 19, 64 * 19, 3)
    assert tuple(picture[10 * 19, 20 * 19]) == (210, 210, 210)


@pytest.mark.parametrize("key", ["q", "escape", CLOSED])
def test_who_leaves_sees_no_more(key: str) -> None:
    viewer = viewer_of(Desk(key))
    viewer.seen(a_picture())
    assert not viewer.go_on()
    assert viewer.left
    with pytest.raises(KeyboardInterrupt):
        viewer.idle(0.0)


def test_a_key_while_a_camera_is_away_is_heard() -> None:
    viewer = viewer_of(Desk("x", "q"))
    viewer.idle(1.0)
    with pytest.raises(KeyboardInterrupt):
        viewer.idle(1.0)


def test_a_file_keeps_its_own_pace() -> None:
    desk = Desk()
    assert play(viewer_of(desk), map(a_frame, range(20))) == 20
    assert desk.shown_at == pytest.approx([index / FPS for index in range(20)])


def test_without_a_pace_nothing_waits() -> None:
    desk = Desk()
    play(viewer_of(desk, paced=False), map(a_frame, range(20)))
    assert desk.shown_at == [0.0] * 20


def test_a_camera_has_its_own_pace_and_what_it_skips_is_said() -> None:
    desk = Desk()
    play(viewer_of(desk), [a_frame(index, live=True) for index in (7, 8, 12, 20)])
    assert desk.shown_at == [0.0] * 4
    assert "skipped" not in desk.words[1]
    assert "   3 frames skipped" in desk.words[2]
    assert "   10 frames skipped" in desk.words[3]


def test_a_slow_detector_shows_every_frame_and_says_how_late_it_is() -> None:
    desk = Desk()

    def slowly() -> Iterable[Seen]:
        for index in range(10):
            desk.now += 0.4
            yield a_frame(index)

    assert play(viewer_of(desk), slowly()) == 10
    assert desk.shown_at == pytest.approx([0.4 * index for index in range(1, 11)])
    assert "behind" not in desk.words[1]
    assert "   2.4 s behind its pace" in desk.words[-1]  # late by 0.3 s a frame; what is below 0.5 s is made up for


def test_space_pauses_and_n_goes_on_by_one() -> None:
    desk = Desk("", "space", "", "", "n", "", "n", "", "space")
    viewer = viewer_of(desk)
    assert play(viewer, map(a_frame, range(8))) == 8
    assert any("space: go on" in words for words in desk.words)
    assert "space: pause" in desk.words[-1]
    steps = np.diff(desk.shown_at)
    assert max(steps) < 1.0
    assert steps[-1] == steps[-2] == pytest.approx(1 / FPS)  # nothing is made up for
    assert all("behind" not in words for words in desk.words)


def test_a_long_pause_is_no_delay() -> None:
    desk = Desk("", "space", *[""] * 50, "space")
    play(viewer_of(desk), map(a_frame, range(6)))
    steps = np.diff(desk.shown_at)
    assert sum(steps > 5.0) == 1
    assert steps[-1] == pytest.approx(1 / FPS)
    assert all("behind" not in words for words in desk.words)


def test_the_next_footage_begins_anew() -> None:
    desk = Desk()
    viewer = viewer_of(desk)
    play(viewer, map(a_frame, range(3)))
    viewer.ended(Watched("clip.mp4", 3, 0.2, 64, 48, 0))
    play(viewer, map(a_frame, range(3)))
    viewer.failed(AnalyzeError(source="clip.mp4", error="torn"))
    play(viewer, map(a_frame, range(5, 8)))
    assert desk.shown_at == pytest.approx([0.0, 0.1, 0.2, 0.2, 0.3, 0.4, 0.4, 0.5, 0.6])
    assert all("skipped" not in words for words in desk.words)


def test_only_the_key_saves_and_where_is_said() -> None:
    desk, saved = Desk("x", "s", "n"), Saved()
    viewer = viewer_of(desk, saved)
    viewer.seen(a_picture())
    assert saved.pictures == []
    assert viewer.go_on()
    [picture] = saved.pictures
    assert picture is desk.pictures[0]
    assert saved.lines == ["saved a.jpg"]
    assert desk.words[-1].endswith("saved a.jpg")


def test_a_picture_that_cannot_be_saved_is_said_and_the_analysis_goes_on() -> None:
    def refuse(seen: Seen, drawn: Image) -> str:
        raise UsageError("a.jpg: cannot be written")

    lines: list[str] = []
    desk = Desk("s", "n")
    viewer = Viewer(desk, lambda face: [], refuse, tell=lines.append)
    viewer.seen(a_picture())
    assert viewer.go_on()
    assert lines == ["not saved: a.jpg: cannot be written"]


def test_a_key_before_the_first_picture_saves_nothing() -> None:
    saved = Saved()
    viewer = viewer_of(Desk("s", "space"), saved)
    viewer.idle(1.0)
    viewer.idle(1.0)
    viewer.seen(a_frame(0))
    assert viewer.go_on()
    assert saved.pictures == []


def test_saved_pictures_have_names_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    snapshots = Snapshots(None, read_addresses(["clip.mp4"]))
    names = [snapshots.save(seen, draw(0)) for seen in (a_picture(), a_picture(), a_frame(12))]
    assert names == ["a-faces.jpg", "a-faces-2.jpg", "clip-12.jpg"]
    assert cv2.imread("clip-12.jpg").shape == (48, 64, 3)


def test_they_lie_where_annotate_writes(tmp_path: Path) -> None:
    sources = read_addresses(["a.jpg"])
    assert Snapshots(tmp_path / "drawn", sources).save(a_picture(), draw(0)) == str(tmp_path / "drawn" / "a-faces.jpg")
    assert Snapshots(tmp_path / "out.mp4", sources).save(a_picture(), draw(0)) == str(tmp_path / "a-faces.jpg")


def test_no_picture_is_saved_among_the_sources(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path / "queue" / "drawn", read_addresses([str(tmp_path / "queue")]))
    with pytest.raises(UsageError, match="--view: would overwrite or mix with the source"):
        snapshots.save(a_picture(), draw(0))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="--annotate: would overwrite or mix with the source"):
        Drawings(tmp_path / "queue", read_addresses([str(tmp_path / "queue")]), lambda face: [])


@pytest.mark.parametrize(
    ("landmarks", "track_id", "says"),
    [
        (FRONTAL, 3, ["#3 watching"]),
        (AVERTED, 3, ["#3 looks away"]),
        (FRONTAL, None, ["watching"]),
        (None, 3, ["#3"]),
        (None, None, []),
    ],
)
def test_the_caption_says_track_and_attention(
    landmarks: list[tuple[float, float]] | None, track_id: int | None, says: list[str]
) -> None:
    face = Face(box=(0, 0, 112, 112), score=1.0, landmarks=landmarks, track_id=track_id, age=None, gender=None)
    assert live_caption(face, Attention()) == says
