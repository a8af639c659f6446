"""Files of truth: what is written is read back, what cannot be is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge.errors import BadInput
from edge.sensor.geometry import Box
from training.evaluation.counts.truth import Person, Truth, TruthFace
from training.evaluation.counts.truth_file import read_truth_file, truth_beside, write_truth_file

PERSON = {"id": 1, "intervals": [[0.5, 4.0]]}
ROW = [1, 10, 20, 50, 60, True]


def document(**changes: Any) -> dict[str, Any]:
    return {"schema": "passerby.truth/1", "people": [PERSON], **changes}


def read(folder: Path, content: object) -> Truth:
    path = folder / "truth.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_truth_file(path)


def test_a_truth_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    people = Person("a", ((0.5, 4.0), (6.0, 7.25)), "female", 33.0), Person("b", (), None, None, "65+")
    faces = (TruthFace(0, Box(1, 2, 30.5, 40), True), TruthFace(1, Box(-5, 0, 9, 8), False))
    whole = Truth(people, (faces, (), faces[:1]), 12.5, (640, 480))
    write_truth_file(tmp_path / "t.json", whole)
    assert read_truth_file(tmp_path / "t.json") == whole


def test_times_alone_are_enough(tmp_path: Path) -> None:
    assert read(tmp_path, document()) == Truth((Person("1", ((0.5, 4.0),)),))


def test_what_renderers_of_crowds_write_is_read(tmp_path: Path) -> None:
    people = [{"id": 0, "gender": "F", "s": 0.8, "t": [1, 2, 3, 4]}, {"id": 1, "gender": None, "s": 1, "t": []}]
    found = read(tmp_path, {"fps": 15, "people": people, "frames": [[[0, 1.5, 2, 30, 40, True]], []]})
    assert found.people == (Person("0", (), "female"), Person("1"))
    assert found.frames == ((TruthFace(0, Box(1.5, 2, 30, 40), True),), ())
    assert (found.fps, found.size_wh) == (15, None)


def test_the_truth_of_a_clip_lies_beside_it() -> None:
    assert truth_beside("scenes/one.mp4") == Path("scenes/one.mp4.json")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not a truth, got Input data was truncated, expected passerby.truth/1"),
        ([], "not a truth, got Expected `object`, got `array`"),
        ({"people": []}, "not a truth, got Object missing required field `schema`"),
        (document(schema="passerby.truth/2"), "not a truth, got Invalid enum value 'passerby.truth/2'"),
        (document(persons=[]), "not a truth, got Object contains unknown field `persons`"),
        (document(people=[{**PERSON, "gender": "F"}]), "not a truth, got Invalid enum value 'F'"),
        (document(people=[{**PERSON, "age": 200}]), "not a truth, got Expected `float` <= 120"),
        (document(fps=0), "not a truth, got Expected `float` > 0"),
        (document(people=[PERSON, {"id": "1", "intervals": [[1, 2]]}]), "person 1 is listed 2 times"),
        (document(people=[{"id": 1}]), "person 1 is never there, expected intervals, or frames with boxes"),
        (document(people=[{"id": 1, "intervals": [[3, 2]]}]), "person 1 has an interval that cannot be, got 3 to 2 s"),
        (document(people=[{"id": 1, "intervals": [[0, 3], [2, 4]]}]), "an interval that cannot be, got 2 to 4 s"),
        (document(people=[{"id": 1, "intervals": [[-1, 3]]}]), "an interval that cannot be, got -1 to 3 s"),
        (document(people=[{**PERSON, "bracket": "30-40"}]), "person 1 has an unknown bracket, got 30-40"),
        (document(width_px=640), "half a size, expected width_px and height_px, or neither"),
        (document(frames=[[], [[2, *ROW[1:]]]]), "frame 1 has a person who is not listed, got 2"),
        (document(frames=[[ROW, ROW]]), "frame 0 has person 1 twice"),
        (document(frames=[[[1, 50, 20, 10, 60, True]]]), "frame 0 has a box that cannot be, got [50.0, 20.0,"),
        (document(frames=[[ROW[:5]]]), "not a truth, got Expected `array` of length 6"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line_that_names_the_file(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith(f"{tmp_path / 'truth.json'}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_truth_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"clip\.mp4\.json: no truth, got No such file.*; give --truth"):
        read_truth_file(truth_beside(str(tmp_path / "clip.mp4")))
