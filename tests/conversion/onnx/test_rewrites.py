"""Rewrites of a core's graph keep its numbers and get rid of what a target cannot have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from conversion.onnx.baking import bake
from conversion.onnx.core import channels_first, read_core
from conversion.onnx.dense import convolve_dense_layers
from conversion.onnx.halving import halve_weights
from conversion.onnx.model_file import check, read_model, shape_of
from conversion.onnx.normalisation import decompose_normalisation
from conversion.onnx.pooling import pool_means, say_padding
from conversion.onnx.runtime import open_network
from edge.catalog.manifest import Input
from edge.errors import BadInput
from tests.conversion.jobs import answers_of, core_at
from tests.conversion.networks import Drawing, draw_levi_hassner

pytestmark = pytest.mark.process


def run(model: onnx.ModelProto, values: np.ndarray) -> list[np.ndarray]:
    return list(open_network(model, "test")({model.graph.input[0].name: values}).values())


def noise(*shape: int, seed: int = 0, low: float = 0.0, high: float = 255.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def taken(model: onnx.ModelProto) -> Input:
    """What a network takes that prepares BGR pixels by itself."""
    port = model.graph.input[0]
    _, _, height, width = shape_of(port)
    return Input(name=port.name, height_px=height, width_px=width)


def operations(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


def draw_lrn(channels: int, **attributes: float) -> onnx.ModelProto:
    drawing = Drawing(0)
    drawing.add("LRN", ["x"], "y", **attributes)
    return drawing.model("x", (1, channels, 4, 5), {"y": (1, channels, 4, 5)})


@pytest.mark.parametrize("beta", [0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize(
    ("channels", "size", "alpha", "bias"), [(8, 5, 1e-4, 1.0), (3, 5, 2.0, 0.5), (7, 3, 0.5, 2.0), (6, 1, 1e-2, 1.0)]
)
def test_decomposed_normalisation_gives_the_numbers_of_lrn(
    channels: int, size: int, alpha: float, bias: float, beta: float
) -> None:
    model = draw_lrn(channels, size=size, alpha=alpha, beta=beta, bias=bias)
    rewritten = decompose_normalisation(model)
    assert "LRN" not in operations(rewritten)
    values = noise(1, channels, 4, 5, low=-100)
    np.testing.assert_allclose(run(rewritten, values)[0], run(model, values)[0], rtol=2e-5, atol=1e-6)


def test_an_exponent_that_has_no_form_is_refused_by_its_number() -> None:
    with pytest.raises(BadInput, match=r"LRN LRN_y .*got beta 0\.6.*0\.75"):
        decompose_normalisation(draw_lrn(4, size=5, alpha=1e-4, beta=0.6))


def draw_pool(side: int, *, kernel: int, stride: int, non_negative: bool, **attributes: object) -> onnx.ModelProto:
    drawing = Drawing(0)
    source = drawing.add("Relu", ["x"], "r") if non_negative else "x"
    drawing.add("MaxPool", [source], "y", kernel_shape=[kernel] * 2, strides=[stride] * 2, **attributes)
    made = run(drawing.model("x", (1, 2, side, side), {"y": ("h",) * 4}), np.zeros((1, 2, side, side), np.float32))[
        0
    ].shape
    return drawing.model("x", (1, 2, side, side), {"y": made})


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "pads", "ceil"),
    [(56, 3, 2, 0, 1), (55, 3, 2, 0, 1), (12, 2, 2, 0, 0), (112, 3, 2, 1, 0), (13, 3, 1, 1, 0), (9, 4, 3, 1, 1)],
)
def test_pooling_behind_a_relu_keeps_its_numbers_without_padding_by_infinity(
    side: int, kernel: int, stride: int, pads: int, ceil: int
) -> None:
    model = draw_pool(side, kernel=kernel, stride=stride, non_negative=True, pads=[pads] * 4, ceil_mode=ceil)
    rewritten = say_padding(model)
    values = noise(1, 2, side, side, low=-255)
    np.testing.assert_array_equal(run(rewritten, values)[0], run(model, values)[0])
    (pool,) = (node for node in rewritten.graph.node if node.op_type == "MaxPool")
    assert {attribute.name for attribute in pool.attribute} <= {"kernel_shape", "strides", "auto_pad"}


def test_same_padding_is_said_for_negative_numbers_too_and_other_padding_is_left() -> None:
    same = draw_pool(56, kernel=3, stride=2, non_negative=False, ceil_mode=1)
    rewritten = say_padding(same)
    values = noise(1, 2, 56, 56, low=-255, high=-1)
    np.testing.assert_array_equal(run(rewritten, values)[0], run(same, values)[0])
    assert rewritten.graph.node[0].attribute[-1].s == b"SAME_UPPER"
    both_sides = draw_pool(12, kernel=3, stride=2, non_negative=False, pads=[1] * 4)
    assert say_padding(both_sides).graph.node == both_sides.graph.node


def draw_prepared(pad: int, steps: list[tuple[str, object]]) -> onnx.ModelProto:
    drawing, name = Drawing(3), "x"
    for index, (op, values) in enumerate(steps):
        constant = drawing.constant(f"c{index}", np.array(values))
        name = drawing.add(op, [name, constant], f"s{index}", **({"axis": 1} if op == "Gather" else {}))
    drawing.add("Conv", [name, drawing.draw("w", (4, 3, 3, 3)), drawing.draw("b", (4,))], "y", pads=[pad] * 4)
    side = 6 + 2 * pad
    return drawing.model("x", (1, 3, 8, 8), {"y": (1, 4, side, side)})


PER_CHANNEL = np.array([104, 117, 123], np.float32).reshape(1, 3, 1, 1)


@pytest.mark.parametrize("pad", [0, 1])
@pytest.mark.parametrize(
    ("steps", "left"),
    [
        ([("Gather", [2, 1, 0])], {"Conv"}),
        ([("Gather", [2, 1, 0]), ("Sub", PER_CHANNEL), ("Mul", np.float32(1 / 128))], {"Sub", "Conv"}),
        ([("Div", np.float32(255)), ("Add", -PER_CHANNEL / 255), ("Gather", [2, 0, 1])], {"Sub", "Conv"}),
    ],
)
def test_colours_and_scale_are_folded_into_the_first_convolution(
    pad: int, steps: list[tuple[str, object]], left: set[str]
) -> None:
    model = draw_prepared(pad, steps)
    rewritten = bake(model, taken(model))
    assert operations(rewritten) == left
    values = noise(1, 3, 8, 8)
    expected = run(model, values)[0]
    np.testing.assert_allclose(run(rewritten, values)[0], expected, atol=1e-5 * np.abs(expected).max())


def test_a_picture_that_two_layers_read_is_left_as_it_is() -> None:
    drawing = Drawing(0)
    scaled = drawing.add("Mul", ["x", drawing.constant("c", np.array(2, np.float32))], "scaled")
    first = drawing.add("Conv", [scaled, drawing.draw("w", (3, 3, 1, 1))], "first")
    drawing.add("Add", [scaled, first], "y")
    model = drawing.model("x", (1, 3, 4, 4), {"y": (1, 3, 4, 4)})
    assert bake(model, taken(model)).graph.node == model.graph.node


@pytest.mark.parametrize("dense", ["Gemm", "Gemm turned", "MatMul"])
def test_a_dense_layer_over_a_map_becomes_a_convolution(dense: str) -> None:
    drawing = Drawing(5)
    flat = drawing.add("Flatten", ["x"], "flat", axis=1)
    if dense == "Gemm":
        drawing.add("Gemm", [flat, drawing.draw("w", (7, 24)), drawing.draw("b", (7,))], "y", transB=1)
    elif dense == "Gemm turned":
        drawing.add("Gemm", [flat, drawing.draw("w", (24, 7))], "y")
    else:
        drawing.add("MatMul", [flat, drawing.draw("w", (24, 7))], "y")
    model = drawing.model("x", (1, 2, 3, 4), {"y": (1, 7)})
    rewritten = convolve_dense_layers(model)
    assert operations(rewritten) == {"Conv", "Reshape"}
    values = noise(1, 2, 3, 4, high=1)
    np.testing.assert_allclose(run(rewritten, values)[0], run(model, values)[0], atol=1e-5)


def test_all_rewrites_together_keep_a_whole_network() -> None:
    model = draw_levi_hassner(8, seed=1)
    rewritten = decompose_normalisation(convolve_dense_layers(say_padding(bake(model, taken(model)))))
    assert not operations(rewritten) & {"LRN", "Flatten"}
    pictures = np.random.default_rng(0).integers(0, 256, (2, 227, 227, 3), dtype=np.uint8)
    for picture in pictures:
        np.testing.assert_allclose(
            run(rewritten, channels_first(picture[None]))[0], run(model, channels_first(picture[None]))[0], atol=2e-6
        )


def test_a_core_is_read_and_run(tmp_path: Path) -> None:
    path = tmp_path / "core.onnx"
    onnx.save(draw_levi_hassner(2, seed=1), path)
    core = core_at(path)
    assert (core.input.name, core.hw, core.outputs) == ("data", (227, 227), ("prob",))
    probs = answers_of(path, np.zeros((3, 227, 227, 3), np.uint8))["prob"]
    assert probs.shape == (3, 2)
    np.testing.assert_allclose(probs.sum(axis=1), np.ones(3), atol=1e-6)


def test_what_is_no_core_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "core.onnx"
    for content, reason in ((b"\x00\xff not protobuf", "not an ONNX file"), (b"", "the file is empty")):
        path.write_bytes(content)
        with pytest.raises(BadInput, match=reason) as caught:
            read_core(path)
        assert "\n" not in str(caught.value)
    drawing = Drawing(0)
    drawing.add("Relu", ["x"], "y")
    onnx.save(drawing.model("x", (1, 8, 8, 3), {"y": (1, 8, 8, 3)}), path)
    with pytest.raises(BadInput, match="one float32 input 1, 3, H, W"):
        read_core(path)
    with pytest.raises(BadInput, match="cannot be read, got No such file"):
        read_model(tmp_path / "absent.onnx")


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", [[2, 3], [-1, -2]])
def test_a_mean_over_the_picture_becomes_a_pooling(axes: list[int], keepdims: int) -> None:
    drawing = Drawing(0)
    drawing.add("ReduceMean", ["x", drawing.constant("axes", np.array(axes))], "y", keepdims=keepdims)
    model = drawing.model("x", (1, 5, 8, 6), {"y": (1, 5, 1, 1) if keepdims else (1, 5)}, opset=18)
    pooled = check(pool_means(model), "pooled")
    assert "ReduceMean" not in operations(pooled)
    pixels = noise(1, 5, 8, 6)
    np.testing.assert_allclose(run(pooled, pixels)[0], run(model, pixels)[0], rtol=1e-5)


def test_another_mean_stays() -> None:
    drawing = Drawing(0)
    drawing.add("ReduceMean", ["x", drawing.constant("axes", np.array([1]))], "y", keepdims=1)
    model = drawing.model("x", (1, 5, 8, 6), {"y": (1, 1, 8, 6)}, opset=18)
    assert operations(pool_means(model)) == {"ReduceMean"}


def test_weights_that_16_bits_hold_are_stored_in_16_bits() -> None:
    rng = np.random.default_rng(8)
    exact, other = rng.normal(size=(2, 16, 16, 3, 3)).astype(np.float16).astype(np.float32)
    other[0, 0, 0, 0] = 1e-9
    drawing = Drawing(0)
    drawing.add("Conv", ["x", drawing.constant("exact", exact)], "between", pads=[1] * 4)
    drawing.add("Conv", ["between", drawing.constant("other", other)], "y", pads=[1] * 4)
    whole = drawing.model("x", (1, 16, 8, 8), {"y": (1, 16, 8, 8)})
    halved = check(halve_weights(whole), "halved")
    stored = {each.name: each.data_type for each in halved.graph.initializer}
    assert stored == {"exact/half": onnx.TensorProto.FLOAT16, "other": onnx.TensorProto.FLOAT}
    pixels = noise(1, 16, 8, 8)
    np.testing.assert_array_equal(run(halved, pixels)[0], run(whole, pixels)[0])
