"""Readers of face boxes: what they give, and one line for what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.errors import BadInput
from edge.sensor.geometry import Box
from tests.training.sets import jpeg, scene, write_files, write_lines, write_tar
from training.data.box_readers import open_boxed
from training.data.boxes import BoxedPhotographs


def write_boxes(folder: Path, rows: Sequence[str], header: str = "path,class,x,y,w,h") -> Path:
    write_lines(folder / "scenes.csv", [header, *rows])
    return write_tar(folder / "scenes.tar", {name: jpeg(scene(seed)) for seed, name in enumerate(("a.jpg", "b.jpg"))})


def test_a_csv_gives_every_face_of_a_picture_and_its_state(tmp_path: Path) -> None:
    found = open_boxed(str(write_boxes(tmp_path, ["a.jpg,mask,1,2,30,40", "b.jpg,nomask,5,5,8,8", "a.jpg,,0,0,9,9"])))
    assert [sample.path for sample in found.samples] == ["a.jpg", "b.jpg"]
    assert [(face.box, face.state) for face in found.faces["a.jpg"]] == [
        (Box(1, 2, 31, 42), "mask"),
        (Box(0, 0, 9, 9), ""),
    ]
    assert found.read(found.samples[0]).shape == (96, 96, 3)


def test_a_row_without_numbers_is_a_picture_without_a_face(tmp_path: Path) -> None:
    found = open_boxed(str(write_boxes(tmp_path, ["a.jpg,,,,,", "b.jpg,,1,1,4,4"])))
    assert [len(found.faces[sample.path]) for sample in found.samples] == [0, 1]


def test_a_part_of_a_set_is_taken_evenly(tmp_path: Path) -> None:
    found = open_boxed(str(write_boxes(tmp_path, ["a.jpg,,1,1,4,4", "b.jpg,,1,1,4,4"])))
    assert [sample.path for sample in found.every_nth(1).samples] == ["a.jpg"]
    assert [sample.path for sample in found.every_nth(3).samples] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a.jpg,mask,1,2,wide,4", "scenes.csv:2: not a number"),
        ("a.jpg,mask,1,2,0,4", "box without area"),
        ("a.jpg,mask,nan,2,3,4", "scenes.csv:2: not a finite number, got nan 2 3 4"),
        ("a.jpg,mask,1,2,inf,4", "not a finite number"),
        ("a.jpg,hat,1,2,3,4", "unknown class"),
        ("a.jpg,mask,1,2,3", "as many cells as the header"),
    ],
)
def test_a_row_that_means_nothing_is_refused_with_its_line(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        open_boxed(str(write_boxes(tmp_path, [row])))


def test_pictures_without_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no labels beside the pictures"):
        open_boxed(str(write_tar(tmp_path / "alone.tar", {"a.jpg": jpeg(scene(1))})))


def test_a_folder_with_a_dot_has_labels_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_boxes(tmp_path, ["a.jpg,,1,1,4,4"])
    folder = write_files(tmp_path / "scenes.v2", {"a.jpg": jpeg(scene(1))})
    with pytest.raises(BadInput, match=r"expected .*scenes\.v2\.csv"):
        open_boxed(str(folder))
    write_lines(tmp_path / "scenes.v2.csv", ["path,x,y,w,h", "a.jpg,2,2,4,4"])
    monkeypatch.chdir(folder)
    for address in (".", str(tmp_path / "scenes.v2.csv")):
        assert open_boxed(address).faces["a.jpg"][0].box == Box(2, 2, 6, 6)


def wider(folder: Path, lines: Sequence[str]) -> BoxedPhotographs:
    pictures = {f"WIDER_val/images/{name}": jpeg(scene(seed)) for seed, name in enumerate(("0--P/x.jpg", "1--H/y.jpg"))}
    write_files(folder, pictures)
    return open_boxed(str(write_lines(folder / "wider_face_split" / "wider_face_val_bbx_gt.txt", lines)))


def test_wider_face_gives_boxes_and_ignores_what_it_calls_invalid(tmp_path: Path) -> None:
    faces = ["10 20 30 40 0 0 0 0 0 0", "1 1 9 9 2 0 0 1 2 0", "5 5 0 7 0 0 0 0 0 0"]
    found = wider(tmp_path, ["0--P/x.jpg", "3", *faces, "1--H/y.jpg", "0", "0 0 0 0 0 0 0 0 0 0"])
    assert [face.ignored for face in found.faces["0--P/x.jpg"]] == [False, True, True]
    assert found.faces["0--P/x.jpg"][0].box == Box(10, 20, 40, 60)
    assert found.faces["1--H/y.jpg"] == []
    assert len(found.samples) == 2


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["0--P/x.jpg", "2", "1 1 9 9 0 0 0 0 0 0"], "ends too early"),
        (["0--P/x.jpg", "many"], "no count of faces"),
        (["0--P/x.jpg", "1", "1 1 9 9"], "not a face of WIDER FACE"),
        (["0--P/x.jpg", "1", "1 1 nan 9 0 0 0 0 0 0"], "not a finite number"),
    ],
)
def test_a_torn_file_of_wider_face_is_refused(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        wider(tmp_path, lines)
