"""Each Caffe layer as ONNX against OpenCV's own Caffe reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conversion.caffe.convert import convert_caffe
from conversion.caffe.network import read_network
from conversion.onnx.model_file import check
from conversion.onnx.runtime import run
from tests.conversion.caffe.caffe_files import Shapes, opencv_outputs, write_network

INPUT = 'input: "data" input_shape { dim: 1 dim: 4 dim: %d dim: %d }\n'


def layer(kind: str, params: str = "", *, bottoms: tuple[str, ...] = ("data",), top: str = "out") -> str:
    places = " ".join(f'bottom: "{name}"' for name in bottoms)
    return f'layer {{ name: "{top}_{kind}" type: "{kind}" {places} top: "{top}" {params} }}\n'


def name_of(kind: str, top: str = "out") -> str:
    return f"{top}_{kind}"


def compare(folder: Path, body: str, shapes: Shapes, hw: tuple[int, int] = (13, 11), output: str = "out") -> None:
    text, weights = write_network(folder, INPUT % hw + body, {"": [(1,)], **shapes})
    model = check(convert_caffe(text, weights).model, "test")
    values = np.random.default_rng(3).standard_normal((1, 4, *hw)).astype(np.float32)
    mine = run(model, {"data": values}, "test")[output]
    theirs = opencv_outputs(text, weights, values, [output])[output]
    assert mine.shape == theirs.shape
    assert np.abs(mine - theirs).max() < 2e-6 * max(1, np.abs(theirs).max())
    assert np.ptp(theirs) > 1e-3, "a constant output compares nothing"


CASES: dict[str, tuple[str, Shapes]] = {
    "convolution": (
        layer("Convolution", "convolution_param { num_output: 6 kernel_size: 3 pad: 1 stride: 2 }"),
        {"out_Convolution": [(6, 4, 3, 3), (6,)]},
    ),
    "convolution of one side each, dilated, without bias": (
        layer(
            "Convolution",
            "convolution_param { num_output: 6 kernel_h: 3 kernel_w: 2 stride_h: 1 stride_w: 2 pad_h: 2 pad_w: 0 "
            "dilation: 2 bias_term: false }",
        ),
        {"out_Convolution": [(6, 4, 3, 2)]},
    ),
    "convolution in groups": (
        layer("Convolution", "convolution_param { num_output: 8 kernel_size: 3 group: 4 }"),
        {"out_Convolution": [(8, 1, 3, 3), (8,)]},
    ),
    "fully connected": (
        layer("InnerProduct", "inner_product_param { num_output: 5 }"),
        {"out_InnerProduct": [(5, 4 * 13 * 11), (5,)]},
    ),
    "batch norm and scale in place": (
        layer("BatchNorm", "batch_norm_param { eps: 0.001 }")
        + layer("Scale", "scale_param { bias_term: true }", bottoms=("out",)),
        {"out_BatchNorm": [(4,), (4,), (1,)], "out_Scale": [(4,), (4,)]},
    ),
    "relu with a slope": (layer("ReLU", "relu_param { negative_slope: 0.1 }"), {}),
    "prelu": (layer("PReLU"), {"out_PReLU": [(4,)]}),
    "prelu of one slope": (layer("PReLU", "prelu_param { channel_shared: true }"), {"out_PReLU": [(1,)]}),
    "elu": (layer("ELU", "elu_param { alpha: 0.5 }"), {}),
    "sigmoid": (layer("Sigmoid"), {}),
    "tanh": (layer("TanH"), {}),
    "softmax": (layer("Softmax"), {}),
    "lrn": (layer("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 }"), {}),
    "max pooling, rounded up": (layer("Pooling", "pooling_param { pool: MAX kernel_size: 3 stride: 2 }"), {}),
    "max pooling, padded": (layer("Pooling", "pooling_param { pool: MAX kernel_size: 3 stride: 1 pad: 1 }"), {}),
    "max pooling, window begins beyond the padding": (
        layer("Pooling", "pooling_param { pool: MAX kernel_size: 2 stride: 2 pad: 1 }"),
        {},
    ),
    "average pooling, rounded up": (layer("Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 }"), {}),
    "average pooling, padded and rounded up": (
        layer("Pooling", "pooling_param { pool: AVE kernel_size: 4 stride: 3 pad: 1 }"),
        {},
    ),
    "global average": (layer("Pooling", "pooling_param { pool: AVE global_pooling: true }"), {}),
    "global maximum": (layer("Pooling", "pooling_param { pool: MAX global_pooling: true }"), {}),
    "weighted sum": (
        layer("ReLU", top="a") + layer("Eltwise", "eltwise_param { coeff: 0.5 coeff: -2 }", bottoms=("a", "data")),
        {},
    ),
    "product of three": (
        layer("ReLU", top="a")
        + layer("TanH", top="b")
        + layer("Eltwise", "eltwise_param { operation: PROD }", bottoms=("a", "data", "b")),
        {},
    ),
    "maximum": (
        layer("TanH", top="a") + layer("Eltwise", "eltwise_param { operation: MAX }", bottoms=("a", "data")),
        {},
    ),
    "concat along channels": (layer("TanH", top="a") + layer("Concat", bottoms=("a", "data")), {}),
    "concat along height": (
        layer("TanH", top="a") + layer("Concat", "concat_param { axis: 2 }", bottoms=("a", "data")),
        {},
    ),
    "power": (layer("Power", "power_param { power: 2 scale: 0.5 shift: 1 }"), {}),
    "flatten": (layer("Flatten"), {}),
    "reshape": (layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 11 } }"), {}),
    "permute": (layer("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }"), {}),
    "normalize": (
        layer("Normalize", "norm_param { across_spatial: false channel_shared: false }"),
        {"out_Normalize": [(4,)]},
    ),
    "slice and join in another order": (
        'layer { name: "cut" type: "Slice" bottom: "data" top: "a" top: "b" slice_param { slice_point: 1 } }\n'
        + layer("Concat", bottoms=("b", "a")),
        {},
    ),
    "dropout and split do nothing": (
        layer("Dropout", top="a") + layer("Split", bottoms=("a",), top="b") + layer("TanH", bottoms=("b",)),
        {},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_layer_gives_opencvs_numbers(case: str, tmp_path: Path) -> None:
    compare(tmp_path, *CASES[case])


@pytest.mark.parametrize("size", [(8, 8), (9, 12), (7, 10), (15, 6)])
@pytest.mark.parametrize(
    "window", ["kernel_size: 3 stride: 2", "kernel_size: 2 stride: 2", "kernel_size: 3 stride: 3 pad: 1"]
)
@pytest.mark.parametrize("pool", ["MAX", "AVE"])
def test_pooling_gives_opencvs_numbers_whatever_the_size(
    pool: str, window: str, size: tuple[int, int], tmp_path: Path
) -> None:
    compare(tmp_path, layer("Pooling", f"pooling_param {{ pool: {pool} {window} }}"), {}, size)


def test_pooling_rounded_up_is_written_as_same_padding_for_tflite(tmp_path: Path) -> None:
    text, weights = write_network(
        tmp_path, INPUT % (56, 56) + layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 }"), {"": [(1,)]}
    )
    (node,) = convert_caffe(text, weights).model.graph.node
    assert {attribute.name: attribute.s for attribute in node.attribute}["auto_pad"] == b"SAME_UPPER"


def test_blobs_of_16_bits_are_read(tmp_path: Path) -> None:
    body, shapes = CASES["convolution"]
    values = np.random.default_rng(3).standard_normal((1, 4, 13, 11)).astype(np.float32)
    text, weights = write_network(tmp_path, INPUT % (13, 11) + body, shapes, half=True)
    mine = run(convert_caffe(text, weights).model, {"data": values}, "test")["out"]
    theirs = opencv_outputs(text, weights, values, ["out"])["out"]
    assert np.abs(mine - theirs).max() < 2e-6 * np.abs(theirs).max()


def test_transposed_weights_are_turned(tmp_path: Path) -> None:
    """By hand: OpenCV does not read the flag."""
    body = layer("InnerProduct", "inner_product_param { num_output: 5 transpose: true bias_term: false }")
    text, weights = write_network(tmp_path, INPUT % (2, 3) + body, {"out_InnerProduct": [(24, 5)]})
    (weight,) = read_network(text, weights).layers[0].blobs
    values = np.random.default_rng(3).standard_normal((1, 4, 2, 3)).astype(np.float32)
    mine = run(convert_caffe(text, weights).model, {"data": values}, "test")["out"]
    assert np.allclose(mine, values.reshape(1, -1) @ weight, atol=1e-5)


def test_the_constant_of_a_response_normalisation_is_read(tmp_path: Path) -> None:
    """By hand: OpenCV does not read it."""
    body = layer("LRN", "lrn_param { local_size: 3 alpha: 0.6 beta: 0.75 k: 2 }")
    text, weights = write_network(tmp_path, INPUT % (2, 3) + body, {"": [(1,)]})
    values = np.random.default_rng(3).standard_normal((1, 4, 2, 3)).astype(np.float32)
    squares = np.pad(values**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    sums = squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]
    mine = run(convert_caffe(text, weights).model, {"data": values}, "test")["out"]
    assert np.allclose(mine, values / (2 + 0.2 * sums) ** 0.75, atol=1e-6)


OLD = """
input: "data" input_dim: 10 input_dim: 4 input_dim: 13 input_dim: 11
layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv" convolution_param { num_output: 6 kernel_size: 3 } }
layers { name: "relu" type: RELU bottom: "conv" top: "conv" }
layers { name: "drop" type: DROPOUT bottom: "conv" top: "conv" dropout_param { dropout_ratio: 0.5 } }
layers { name: "fc" type: INNER_PRODUCT bottom: "conv" top: "fc" inner_product_param { num_output: 3 } }
layers { name: "prob" type: SOFTMAX bottom: "fc" top: "prob" }
"""


def test_older_layers_with_a_batch_of_ten_become_a_network_of_one_picture(tmp_path: Path) -> None:
    shapes: Shapes = {"conv": [(6, 4, 3, 3), (6,)], "fc": [(3, 6 * 11 * 9), (3,)]}
    text, weights = write_network(tmp_path, OLD, shapes, old=True)
    model = convert_caffe(text, weights).model
    values = np.random.default_rng(3).standard_normal((1, 4, 13, 11)).astype(np.float32)
    mine = run(model, {"data": values}, "test")
    assert list(mine) == ["prob"]
    assert mine["prob"].shape == (1, 3)
    assert np.abs(mine["prob"] - opencv_outputs(text, weights, values, ["prob"])["prob"]).max() < 2e-6


def test_layers_of_the_training_are_left_out(tmp_path: Path) -> None:
    body = CASES["tanh"][0] + 'layer { name: "loss" type: "MyLoss" bottom: "out" top: "loss" include { phase: TRAIN } }'
    text, weights = write_network(tmp_path, INPUT % (5, 5) + body, {"": [(1,)]})
    assert [output.name for output in convert_caffe(text, weights).model.graph.output] == ["out"]


def part(kind: str, name: str, bottom: str, params: str) -> str:
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{name}" {params} }}\n'


def convolve(name: str, bottom: str, outputs: int, kernel: int, pad: int = 0) -> str:
    """A convolution with its ReLU in place, as classification networks have them."""
    params = f"convolution_param {{ num_output: {outputs} kernel_size: {kernel} pad: {pad} }}"
    in_place = f'layer {{ name: "{name}_relu" type: "ReLU" bottom: "{name}" top: "{name}" }}\n'
    return part("Convolution", name, bottom, params) + in_place


def test_a_small_googlenet_gives_opencvs_probabilities(tmp_path: Path) -> None:
    """Response normalisation, pooling rounded up, four branches joined, a mean over what is left."""
    body = (
        convolve("c1", "data", 8, 5, 2)
        + part("Pooling", "p1", "c1", "pooling_param { pool: MAX kernel_size: 3 stride: 2 }")
        + part("LRN", "n1", "p1", "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")
        + convolve("b1", "n1", 4, 1)
        + convolve("r3", "n1", 3, 1)
        + convolve("b3", "r3", 6, 3, 1)
        + convolve("r5", "n1", 2, 1)
        + convolve("b5", "r5", 3, 5, 2)
        + part("Pooling", "bp", "n1", "pooling_param { pool: MAX kernel_size: 3 stride: 1 pad: 1 }")
        + convolve("bpc", "bp", 3, 1)
        + layer("Concat", bottoms=("b1", "b3", "b5", "bpc"), top="joined")
        + part("Pooling", "mean", "joined", "pooling_param { pool: AVE kernel_size: 6 stride: 1 }")
        + part("Dropout", "drop", "mean", "dropout_param { dropout_ratio: 0.4 }")
        + part("InnerProduct", "fc", "drop", "inner_product_param { num_output: 8 }")
        + part("Softmax", "prob", "fc", "")
    )
    shapes: Shapes = {
        "c1": [(8, 4, 5, 5), (8,)], "b1": [(4, 8, 1, 1), (4,)], "r3": [(3, 8, 1, 1), (3,)],
        "b3": [(6, 3, 3, 3), (6,)], "r5": [(2, 8, 1, 1), (2,)], "b5": [(3, 2, 5, 5), (3,)],
        "bpc": [(3, 8, 1, 1), (3,)], "fc": [(8, 16), (8,)],
    }  # fmt: skip
    compare(tmp_path, body, shapes, (12, 12), "prob")
