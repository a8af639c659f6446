"""Fusing looks steadies answers, and the made-up looks are what they say they are."""

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
from edge.sensor.imaging import TEMPLATES
from edge.sensor.types import AttributeEstimate
from edge.sensor.visits.fusion import Fusion
from edge.workbench.labelled.samples import Sample
from tests.pictures.portraits import portrait_of_admiral, portrait_of_astronaut
from tests.training.sets import jpeg, scene, write_lines, write_tar
from training.evaluation.attributes.scoring import Bootstrap
from training.evaluation.command import app
from training.evaluation.visits.gain import LOOKS, TrackSteadiness, gains, over_tracks, steadiness
from training.evaluation.visits.pseudo_looks import Disturbance, disturb

pytestmark = pytest.mark.process

FUSION = Fusion(ADS_8, bracket_map(None, ADS_8))


def noisy_looks(count: int, years: float = 40, scatter: float = 6, seed: int = 1) -> list[AttributeEstimate]:
    """Looks at one face whose years and genders scatter."""
    random = np.random.default_rng(seed)
    said = years + random.normal(0, scatter, count)
    females = random.uniform(0.3, 0.9, count)
    ages = spread(said.astype(np.float32), 4.0)
    return [
        AttributeEstimate(row, np.array([f, 1 - f], np.float32), 1.0, float(y))
        for row, f, y in zip(ages, females, said, strict=True)
    ]


def test_the_scatter_of_fused_years_falls_with_the_root_of_looks() -> None:
    steps = steadiness(noisy_looks(200), FUSION, seed=1)
    assert [step.looks for step in steps] == list(LOOKS)
    for step in steps:
        assert step.years_sd == pytest.approx(6 / np.sqrt(step.looks), rel=0.2)
    flips = [step.gender_flips or 0.0 for step in steps]
    assert flips[0] > 0.15
    assert flips[-1] < flips[0] / 2


def test_equal_looks_never_flip() -> None:
    for step in steadiness(noisy_looks(1) * 20, FUSION, seed=1):
        assert (step.years_sd, step.band_flips, step.gender_flips) == (pytest.approx(0), 0, 0)


def test_faces_count_once_each_however_long_they_stayed() -> None:
    short, long = steadiness(noisy_looks(16, scatter=0), FUSION, 1), steadiness(noisy_looks(400), FUSION, 1)
    tracks = [TrackSteadiness(clip="c", face=i, looks=0, steps=steps) for i, steps in enumerate((short, long))]
    assert over_tracks(tracks)[0].years_sd == pytest.approx((long[0].years_sd or 0) / 2)


def test_photographs_with_labels_gain_from_more_looks() -> None:
    samples = [Sample("s", str(age), float(age), (age, age), "female") for age in range(20, 70)]
    looks = [noisy_looks(8, years=age, seed=age) for age in range(20, 70)]
    steps = gains(samples, looks, {ADS_8.name: FUSION}, Bootstrap(draws=20))
    errors = [step.measures.measures["mae_years"].value or 0.0 for step in steps]
    assert errors[0] == pytest.approx(6 * np.sqrt(2 / np.pi), rel=0.25)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 2


def test_an_undisturbed_look_is_the_chip_itself() -> None:
    chip, points = scene(3, 112), TEMPLATES["utkface-112"][1]
    nothing = Disturbance(0, 0, 0, (112, 112), (1, 1), (0, 0))
    seen, quality = disturb(chip, points, np.random.default_rng(1), nothing)
    assert np.abs(seen.astype(int) - chip).max() <= 1
    assert 0 < quality <= 0.5


def test_looks_differ_are_seeded_and_small_or_dark_ones_are_worth_less() -> None:
    chip, points = scene(3, 112), TEMPLATES["utkface-112"][1]
    one, again, other = (disturb(chip, points, np.random.default_rng(seed), Disturbance())[0] for seed in (1, 1, 2))
    assert (one == again).all()
    assert np.abs(one.astype(int) - other).mean() > 3
    still = Disturbance(0, 0, 0, (112, 112), (1, 1), (0, 0))
    small, dark = Disturbance(0, 0, 0, (32, 32), (1, 1), (0, 0)), Disturbance(0, 0, 0, (112, 112), (0.1, 0.1), (0, 0))
    random = np.random.default_rng(1)
    full = disturb(chip, points, random, still)[1]
    assert disturb(chip, points, random, small)[1] < full
    assert disturb(chip, points, random, dark)[1] < full


def evaluate(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["visits", *(str(word) for word in words)])


def test_nothing_to_look_at_is_refused() -> None:
    assert isinstance(evaluate().exception, UsageError)


@pytest.mark.shared
def test_clips_and_photographs_are_measured_with_a_real_network(shared: Path, tmp_path: Path) -> None:
    people = {"astronaut.jpg": jpeg(portrait_of_astronaut()), "admiral.jpg": jpeg(portrait_of_admiral())}
    tar = write_tar(tmp_path / "people.tar", people)
    labels = write_lines(tmp_path / "people.csv", ["path,age,gender", "astronaut.jpg,40,F", "admiral.jpg,77,"])
    clip = shared / "video" / "two-faces-768x432.h264"
    words = (clip, "--fps", "30", "--images", tar, "--labels", labels)
    done = evaluate(*words, "--json")
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert len(found["tracks"]) >= 2
    assert [step["looks"] for step in found["over_tracks"]] == list(LOOKS)
    assert found["over_tracks"][-1]["years_sd"] < found["over_tracks"][0]["years_sd"] / 1.5
    steps = found["photographs"]["people"]
    assert [step["looks"] for step in steps] == list(LOOKS)
    assert steps[-1]["measures"]["measures"]["gender_accuracy"] == {
        "value": 1.0, "low": 1.0, "high": 1.0, "photographs": 1,
    }  # fmt: skip
