"""retail-0013 on the validation chips of UTKFace: whole chips through the estimator, as `--aligned` gives them."""

from __future__ import annotations

import csv
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.catalog.lookup import Catalog, open_catalog
from edge.schemas.taxonomy import ADS_8
from edge.sensor.attributes.ages import bracket_map
from edge.sensor.attributes.estimator import NetworkEstimator
from edge.sensor.geometry import Box
from edge.sensor.imaging import TEMPLATES
from edge.sensor.inference.opening import open_session
from edge.sensor.types import FEMALE, AttributeEstimate, Detection, Image

pytestmark = pytest.mark.golden

FACES = 600
BATCH = 8


@pytest.fixture(scope="module")
def chips(shared: Path) -> list[tuple[Image, int, bool]]:
    """Every sixth chip of ages 18 to 75: image, age, whether female."""
    with (shared / "data" / "utkface-val.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if 18 <= int(row["age"]) <= 75][::6][:FACES]
    with tarfile.open(shared / "data" / "utkface-val.tar") as tar:
        return [(_read(tar, row["path"]), int(row["age"]), row["gender"] == "F") for row in rows]


def _read(tar: tarfile.TarFile, path: str) -> Image:
    member = tar.extractfile(path)
    assert member is not None
    return cv2.imdecode(np.frombuffer(member.read(), np.uint8), cv2.IMREAD_COLOR)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def estimator(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> NetworkEstimator:
    found = open_catalog({"PASSERBY_SHARED": str(shared)})
    catalog = Catalog(found.carried, tmp_path_factory.mktemp("models"), found.raw)
    located = catalog.locate("age-gender-recognition-retail-0013")
    opened = open_session(located.manifest, located.folder, ["openvino:CPU"], threads=1, max_batch=BATCH)
    return NetworkEstimator([(located.manifest, opened.session)], max_batch=BATCH)


def _estimate(estimator: NetworkEstimator, image: Image, face: Detection) -> AttributeEstimate:
    estimator.start(image, [face], [1.0])
    [look] = estimator.wait()
    return look


def _errors(looks: list[AttributeEstimate], chips: list[tuple[Image, int, bool]]) -> tuple[float, float]:
    """Mean absolute error in years, share of right genders."""
    years = [abs((look.age_years or 0) - age) for look, (_, age, _) in zip(looks, chips, strict=True)]
    right = [
        (look.gender_probs is not None and look.gender_probs[FEMALE] > 0.5) == female
        for look, (_, _, female) in zip(looks, chips, strict=True)
    ]
    return float(np.mean(years)), float(np.mean(right))


def test_whole_chips_are_judged_as_well_as_measured(
    estimator: NetworkEstimator, chips: list[tuple[Image, int, bool]]
) -> None:
    whole = [_estimate(estimator, image, Detection(Box(0, 0, 112, 112), 1.0)) for image, _, _ in chips]
    mae, accuracy = _errors(whole, chips)
    assert mae < 8.2
    assert accuracy > 0.93


def test_the_aligned_crop_is_the_whole_chip(estimator: NetworkEstimator, chips: list[tuple[Image, int, bool]]) -> None:
    points = TEMPLATES["utkface-112"][1]
    for image, _, _ in chips[:20]:
        whole = _estimate(estimator, image, Detection(Box(0, 0, 112, 112), 1.0))
        aligned = _estimate(estimator, image, Detection(Box(20, 20, 90, 100), 1.0, points))
        assert aligned.age_years == pytest.approx(whole.age_years, abs=0.05)


def test_a_tighter_crop_costs_the_gender_that_the_margin_of_the_manifest_keeps(
    estimator: NetworkEstimator, chips: list[tuple[Image, int, bool]]
) -> None:
    tight = [_estimate(estimator, image, Detection(Box(20, 20, 92, 92), 1.0)) for image, _, _ in chips]
    assert _errors(tight, chips)[1] < 0.85


def test_the_confidence_in_a_bracket_is_the_share_of_right_brackets(
    estimator: NetworkEstimator, chips: list[tuple[Image, int, bool]]
) -> None:
    to_brackets = bracket_map(None, ADS_8)
    looks = [_estimate(estimator, image, Detection(Box(0, 0, 112, 112), 1.0)) for image, _, _ in chips]
    brackets = to_brackets(np.stack([look.age_probs for look in looks if look.age_probs is not None]))
    right = [probs.argmax() == ADS_8.bracket_of(age) for probs, (_, age, _) in zip(brackets, chips, strict=True)]
    assert abs(float(brackets.max(axis=1).mean()) - float(np.mean(right))) < 0.06
