"""Networks of others: Levi and Hassner's shapes with seeded weights, UltraFace as it is, an SSD with its priors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conversion.caffe.convert import Converted, convert_caffe
from conversion.caffe.network import read_mean
from conversion.onnx.runtime import run
from edge.errors import BadInput
from edge.sensor.detection.ssd_heads import decode
from edge.workbench.bench.random_weights import write_random_weights
from tests.conversion.caffe.caffe_files import opencv_outputs, scale_weights, write_network

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


@pytest.mark.shared
@pytest.mark.parametrize("word", ["age", "gender"])
def test_levi_and_hassners_probabilities_are_opencvs_to_2e_6(word: str, shared: Path, tmp_path: Path) -> None:
    text, weights = shared / "models" / "levi-hassner" / f"{word}_deploy.prototxt", tmp_path / "net.caffemodel"
    write_random_weights(text, weights, seed=1)
    scale_weights(weights, "fc8", 0.02)
    model = convert_caffe(text, weights).model
    picture = np.random.default_rng(2).integers(0, 256, (1, 3, 227, 227)).astype(np.float32) - 100
    mine = run(model, {"data": picture}, "test")["prob"]
    assert 0.001 < mine.max() < 0.999
    assert np.abs(mine - opencv_outputs(text, weights, picture, ["prob"])["prob"]).max() < 2e-6


@pytest.mark.shared
def test_ultraface_gives_opencvs_boxes_and_scores(shared: Path) -> None:
    text, weights = (shared / "models" / "ultraface" / f"RFB-320.{kind}" for kind in ("prototxt", "caffemodel"))
    model = convert_caffe(text, weights).model
    generator = np.random.default_rng(2)
    for _ in range(3):
        picture = (generator.integers(0, 256, (1, 3, 240, 320)).astype(np.float32) - 127) / 128
        mine = run(model, {"input": picture}, "test")
        theirs = opencv_outputs(text, weights, picture, ["scores", "boxes"])
        assert np.abs(mine["scores"] - theirs["scores"]).max() < 1e-5
        assert np.abs(mine["boxes"] - theirs["boxes"]).max() < 5e-5


@pytest.mark.shared
def test_the_mean_of_levi_and_hassner_is_the_manifests(shared: Path) -> None:
    mean = read_mean(shared / "models" / "levi-hassner" / "mean.binaryproto")
    assert mean == pytest.approx((78.4263377603, 87.7689143744, 114.895847746), abs=1e-4)


SIDE = 64


def ssd(clip: bool = False) -> str:
    """Two levels of heads with priors of several sizes and ratios, joined as OpenCV's res10 does."""
    heads = "".join(_head(level, bottom, step, clip) for level, (bottom, step) in enumerate((("a", 8), ("b", 16))))
    return f"""
input: "data" input_shape {{ dim: 1 dim: 3 dim: {SIDE} dim: {SIDE} }}
layer {{ name: "ca" type: "Convolution" bottom: "data" top: "a"
        convolution_param {{ num_output: 4 kernel_size: 3 pad: 1 stride: 8 }} }}
layer {{ name: "cb" type: "Convolution" bottom: "a" top: "b"
        convolution_param {{ num_output: 4 kernel_size: 3 pad: 1 stride: 2 }} }}
{heads}
layer {{ name: "mbox_loc" type: "Concat" bottom: "loc0" bottom: "loc1" top: "mbox_loc" }}
layer {{ name: "mbox_conf" type: "Concat" bottom: "conf0" bottom: "conf1" top: "mbox_conf" }}
layer {{ name: "mbox_prior" type: "Concat" bottom: "prior0" bottom: "prior1" top: "mbox_prior"
        concat_param {{ axis: 2 }} }}
layer {{ name: "rows" type: "Reshape" bottom: "mbox_conf" top: "rows"
        reshape_param {{ shape {{ dim: 0 dim: -1 dim: 2 }} }} }}
layer {{ name: "soft" type: "Softmax" bottom: "rows" top: "soft" softmax_param {{ axis: 2 }} }}
layer {{ name: "flat" type: "Flatten" bottom: "soft" top: "mbox_conf_flatten" }}
layer {{ name: "detection_out" type: "DetectionOutput" bottom: "mbox_loc" bottom: "mbox_conf_flatten"
        bottom: "mbox_prior" top: "detection_out" include {{ phase: TEST }}
        detection_output_param {{ num_classes: 2 share_location: true background_label_id: 0
        nms_param {{ nms_threshold: 0.99 top_k: 500 }} code_type: CENTER_SIZE keep_top_k: 500
        confidence_threshold: 0.3 }} }}
"""


def _head(level: int, bottom: str, step: int, clip: bool) -> str:
    parts = ""
    for word, count in (("loc", 16), ("conf", 8)):
        name = f"{word}{level}"
        parts += f"""
layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}_raw"
        convolution_param {{ num_output: {count} kernel_size: 3 pad: 1 }} }}
layer {{ name: "{name}_p" type: "Permute" bottom: "{name}_raw" top: "{name}_p"
        permute_param {{ order: 0 order: 2 order: 3 order: 1 }} }}
layer {{ name: "{name}_f" type: "Flatten" bottom: "{name}_p" top: "{name}" flatten_param {{ axis: 1 }} }}
"""
    return f"""{parts}
layer {{ name: "prior{level}" type: "PriorBox" bottom: "{bottom}" bottom: "data" top: "prior{level}"
        prior_box_param {{ min_size: {step * 1.5} max_size: {step * 3} aspect_ratio: 2 flip: true
        clip: {str(clip).lower()} variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 step: {step} offset: 0.5 }} }}
"""


SSD_SHAPES = {
    "ca": [(4, 3, 3, 3), (4,)],
    "cb": [(4, 4, 3, 3), (4,)],
    **{f"loc{level}": [(16, 4, 3, 3), (16,)] for level in (0, 1)},
    **{f"conf{level}": [(8, 4, 3, 3), (8,)] for level in (0, 1)},
}


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(5).standard_normal((1, 3, SIDE, SIDE)).astype(np.float32)


def heads(converted: Converted) -> tuple[str, str]:
    assert converted.heads is not None
    return converted.heads.boxes, converted.heads.scores


@pytest.mark.parametrize("clip", [False, True], ids=["priors as they are", "clipped priors"])
def test_cut_heads_decode_to_the_boxes_that_opencv_finds(clip: bool, picture: np.ndarray, tmp_path: Path) -> None:
    text, weights = write_network(tmp_path, ssd(clip), SSD_SHAPES)
    converted = convert_caffe(text, weights)
    boxes, scores = heads(converted)
    assert (boxes, scores) == ("mbox_loc", "mbox_conf_flatten")
    outputs = run(converted.model, {"data": picture}, "test")
    named = {"boxes": outputs[boxes], "scores": outputs[scores]}
    assert converted.heads is not None
    found = decode(named, (SIDE, SIDE), 0.3, converted.heads.priors)
    rows = opencv_outputs(text, weights, picture, ["detection_out"])["detection_out"].reshape(-1, 7)
    rows = rows[rows[:, 2] >= 0.3]
    assert len(rows) > 50
    for row in rows:  # OpenCV has taken doubles out: each of its boxes is one of ours
        distance = np.abs(found.boxes - row[3:] * SIDE).max(axis=1) + np.abs(found.scores - row[2])
        assert distance.min() < 1e-3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [("step: 8 ", "step: 8 img_size: 300 ", "priors of another picture size"),
     ("clip: false variance: 0.1", "clip: false variance: 0.3", "layer prior1: other variances or clip")],
)  # fmt: skip
def test_priors_that_would_be_read_wrongly_are_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    text, weights = write_network(tmp_path, ssd().replace(old, new, 1), SSD_SHAPES)
    with pytest.raises(BadInput, match=said):
        convert_caffe(text, weights)


def test_priors_in_the_graph_are_opencvs(picture: np.ndarray, tmp_path: Path) -> None:
    body = ssd().split('layer { name: "rows"')[0]
    text, weights = write_network(tmp_path, body, SSD_SHAPES)
    mine = run(convert_caffe(text, weights).model, {"data": picture}, "test")["mbox_prior"]
    theirs = opencv_outputs(text, weights, picture, ["mbox_prior"])["mbox_prior"]
    assert np.abs(mine - theirs).max() < 1e-6
