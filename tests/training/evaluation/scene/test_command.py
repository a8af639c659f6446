"""`passerby evaluate scene` draws what `passerby evaluate counts` then counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from edge.errors import BadInput, UsageError
from tests.pictures.portraits import portrait_of_admiral, portrait_of_astronaut
from tests.training.sets import jpeg, scene, write_lines, write_tar
from training.evaluation.command import app
from training.evaluation.counts.truth_file import read_truth_file

pytestmark = pytest.mark.process


def evaluate(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_scene_of_one_person_is_counted_right(tmp_path: Path) -> None:
    clip = tmp_path / "scene.mp4"
    done = evaluate(
        "scene", clip, "--people", "1", "--seconds", "14", "--fps", "10", "--size", "640x360", "--seed", "4"
    )
    assert done.exit_code == 0, done.exception
    assert done.stdout == f"140 frames in {clip}, their truth in {clip}.json\n"
    counted = evaluate("counts", clip, "--json")
    assert counted.exit_code == 0, counted.exception
    (result,) = json.loads(counted.stdout)["clips"]
    assert (result["frames"], result["people"], result["visits"], result["ghosts"]) == (140, 1, 1, 0)
    assert result["idf1"] > 0.9
    assert result["gender"]["women_true"] == 1
    assert result["dwell"]["median_s"] < 1


def test_photographs_with_labels_give_people_with_gender_and_age(tmp_path: Path) -> None:
    people = {"a.jpg": portrait_of_astronaut(), "b.jpg": portrait_of_admiral(), "c.jpg": scene(5, 300)}
    tar = write_tar(tmp_path / "people.tar", {name: jpeg(image) for name, image in people.items()})
    labels = write_lines(tmp_path / "people.csv", ["path,age,gender", "a.jpg,36,F", "b.jpg,77,M", "c.jpg,20,M"])
    words = ("--people", "3", "--seconds", "1", "--fps", "2", "--size", "320x180")
    done = evaluate("scene", tmp_path / "scene.mp4", "--images", tar, "--labels", labels, *words)
    assert done.exit_code == 0, done.exception
    truth = read_truth_file(tmp_path / "scene.mp4.json")
    found = sorted((person.age or 0, person.gender) for person in truth.people)
    assert set(found) == {(36, "female"), (77, "male")}, "in the third photograph is no face"
    assert len(found) == 3
    assert "2 faces for 3 people" in done.stderr


def test_photographs_without_a_face_are_refused(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "walls.tar", {"a.jpg": jpeg(scene(1, 200))})
    done = evaluate("scene", tmp_path / "scene.mp4", "--images", tar)
    assert isinstance(done.exception, BadInput)
    assert "--images: no photograph with a face, got walls" in str(done.exception)


@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        ("scene.avi", (), "expected a name that ends in .mp4"),
        ("absent/scene.mp4", (), "no such folder"),
        ("scene.mp4", ("--size", "641x480"), "--size: no size, got 641x480"),
        ("scene.mp4", ("--size", "large"), "--size: no size, got large"),
    ],
)
def test_what_cannot_be_drawn_is_refused_at_once(tmp_path: Path, name: str, words: tuple[str, ...], says: str) -> None:
    done = evaluate("scene", tmp_path / name, *words)
    assert isinstance(done.exception, UsageError)
    assert says in str(done.exception)
    assert list(tmp_path.iterdir()) == []
