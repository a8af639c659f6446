"""Small ONNX networks that tests make for themselves: a head like UltraFace's on one convolution."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx", reason="onnx is not installed (passerby[conversion])")


import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge.catalog.manifest import Input

WIDTH, HEIGHT = 32, 24


def small_input(**changes: object) -> Input:
    """RGB with mean and scale, float32 NCHW, 32x24 px."""
    values: dict[str, object] = {
        "name": "input", "width_px": WIDTH, "height_px": HEIGHT, "colour": "RGB",
        "mean": (100.0, 110.0, 120.0), "scale": 0.0078125,
    }  # fmt: skip
    return Input(**(values | changes))  # type: ignore[arg-type]


def small_network(
    *, batch: int | str = 1, opset: int = 11, pad: int = 1, first: str = "Conv", height: int | str = HEIGHT
) -> onnx.ModelProto:
    """Convolution, ReLU, mean over the picture, `scores` by softmax; `boxes` beside it."""
    generator = np.random.default_rng(1)

    def constant(name: str, *shape: int) -> onnx.TensorProto:
        return numpy_helper.from_array(generator.standard_normal(shape).astype(np.float32) * np.float32(0.3), name)

    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", pads=[pad] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["g"], name="mean"),
        helper.make_node("Flatten", ["g"], ["f"], name="flat"),
        helper.make_node("Gemm", ["f", "v"], ["boxes"], name="boxes"),
        helper.make_node("Gemm", ["f", "u"], ["s"], name="logits"),
        helper.make_node("Softmax", ["s"], ["scores"], name="soft", axis=1),
    ]
    constants = [constant("w", 8, 3, 3, 3), constant("b", 8), constant("v", 8, 4), constant("u", 8, 2)]
    if first == "Conv":
        nodes[0].input[0] = "input"
    else:
        nodes.insert(0, helper.make_node(first, ["input"], ["x"], name="first"))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, height, WIDTH])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, None]) for name in ("scores", "boxes")],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=6)
