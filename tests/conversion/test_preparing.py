"""From files to a core, a reference and a manifest that the device can read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from conversion.caffe.network import read_network
from conversion.choosing import Wanted, choose
from conversion.options import NetworkOptions
from conversion.preparing import describe, prepare
from conversion.sources import start_from
from edge.catalog.manifests import MANIFEST, read_manifest, write_manifest
from edge.detection.detector import NetworkDetector
from edge.errors import ManifestError, UsageError
from edge.inference.opening import open_session
from edge.manifest import Manifest
from tests.conversion.caffe_files import opencv_outputs, write_network
from tests.conversion.pictures import portraits
from tests.conversion.test_caffe_real import SIDE, SSD_SHAPES, ssd

MODELS = Path(__file__).parents[2] / "models"
SCALE = 0.0078125
"""Keeps what random weights make of a picture small."""


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
