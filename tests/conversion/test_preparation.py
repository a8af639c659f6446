"""From files to a core, a reference and a manifest that the device can read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest

from conversion.caffe.network import read_network
from conversion.choice import Wanted, choose, gate_like
from conversion.preparation import describe, made_from, prepare
from conversion.request.options import NetworkOptions
from conversion.request.recipe import Gate
from conversion.request.sources import start_from
from edge.catalog.manifest import Manifest
from edge.catalog.manifest_file import MANIFEST, read_manifest, write_manifest
from edge.errors import BadInput, ManifestError, UsageError
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.inference.opening import open_session
from tests.conversion.caffe.caffe_files import opencv_outputs, write_network
from tests.conversion.caffe.test_real_networks import SIDE, SSD_SHAPES, ssd
from tests.conversion.onnx.onnx_files import small_network
from tests.conversion.pictures import portraits
from tests.places import MODELS

pytestmark = pytest.mark.process

SCALE = 0.0078125
"""Keeps what random weights make of a picture small."""


AGE = """
input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 8 } }
layer { name: "fc" type: "InnerProduct" bottom: "c" top: "fc" inner_product_param { num_output: 8 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""
AGE_SHAPES = {"c": [(4, 3, 8, 8), (4,)], "fc": [(8, 4), (8,)]}


def small_age() -> Manifest:
    """Levi and Hassner's manifest at the size of the test's."""
    manifest = read_manifest(MODELS / "levi-hassner-age" / MANIFEST)
    port = msgspec.structs.replace(manifest.input, width_px=8, height_px=8)
    return msgspec.structs.replace(manifest, input=port)


def small_ssd() -> Manifest:
    """The catalog's SSD at the size of the test's."""
    res10 = read_manifest(MODELS / "res10" / MANIFEST)
    port = msgspec.structs.replace(res10.input, width_px=SIDE, height_px=SIDE, scale=SCALE)
    low = msgspec.structs.replace(res10.thresholds, score=0.6, low_score=0.5)  # type: ignore[type-var]
    return msgspec.structs.replace(res10, input=port, thresholds=low)


def test_an_ssd_from_caffe_runs_on_the_device_with_the_priors_of_its_own_layers(tmp_path: Path) -> None:
    files = write_network(tmp_path, ssd(), SSD_SHAPES)
    prepared = prepare(start_from("caffe", files, small_ssd(), "small-ssd"), tmp_path)
    manifest = prepared.manifest
    assert manifest.decoder == "ssd-heads"
    assert manifest.priors is not None
    assert [level.rows for level in manifest.priors.levels] == [8, 4]
    assert prepared.reference.kind == "onnx"
    assert set(manifest.made_from) == {"net.prototxt", "net.caffemodel"}

    found = msgspec.structs.replace(
        manifest, input=prepared.core.input, artefacts=(describe("onnx", [prepared.core.path]),)
    )
    detector = NetworkDetector(lambda hw: open_session(found, tmp_path, ["onnxruntime:CPU"], threads=1), found)
    image = np.ascontiguousarray(portraits(1)[0][:SIDE, :SIDE])
    detector.start(image)
    faces = detector.wait()
    mean = np.array((104, 177, 123), np.float32)[:, None, None]
    picture = (image.transpose(2, 0, 1)[None].astype(np.float32) - mean) * np.float32(SCALE)
    rows = opencv_outputs(*files, picture, ["detection_out"])["detection_out"].reshape(-1, 7)
    best = rows[rows[:, 2] >= 0.6][0]
    assert faces[0].score == pytest.approx(best[2], abs=1e-4)
    box = faces[0].box
    assert (box.x_min, box.y_min, box.x_max, box.y_max) == pytest.approx(best[3:] * SIDE, abs=1e-2)


def test_files_may_be_called_alike_and_end_in_txt(tmp_path: Path) -> None:
    text, weights = write_network(tmp_path, AGE, AGE_SHAPES)
    (tmp_path / "a").mkdir()
    one, other = tmp_path / "deploy.prototxt.txt", tmp_path / "a" / "deploy.prototxt.txt"
    text.rename(one)
    weights.rename(other)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    prepared = prepare(start_from("caffe", (one, other), small_age(), "small-age"), scratch)
    assert prepared.reference.kind == "caffe"
    assert set(prepared.manifest.made_from) == {f"{tmp_path.name}/deploy.prototxt.txt", "a/deploy.prototxt.txt"}


def test_outputs_that_the_decoder_cannot_read_are_refused_before_anything_is_built(tmp_path: Path) -> None:
    files = write_network(tmp_path, AGE.replace("num_output: 8", "num_output: 2"), AGE_SHAPES | {"fc": [(2, 4), (2,)]})
    with pytest.raises(BadInput, match=r"decoder adience.*got age \[1, 2\]; is --like"):
        prepare(start_from("caffe", files, small_age(), "small-age"), tmp_path)


def test_weights_beside_the_file_and_the_mean_are_named_too(tmp_path: Path) -> None:
    onnx.save(
        small_network(), str(tmp_path / "net.onnx"), save_as_external_data=True, location="net.weights",
        size_threshold=0,
    )  # fmt: skip
    (tmp_path / "mean").write_bytes(b"1")
    start = start_from("onnx", [tmp_path / "net.onnx"], small_ssd(), "own")
    assert set(made_from(dataclasses.replace(start, beside=(tmp_path / "mean",)))) == {
        "mean",
        "net.onnx",
        "net.weights",
    }


def test_an_own_network_of_age_only_is_not_asked_for_gender() -> None:
    manifest = msgspec.structs.replace(read_manifest(MODELS / "levi-hassner-age" / MANIFEST), id="own-age")
    assert gate_like(manifest) == Gate(most={"age_probs_mean": 0.006})
    both = read_manifest(MODELS / "nano-agegender" / MANIFEST)
    assert gate_like(msgspec.structs.replace(both, id="own")) == Gate(
        least={"gender_agreement": 0.98}, most={"age_years_mean": 0.5}
    )


def test_its_manifest_is_written_and_read_back_equal(tmp_path: Path) -> None:
    files = write_network(tmp_path, ssd(), SSD_SHAPES)
    manifest = prepare(start_from("caffe", files, small_ssd(), "small-ssd"), tmp_path).manifest
    file = tmp_path / "small-ssd" / MANIFEST
    file.parent.mkdir()
    file.write_text(write_manifest(manifest))
    assert read_manifest(file) == manifest


def test_raw_heads_without_priors_are_refused(tmp_path: Path) -> None:
    wrong = msgspec.structs.replace(small_ssd(), decoder="ssd-heads")
    file = tmp_path / "res10" / MANIFEST
    file.parent.mkdir()
    file.write_text(write_manifest(wrong))
    with pytest.raises(ManifestError, match="priors"):
        read_manifest(file)


@pytest.mark.shared
def test_the_mean_image_takes_the_place_of_the_manifests_mean(tmp_path: Path, shared: Path) -> None:
    files = write_network(tmp_path, ssd(), SSD_SHAPES)
    mean = shared / "models" / "levi-hassner" / "mean.binaryproto"
    start, gate, _ = choose(Wanted(NetworkOptions(caffe=files, like="res10", mean=mean)))
    assert start.manifest.input.mean == pytest.approx((78.4263, 87.7689, 114.8958), abs=1e-3)
    assert gate.least == {"recall": 0.98, "precision": 0.98}
    start, _, _ = choose(Wanted(NetworkOptions(onnx=files[0], like="ultraface-rfb-320", mean=mean)))
    assert start.manifest.input.colour == "RGB"
    assert start.manifest.input.mean == pytest.approx((114.8958, 87.7689, 78.4263), abs=1e-3)
    assert len(read_network(*files).layers) > 10


@pytest.mark.parametrize("size", ["320", "320x", "0x192", "321x192", "32000x32000"])
def test_a_size_that_the_network_cannot_have_is_refused(size: str, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.touch()
    with pytest.raises(UsageError, match="multiples of 32 px, at most 4096 a side"):
        choose(Wanted(NetworkOptions(onnx=file, like="yunet-n-320"), size=size))
    start, _, _ = choose(Wanted(NetworkOptions(onnx=file, like="yunet-n-320"), size="640x384"))
    assert (start.manifest.input.width_px, start.manifest.input.height_px) == (640, 384)
