"""Labels of teachers: what they agree on is a face, what they do not is neither face nor background."""

from __future__ import annotations

import pytest

pytest.importorskip("skimage", reason="skimage is not installed (passerby[demo])")


from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from skimage.data import astronaut
from typer.testing import CliRunner

from edge.errors import BadInput, UsageError
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.geometry import Box
from edge.sensor.types import Detection, Image
from tests.training.drawn_scenes import draw_scene, scene_files
from tests.training.sets import jpeg, scene, write_lines, write_tar
from training.command import app
from training.data.boxes import LabelledFace
from training.data.scenes import load_all, load_scenes, save_scenes
from training.data.teachers import TaughtFace, Teacher, teach

pytestmark = pytest.mark.process

IMAGE = np.zeros((60, 80, 3), np.uint8)
POINTS = np.array([(12, 14), (20, 14), (16, 18), (13, 22), (19, 22)], np.float32)


class Seeing(NetworkDetector):
    """A detector that sees what it is told."""

    def __init__(self, faces: Sequence[Detection]) -> None:
        self._faces = faces

    def start(self, image: Image, picture_hw: tuple[int, int] | None = None) -> None:
        assert image is IMAGE

    def wait(self) -> Sequence[Detection]:
        return self._faces


def teacher(*faces: Detection, draws: bool = True) -> Teacher:
    return Teacher("teacher", Seeing(faces), draws)


def face(score: float, x: float = 10, *, points: bool = True) -> Detection:
    return Detection(Box(x, 10, x + 14, 26), score, POINTS + np.float32((x - 10, 0)) if points else None)


def taught(labels: Sequence[LabelledFace] | None, *teachers: Teacher) -> list[TaughtFace]:
    return teach(IMAGE, labels, teachers)


def test_what_two_teachers_see_is_a_face_with_their_mean() -> None:
    (found,) = taught(None, teacher(face(0.9)), teacher(face(0.6, x=12)))
    assert not found.ignored
    assert found.score == pytest.approx(0.75)
    assert found.box.as_xyxy() == (11, 10, 25, 26)
    assert np.allclose(found.points, POINTS + np.float32((1, 0)))


def test_one_unsure_teacher_alone_says_nothing_for_certain() -> None:
    (faint,) = taught(None, teacher(face(0.7)), teacher())
    (sure,) = taught(None, teacher(face(0.95)), teacher())
    assert faint.ignored
    assert not sure.ignored


def test_a_teacher_without_landmarks_confirms_but_does_not_draw() -> None:
    (found,) = taught(None, teacher(face(0.8)), teacher(face(0.8, x=11, points=False), draws=False))
    assert found.box == face(0.8).box
    (alone,) = taught(None, teacher(), teacher(face(0.99, points=False), draws=False))
    assert alone.ignored


def test_a_label_keeps_its_box_and_gets_landmarks() -> None:
    label = LabelledFace(Box(9, 9, 25, 27), "mask")
    (found,) = taught([label], teacher(face(0.9)))
    assert (found.box, found.score, found.state, found.ignored) == (label.box, 1.0, "mask", False)
    assert np.array_equal(found.points, POINTS)


def test_a_face_without_a_label_is_ignored_not_background() -> None:
    label = LabelledFace(Box(50, 30, 70, 55))
    found = taught([label], teacher(face(0.95)))
    assert [each.ignored for each in found] == [False, True]
    assert np.isnan(found[0].points).all()


def test_a_picture_labelled_as_empty_differs_from_one_without_labels() -> None:
    assert taught([], teacher(face(0.95)))[0].ignored
    assert not taught(None, teacher(face(0.95)))[0].ignored


def test_scenes_come_back_with_their_faces(tmp_path: Path) -> None:
    save_scenes([*scene_files([1, 2]), *scene_files([3], labelled=False)], tmp_path / "scenes.npz")
    loaded = load_scenes(tmp_path / "scenes.npz")
    assert list(loaded.labelled) == [True, True, False]
    assert list(loaded.sources) == ["drawn"] * 3
    for number, seed in enumerate((1, 2, 3)):
        image, faces = draw_scene(seed)
        assert np.abs(loaded.images[number].astype(int) - image).mean() < 4
        expected = np.array([each.box.as_xyxy() for each in faces], np.float32).reshape(-1, 4)
        assert np.array_equal(loaded.faces[number].boxes, expected)


@pytest.mark.shared
def test_the_command_labels_photographs_and_holds_some_out(tmp_path: Path, shared: Path) -> None:
    portrait = cv2.cvtColor(astronaut()[:300, 80:380], cv2.COLOR_RGB2BGR)
    photographs = write_tar(
        tmp_path / "plain.tar", {f"{n}.jpg": jpeg(each) for n, each in (("a", portrait), ("b", scene(1)))}
    )
    drawn = {f"{seed}.jpg": draw_scene(seed) for seed in (1, 2, 3, 4)}
    boxed = write_tar(tmp_path / "scenes.tar", {name: jpeg(image) for name, (image, _) in drawn.items()})
    rows = [f"{name},,{box.x_min},{box.y_min},{box.width},{box.height}"
            for name, (_, faces) in drawn.items() for box in (face.box for face in faces)]  # fmt: skip
    write_lines(tmp_path / "scenes.csv", ["path,class,x,y,w,h", *rows])
    words = ("scenes", "--boxes", boxed, "--photographs", photographs, "--out", tmp_path / "train.npz")
    done = CliRunner().invoke(app, [*map(str, words), "--held-out", str(tmp_path / "held.npz"), "--share", "0.5"])
    assert done.exit_code == 0, done.exception
    parts = [load_scenes(tmp_path / name) for name in ("train.npz", "held.npz")]
    assert sorted(source for part in parts for source in part.sources) == ["plain"] * 2 + ["scenes"] * 4
    assert [len(part) for part in parts] == [3, 3]
    pictures = [each for part in parts for each in zip(part.images, part.faces, part.sources, strict=True)]
    (found,) = (faces for image, faces, source in pictures if source == "plain" and len(image) == 300)
    assert len(found) == 1
    assert not found.ignored[0]
    assert 0.6 < found.scores[0] <= 1
    assert not np.isnan(found.points).any()
    assert sum(int((~faces.ignored).sum()) for part in parts for faces in part.faces) == len(rows) + 1


def test_a_box_outside_its_picture_is_left_out_and_counted(tmp_path: Path) -> None:
    boxed = write_tar(tmp_path / "scenes.tar", {"a.jpg": jpeg(scene(1))})
    write_lines(tmp_path / "scenes.csv", ["path,x,y,w,h", "a.jpg,10,10,30,30", "a.jpg,10,96,30,30"])
    words = ("scenes", "--boxes", str(boxed), "--teacher", "nano", "--out", str(tmp_path / "train.npz"))
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.exception
    assert "scenes: 1 left out, box is outside the picture (such as a.jpg)" in done.output
    (faces,) = load_scenes(tmp_path / "train.npz").faces
    assert faces.boxes[~faces.ignored].tolist() == [[10, 10, 40, 40]]


def test_no_scenes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no scenes given"):
        load_all([])
    (tmp_path / "text.npz").write_text("none")
    with pytest.raises(BadInput, match="expected a file of `passerby train scenes`"):
        load_scenes(tmp_path / "text.npz")
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(BadInput, match="expected a file of `passerby train scenes`"):
        load_scenes(tmp_path / "array.npy")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labelled": np.ones(1, np.bool_)}, "`labelled` does not fit the other columns, got shape (1,), expected 2"),
        ({"scores": np.ones(0, np.float32)}, "`scores` does not fit the other columns, got shape (0,)"),
        ({"file_ends": np.zeros(0, np.int64)}, "no picture in it"),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    save_scenes(scene_files([1, 2]), tmp_path / "scenes.npz")
    with np.load(tmp_path / "scenes.npz") as stored:
        np.savez(tmp_path / "changed.npz", **{**stored, **change})
    with pytest.raises(BadInput) as caught:
        load_scenes(tmp_path / "changed.npz")
    assert f"changed.npz: {said}" in str(caught.value)
