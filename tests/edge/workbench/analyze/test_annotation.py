"""Drawing: what a person sees, and files that are whole or not there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import UsageError
from edge.schemas.analyze import Face, LineGender
from edge.schemas.vocabulary import GenderLabel
from edge.sensor.types import Image
from edge.settings.settings import Zone
from edge.workbench.analyze.annotation import (
    COLOURS,
    LEAST_SIDE_PX,
    VideoFile,
    annotate,
    frames_per_second,
    write_picture,
)
from edge.workbench.analyze.zone_drawing import OUTLINES

LARGE = np.zeros((900, 1200, 3), np.uint8)


def a_face(x: float = 400, y: float = 300, side: float = 100, label: GenderLabel = "female") -> Face:
    gender = LineGender(label=label, confidence=0.9, p_female=0.9)
    return Face(box=(x, y, x + side, y + side), score=0.9, landmarks=None, track_id=None, age=None, gender=gender)


def pixels_of(canvas: Image, colour: tuple[int, int, int]) -> int:
    return int((canvas == np.array(colour, np.uint8)).all(axis=2).sum())


def frame(index: int) -> Image:
    return np.full((48, 64, 3), index * 10, np.uint8)


def test_a_box_is_drawn_in_the_colour_of_its_label_and_the_image_stays_as_it_was() -> None:
    canvas = annotate(LARGE, [a_face()], [[]])
    assert tuple(canvas[300, 450]) == COLOURS["female"]
    assert tuple(canvas[350, 450]) == (0, 0, 0)
    assert LARGE.max() == 0


def test_landmarks_are_drawn() -> None:
    bare = Face(box=(0, 0, 400, 400), score=0.9, landmarks=None, track_id=None, age=None, gender=None)
    marked = Face(box=(0, 0, 400, 400), score=0.9, landmarks=[(200.0, 150.0)] * 5, track_id=None, age=None, gender=None)
    assert tuple(annotate(LARGE, [bare], [[]])[150, 200]) == (0, 0, 0)
    assert tuple(annotate(LARGE, [marked], [[]])[150, 200]) == COLOURS["unknown"]


def test_where_nobody_counts_it_is_dark_and_zones_have_outlines() -> None:
    grey = np.full((900, 1200, 3), 120, np.uint8)
    left = Zone(kind="area", points=((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
    corner = Zone(kind="ignore", points=((0.0, 0.0), (0.25, 0.0), (0.25, 0.25), (0.0, 0.25)))
    canvas = annotate(grey, [], [], [corner, left])
    assert [tuple(canvas[y, x]) for y, x in ((600, 300), (100, 900), (100, 150))] == [(120,) * 3, (40,) * 3, (40,) * 3]
    assert tuple(canvas[700, 600]) == OUTLINES["area"]
    assert tuple(canvas[100, 300]) == OUTLINES["ignore"]
    assert tuple(annotate(grey, [], [], [corner])[100, 900]) == (120,) * 3
    assert grey.min() == 120


def test_a_caption_covers_no_other_face() -> None:
    above, below = a_face(400, 180, label="male"), a_face(400, 300)
    alone = pixels_of(annotate(LARGE, [above], [[]]), COLOURS["male"])
    both = annotate(LARGE, [above, below], [[], ["female 90%", "25-34 71%"]])
    assert pixels_of(both, COLOURS["male"]) == alone


def test_a_caption_at_the_edge_stays_inside_the_picture() -> None:
    in_the_corner = annotate(LARGE, [a_face(1150, 0, 50)], [["female 90%"]])
    in_the_middle = annotate(LARGE, [a_face(600, 400, 50)], [["female 90%"]])
    corner, middle = pixels_of(in_the_corner, COLOURS["female"]), pixels_of(in_the_middle, COLOURS["female"])
    assert corner == pytest.approx(middle, rel=0.1)


def test_small_pictures_are_magnified_with_their_boxes() -> None:
    canvas = annotate(np.zeros((90, 120, 3), np.uint8), [a_face(40, 30, 10)], [[]])
    assert canvas.shape == (LEAST_SIDE_PX * 90 // 120, LEAST_SIDE_PX, 3)
    assert tuple(canvas[300, 450]) == COLOURS["female"]


def test_a_picture_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_picture(tmp_path / "out.png", frame(3))
    assert (cv2.imread(str(tmp_path / "out.png")) == frame(3)).all()
    with pytest.raises(UsageError, match="cannot be written"):
        write_picture(tmp_path / "no" / "out.png", frame(3))
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


@pytest.mark.parametrize("frames", [1, 4, 25])
def test_a_video_has_every_frame_at_the_rate_of_their_times(tmp_path: Path, frames: int) -> None:
    video = VideoFile(tmp_path / "out.mp4")
    for index in range(frames):
        video.add(frame(index % 20), index * 0.08)
    assert not (tmp_path / "out.mp4").exists()
    video.finish()
    capture = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == frames
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(12.5 if frames > 1 else 1)
    capture.release()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_a_video_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    video = VideoFile(tmp_path / "out.mp4")
    for index in range(20):
        video.add(frame(index), index * 0.1)
    video.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_video_without_a_frame_is_no_file(tmp_path: Path) -> None:
    VideoFile(tmp_path / "out.mp4").finish()
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    video = VideoFile(tmp_path / "no" / "out.mp4")
    video.add(frame(0), 0.0)
    with pytest.raises(UsageError, match="cannot be"):
        video.finish()


def test_times_that_stand_still_have_the_lowest_rate() -> None:
    assert frames_per_second([0.0, 0.0]) == 1
    assert frames_per_second([0.0, 1 / 30, 2 / 30]) == pytest.approx(30, abs=0.01)
