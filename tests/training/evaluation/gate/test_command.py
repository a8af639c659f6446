"""`passerby evaluate gate`: errors as the gate on quality closes, and answers to covered faces."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from edge.errors import UsageError
from edge.schemas.taxonomy import ADS_8
from edge.sensor.attributes.ages import bracket_map, spread
from edge.sensor.types import AttributeEstimate
from edge.sensor.visits.fusion import Fusion
from edge.workbench.labelled.samples import Sample
from tests.pictures.portraits import portrait_of_admiral, portrait_of_astronaut
from tests.training.sets import jpeg, scene, write_lines, write_tar
from training.evaluation.command import app
from training.evaluation.gate.retakes import CameraRange, retake
from training.evaluation.gate.scoring import GATES, cover_step, gate_curve

pytestmark = pytest.mark.process

FUSION = Fusion(ADS_8, bracket_map(None, ADS_8))
NOTHING = CameraRange((1, 1), (0, 0), (1, 1), (0, 0))


def look(quality: float, years: float, p_female: float) -> AttributeEstimate:
    genders = np.array([p_female, 1 - p_female], np.float32)
    return AttributeEstimate(spread(np.array([years], np.float32), 4.0)[0], genders, quality, years)


def test_errors_fall_as_the_gate_closes_where_poor_looks_err_more() -> None:
    samples = [Sample("s", str(index), 40.0, (40, 40), "female") for index in range(200)]
    qualities = np.linspace(0, 0.99, 200)
    looks = [look(float(q), 40 + 10 * (1 - float(q)), 0.2 if q < 0.3 else 0.9) for q in qualities]
    steps = gate_curve(samples, looks, FUSION)
    assert [step.gate for step in steps] == list(GATES)
    assert (steps[0].looks, steps[0].kept) == (200, 1.0)
    assert steps[0].mae_years == pytest.approx(5.05, abs=0.01)
    assert steps[0].gender_wrong == pytest.approx(0.3, abs=0.01)
    errors = [step.mae_years for step in steps if step.mae_years is not None]
    assert errors == sorted(errors, reverse=True)
    assert steps[10].gender_wrong == 0.0
    assert steps[10].kept == pytest.approx(0.5, abs=0.01)


def test_few_looks_have_no_share() -> None:
    samples = [Sample("s", "a", 40.0, (40, 40), "female")] * 5
    (first, *_) = gate_curve(samples, [look(0.5, 40, 0.9)] * 5, FUSION)
    assert (first.looks, first.mae_years, first.gender_wrong, first.gender_told) == (5, None, None, None)


def test_covered_faces_are_counted_as_not_seen_not_passed_not_told_or_told_wrongly() -> None:
    looks = [None, look(0.1, 40, 0.99), look(0.9, 40, 0.55), look(0.9, 40, 0.99), look(0.9, 40, 0.01)]
    step = cover_step("s", "mask", looks, FUSION, 0.25, np.ones(5, np.bool_))
    assert (step.faces, step.seen, step.passed) == (5, 0.8, pytest.approx(0.6))
    assert (step.told, step.told_wrong) == (pytest.approx(0.4), pytest.approx(0.2))
    assert cover_step("s", "mask", looks, FUSION, 0.25).told_wrong is None


def test_retaken_photographs_are_smaller_darker_and_seeded() -> None:
    image = scene(3, 96)
    assert (retake(image, np.random.default_rng(1), NOTHING) == image).all()
    far = CameraRange((0.25, 0.25), (0, 0), (0.5, 0.5), (0, 0))
    seen = retake(image, np.random.default_rng(1), far)
    assert seen.shape == (24, 24, 3)
    assert float(seen.mean()) == pytest.approx(float(image.mean()) / 2, rel=0.05)
    one, same, other = (retake(image, np.random.default_rng(seed), CameraRange()) for seed in (1, 1, 2))
    assert one.shape == same.shape and (one == same).all()
    assert one.shape != other.shape or (one != other).any()


def evaluate(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["gate", *(str(word) for word in words)])


def test_nothing_to_look_at_is_refused(tmp_path: Path) -> None:
    assert isinstance(evaluate().exception, UsageError)
    labelled = write_lines(tmp_path / "people.csv", ["path,age,gender", "a.jpg,40,F"])
    tar = write_tar(tmp_path / "people.tar", {"a.jpg": jpeg(scene(1))})
    refused = evaluate("--images", tar, "--labels", labelled, "--plot", tmp_path / "no" / "gate.png")
    assert isinstance(refused.exception, UsageError)


@pytest.mark.shared
def test_portraits_and_boxes_are_looked_at_with_a_real_model_set(shared: Path, tmp_path: Path) -> None:
    people = {
        "astronaut.jpg": jpeg(portrait_of_astronaut()),
        "admiral.jpg": jpeg(portrait_of_admiral()),
        "cut.jpg": b"",
    }
    tar = write_tar(tmp_path / "people.tar", people)
    write_lines(
        tmp_path / "people.csv", ["path,age,gender", "astronaut.jpg,40,F", "admiral.jpg,77,", "cut.jpg,,", "gone.jpg,,"]
    )
    boxed = write_tar(tmp_path / "boxes.tar", people)
    rows = [
        "astronaut.jpg,nomask,175,65,95,120",
        "admiral.jpg,mask,0,400,100,100",
        "cut.jpg,,,,,",
        "admiral.jpg,nomask,9000,0,99,99",
    ]
    write_lines(tmp_path / "boxes.csv", ["path,class,x,y,w,h", *rows])
    png = tmp_path / "gate.png"
    done = evaluate("--images", tar, "--boxes", boxed, "--model-set", "best", "--retakes", "3", "--plot", png, "--json")
    assert done.exit_code == 0, done.exception
    lines = done.stderr.splitlines()
    assert [line.partition(", ")[0].partition(" (")[0] for line in lines] == [
        f"passerby: {tmp_path / 'people.tar'}: 1 left out", "passerby: people: pictures skipped",
        "passerby: boxes: pictures skipped", "passerby: boxes: 1 left out",
    ]  # fmt: skip
    found = json.loads(done.stdout)
    steps = found["curves"]["people"]
    assert [step["gate"] for step in steps] == list(GATES)
    assert 3 <= steps[0]["looks"] <= 6
    covers = {(each["source"], each["state"]): each for each in found["covers"]}
    assert covers["people", "as they are"]["told_wrong"] == 0.0
    assert covers["people", "as they are"]["faces"] == 1
    assert covers["boxes", "nomask"]["seen"] == 1.0
    assert covers["boxes", "mask"]["seen"] == 0.0  # there is no face
    assert png.read_bytes().startswith(b"\x89PNG")
