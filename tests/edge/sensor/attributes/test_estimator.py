"""The estimator on scripted sessions: what each network is shown, and how its answers become one estimate a face."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from edge.catalog.manifest import Crop, Manifest
from edge.errors import InferenceError, ManifestError
from edge.sensor.attributes.estimator import NetworkEstimator
from edge.sensor.attributes.views import VIEWS, cut_face
from edge.sensor.geometry import Box
from edge.sensor.imaging import TEMPLATES
from edge.sensor.types import Detection, Image, Tensors
from tests.edge.sensor.inference.scripted import ScriptedSession

RNG = np.random.default_rng(5)
IMAGE: Image = RNG.integers(0, 256, (240, 320, 3), np.uint8)


def a_manifest(**changes: Any) -> Manifest:
    tree = {
        "schema": "passerby.manifest/1", "id": "net", "version": "1", "task": "attributes", "description": "",
        "licence": "", "source": "", "training_data": "", "decoder": "omz", "gives": ["age", "gender"],
        "artefacts": [{"kind": "onnx", "files": [{"path": "n", "sha256": "0" * 64, "size": 1}]}],
        "input": {"name": "data", "width_px": 48, "height_px": 62},
        "outputs": {"age": "age_conv3", "gender": "prob"},
        "crop": {"align": "landmarks", "template": "utkface-112"},
        "calibration": {"age_sigma_years": 9},
    }  # fmt: skip
    return msgspec.convert(tree | changes, Manifest)


def a_face(x: float, y: float, *, landmarks: bool = True) -> Detection:
    points = TEMPLATES["utkface-112"][1] + np.array((x, y), np.float32)
    return Detection(Box(x, y, x + 112, y + 112), 0.9, points if landmarks else None)


def answers(*years: float) -> Tensors:
    """To one picture for each of the years."""
    ages = np.array(years, np.float32).reshape(-1, 1, 1, 1) / 100
    genders = np.tile(np.array([0.75, 0.25], np.float32).reshape(1, 2, 1, 1), (len(years), 1, 1, 1))
    return {"age_conv3": ages, "prob": genders}


def alike(*years: float) -> Tensors:
    """To all views of a face of each of the years."""
    return answers(*(each for each in years for _ in VIEWS))


def test_a_network_that_answers_nan_is_an_error() -> None:
    session = ScriptedSession([alike(float("nan"))])
    estimator = NetworkEstimator([(a_manifest(), session)], max_batch=4)
    estimator.start(IMAGE, [a_face(20, 30)], [0.5])
    with pytest.raises(InferenceError, match="not numbers"):
        estimator.wait()


def test_each_face_is_cut_and_gets_its_own_estimate() -> None:
    session = ScriptedSession([alike(30, 50)])
    estimator = NetworkEstimator([(a_manifest(), session)], max_batch=8)
    faces = [a_face(20, 30), a_face(150, 60)]
    estimator.start(IMAGE, faces, [0.5, 0.75])
    first, second = estimator.wait()
    shown = session.seen[0]["data"]
    assert shown.shape == (2 * len(VIEWS), 62, 48, 3)
    assert shown.dtype == np.uint8
    assert first.age_years == pytest.approx(30, abs=1e-4)
    assert second.age_years == pytest.approx(50, abs=1e-4)
    assert (first.quality, second.quality) == (0.5, 0.75)
    assert first.age_probs is not None
    assert first.age_probs.argmax() == 30
    assert first.gender_probs is not None
    assert first.gender_probs.tolist() == [0.75, 0.25]


def test_the_template_s_square_is_shown_whole() -> None:
    shown = cut_face(IMAGE, a_face(100, 60), Crop(align="landmarks", template="utkface-112"), (112, 112))
    np.testing.assert_array_equal(shown, IMAGE[60:172, 100:212])


def test_a_face_without_landmarks_gets_the_square_round_its_box() -> None:
    crop = Crop(align="landmarks", template="utkface-112")
    shown = cut_face(IMAGE, a_face(100, 60, landmarks=False), crop, (112, 112))
    np.testing.assert_array_equal(shown, IMAGE[60:172, 100:212])


def test_a_margin_shows_more_round_a_box() -> None:
    shown = cut_face(IMAGE, a_face(100, 60), Crop(align="box", margin=0.25), (168, 168))
    np.testing.assert_array_equal(shown, IMAGE[32:200, 72:240])


def test_more_pictures_than_a_batch_holds_run_in_turns() -> None:
    years = [each for each in (20, 30, 40) for _ in VIEWS]
    session = ScriptedSession([answers(*years[:5]), answers(*years[5:10]), answers(*years[10:])])
    estimator = NetworkEstimator([(a_manifest(), session)], max_batch=5)
    estimator.start(IMAGE, [a_face(10 * i, 20) for i in range(3)], [1.0] * 3)
    assert [round(look.age_years or 0) for look in estimator.wait()] == [20, 30, 40]
    assert [len(seen["data"]) for seen in session.seen] == [5, 5, 2]


def test_views_that_disagree_make_a_look_less_sure_and_the_spread_tells() -> None:
    session = ScriptedSession([answers(20, 60, 20, 60), alike(40)])
    estimator = NetworkEstimator([(a_manifest(), session)], max_batch=4)
    looks = []
    for _ in range(2):
        estimator.start(IMAGE, [a_face(20, 30)], [1.0])
        looks += estimator.wait()
    torn, sure = looks
    assert torn.age_years == pytest.approx(40, abs=1e-4)
    assert sure.age_probs is not None
    assert torn.age_probs is not None
    assert torn.age_probs.max() < 0.6 * sure.age_probs.max()
    assert sure.age_spread == pytest.approx(0.0, abs=1e-6)
    assert 0.5 < torn.age_spread < np.log(2)


def test_two_networks_give_one_estimate_together() -> None:
    crop = {"align": "box", "margin": 0.15}
    age = a_manifest(decoder="adience", gives=["age"], taxonomy="adience-8", outputs={"age": "prob"}, crop=crop)
    gender = a_manifest(decoder="adience", gives=["gender"], outputs={"gender": "prob"}, crop=crop)
    ages = ScriptedSession([{"prob": np.eye(8, dtype=np.float32)[[4] * 4]}])
    genders = ScriptedSession([{"prob": np.array([[0.9, 0.1]] * 4, np.float32)}], target="opencv:CPU")
    estimator = NetworkEstimator([(age, ages), (gender, genders)], max_batch=4)
    estimator.start(IMAGE, [a_face(50, 50)], [1.0])
    [look] = estimator.wait()
    assert look.age_probs is not None
    assert look.age_probs.argmax() == 4
    assert look.gender_probs is not None
    assert look.gender_probs[1] == pytest.approx(0.9)
    assert look.age_years is None
    assert estimator.target == "fake:CPU"
    estimator.close()
    assert ages.closed
    assert genders.closed


def test_a_network_for_gender_alone_says_nothing_of_age() -> None:
    manifest = a_manifest(decoder="adience", gives=["gender"], outputs={"gender": "prob"})
    session = ScriptedSession([{"prob": np.array([[0.5, 0.5]] * 4, np.float32)}])
    estimator = NetworkEstimator([(manifest, session)], max_batch=4)
    estimator.start(IMAGE, [a_face(50, 50)], [1.0])
    assert estimator.wait()[0].age_probs is None


def test_no_faces_ask_no_network() -> None:
    session = ScriptedSession([alike(30)])
    estimator = NetworkEstimator([(a_manifest(), session)], max_batch=4)
    estimator.start(IMAGE, [a_face(50, 50)], [1.0])
    estimator.wait()
    estimator.start(IMAGE, [], [])
    assert estimator.wait() == []
    assert len(session.seen) == 1


def test_wait_without_start_is_an_error() -> None:
    with pytest.raises(InferenceError, match="wait without start"):
        NetworkEstimator([(a_manifest(), ScriptedSession([]))]).wait()


@pytest.mark.parametrize("changes", [{"decoder": "yunet"}, {"crop": None}])
def test_a_manifest_of_another_kind_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ManifestError, match="not an attribute network"):
        NetworkEstimator([(a_manifest(**changes), ScriptedSession([]))])
