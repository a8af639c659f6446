"""The manifests that the project carries: each is valid, is used, fits the files of its makers and runs."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import numpy as np
import pytest

from edge.catalog.install import import_model
from edge.catalog.lookup import Catalog, open_catalog
from edge.catalog.manifest_file import read_manifest, read_sets, write_manifest
from edge.cli.schema import json_schema
from edge.sensor.attributes.estimator import DECODERS as ATTRIBUTE_DECODERS
from edge.sensor.detection.detector import DECODERS as DETECTION_DECODERS
from edge.sensor.imaging import TEMPLATES
from edge.sensor.inference.opening import KINDS, open_session
from tests.models.own_networks import own_networks
from tests.places import MODELS

pytestmark = pytest.mark.contract

IDS = sorted(file.parent.name for file in MODELS.glob("*/manifest.toml"))
OF_OTHERS = {".onnx", ".bin", ".xml", ".pb", ".pbtxt", ".caffemodel", ".prototxt", ".tflite"}
NOT_THERE = {*own_networks(), "levi-hassner-age", "levi-hassner-gender"}
"""Carried with the project, or too large for the shared material."""


@pytest.mark.parametrize("model_id", IDS)
def test_the_manifest_is_valid_and_written_back_equal(model_id: str, tmp_path: Path) -> None:
    manifest = read_manifest(MODELS / model_id / "manifest.toml")
    tree = json.loads(msgspec.json.encode(manifest))
    jsonschema.Draft202012Validator(json_schema("manifest-1")).validate(tree)
    copy = tmp_path / model_id / "manifest.toml"
    copy.parent.mkdir()
    copy.write_text(write_manifest(manifest))
    assert read_manifest(copy) == manifest


def test_a_tensor_that_two_words_read_is_asked_for_once() -> None:
    manifest = read_manifest(MODELS / "yunet-2023mar" / "manifest.toml")
    outputs = {"cls_8": "score", "obj_8": "score", "bbox_8": "box"}
    assert msgspec.structs.replace(manifest, outputs=outputs).tensor_names() == ("score", "box")


@pytest.mark.parametrize("model_id", IDS)
def test_the_manifest_names_a_decoder_and_a_template_that_exist(model_id: str) -> None:
    manifest = read_manifest(MODELS / model_id / "manifest.toml")
    decoders = DETECTION_DECODERS if manifest.task == "detection" else ATTRIBUTE_DECODERS
    assert manifest.decoder in decoders
    assert manifest.crop is None or manifest.crop.template in {"", *TEMPLATES}


def test_every_network_of_a_set_is_there_and_every_network_is_in_a_set() -> None:
    sets = read_sets(MODELS / "sets.toml").sets
    assert {"best", "tutorial"} <= set(sets)
    assert {name for each in sets.values() for name in (each.detector, *each.attributes)} == set(IDS)
    for each in sets.values():
        given = [word for name in each.attributes for word in read_manifest(MODELS / name / "manifest.toml").gives]
        assert sorted(given) == ["age", "gender"]


def test_no_file_of_others_is_carried() -> None:
    for model_id in IDS:
        if any(file.url for a in read_manifest(MODELS / model_id / "manifest.toml").artefacts for file in a.files):
            assert not [path for path in (MODELS / model_id).iterdir() if path.suffix in OF_OTHERS]


@pytest.mark.parametrize(
    "model_id", [each for each in IDS if each not in own_networks() and not each.startswith("levi-hassner")]
)
@pytest.mark.parametrize("how", ["in place", "installed"])
def test_the_makers_files_fit_and_run_on_a_grey_picture(model_id: str, how: str, shared: Path, tmp_path: Path) -> None:
    found = open_catalog({"PASSERBY_SHARED": str(shared)})
    catalog = Catalog(found.carried, tmp_path / "models", found.raw)
    if how == "installed":
        sources = [root for root in found.raw if (root / "yunet").is_dir() or (root / "cv2").is_dir()]
        source = sources[-1] / "cv2" / "data" if model_id == "haar-frontalface" else sources[0]
        import_model(catalog, model_id, source)
    located = catalog.locate(model_id)
    assert located.place == {"in place": "found", "installed": "installed"}[how]
    manifest = located.manifest
    runtime = next(name for name in ("openvino", "opencv") if {a.kind for a in manifest.artefacts} & set(KINDS[name]))
    opened = open_session(manifest, located.folder, [f"{runtime}:CPU"], threads=1)
    picture = np.full((1, *opened.input_hw, 3), 128, np.uint8)
    opened.session.start({manifest.input.name: picture})
    outputs = opened.session.wait()
    assert set(manifest.outputs.values()) <= set(outputs)
    assert all(np.isfinite(outputs[name]).all() for name in manifest.outputs.values())
    opened.session.close()
