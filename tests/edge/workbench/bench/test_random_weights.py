"""Random weights: OpenCV reads what is written, the same seed gives the same bytes, other files are refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import BadInput
from edge.workbench.bench.random_weights import read_layers, write_random_weights

PROTOTXT = """
name: "small"
input: "data"
input_dim: 1
input_dim: 3
input_dim: 21
input_dim: 21
layers {
  name: "conv1"
  type: CONVOLUTION
  bottom: "data"
  top: "conv1"
  convolution_param { num_output: 4 kernel_size: 5 stride: 2 pad: 1 }
}
layers{
  name: "relu1"
  type: RELU
  bottom: "conv1"
  top: "conv1"
}
layers {
  name: "pool1"
  type: POOLING
  bottom: "conv1"
  top: "pool1"
  pooling_param { pool: MAX kernel_size: 3 stride: 2 }
}
layers {
  name: "fc"
  type: INNER_PRODUCT
  bottom: "pool1"
  top: "fc"
  inner_product_param { num_output: 3 }
}
layers {
  name: "prob"
  type: SOFTMAX
  bottom: "fc"
  top: "prob"
}
"""


@pytest.fixture
def prototxt(tmp_path: Path) -> Path:
    file = tmp_path / "deploy.prototxt"
    file.write_text(PROTOTXT)
    return file


def test_shapes_follow_the_data_through_the_layers() -> None:
    assert [(layer.name, layer.shape) for layer in read_layers(PROTOTXT)] == [
        ("conv1", (4, 3, 5, 5)),
        ("fc", (1, 1, 3, 4 * 5 * 5)),  # 21 -> 10 -> 5, pooling rounds up
    ]


def test_opencv_reads_it_and_answers_with_probabilities(prototxt: Path, tmp_path: Path) -> None:
    weights = tmp_path / "random.caffemodel"
    write_random_weights(prototxt, weights, 1)
    network = cv2.dnn.readNetFromCaffe(str(prototxt), str(weights))
    rng = np.random.default_rng(0)
    answers = []
    for _ in range(2):
        network.setInput(rng.normal(size=(1, 3, 21, 21)).astype(np.float32), "data")
        answers.append(network.forward("prob").copy())
    assert answers[0].shape == (1, 3)
    assert answers[0].sum() == pytest.approx(1, abs=1e-5)
    assert np.abs(answers[0] - answers[1]).max() > 1e-3  # the weights are not zero


def test_the_same_seed_gives_the_same_file(prototxt: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_random_weights(prototxt, tmp_path / name, seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize("text", ["", "input_dim: 1\n", PROTOTXT.replace("type:", "kind:"), "\0" * 10])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.prototxt"
    file.write_text(text)
    with pytest.raises(BadInput, match="not a deploy prototxt"):
        write_random_weights(file, tmp_path / "out", 1)
    assert not (tmp_path / "out").exists()
