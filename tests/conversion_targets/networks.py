"""Networks as the conversion hands them to its targets: float32 NCHW BGR 0-255 in, all preparation in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper, shape_inference

ADIENCE_SIDE_PX = 227
ADIENCE_MEAN = (104.0, 117.0, 123.0)
LAST_GAIN = 0.02
"""Of the last layer's random weights: probabilities of about .1 to .5, as of a trained network, not all 0 and 1."""


class Drawing:
    """An ONNX graph that is drawn node by node; weights come from a seed."""

    def __init__(self, seed: int) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(seed)

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def draw(self, name: str, shape: Sequence[int], gain: float = 1.0) -> str:
        """Weights of He et al., ICCV 2015."""
        spread = gain * (2 / np.prod(shape[1:])) ** 0.5
        return self.constant(name, (self._random.standard_normal(shape) * spread).astype(np.float32))

    def add(self, op: str, inputs: Sequence[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=f"{op}_{output}", **attributes))
        return output

    def model(
        self, name: str, shape: Sequence[int], outputs: dict[str, Sequence[int]], opset: int = 13
    ) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "drawn",
            [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(shape))],
            [helper.make_tensor_value_info(out, onnx.TensorProto.FLOAT, list(dims)) for out, dims in outputs.items()],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


def draw_levi_hassner(classes: int, seed: int, *, normalised: bool = True) -> onnx.ModelProto:
    """Levi and Hassner's network (CVPR Workshops 2015) with weights from a seed; Caffe's pooling rounds up."""
    drawing = Drawing(seed)
    x = drawing.add("Sub", ["data", drawing.constant("mean", _per_channel(ADIENCE_MEAN))], "centred")
    for index, (outputs, inputs, kernel, stride, pad) in enumerate(
        [(96, 3, 7, 4, 0), (256, 96, 5, 1, 2), (384, 256, 3, 1, 1)], start=1
    ):
        weights = [drawing.draw(f"w{index}", (outputs, inputs, kernel, kernel)), drawing.draw(f"b{index}", (outputs,))]
        x = drawing.add("Conv", [x, *weights], f"conv{index}", strides=[stride] * 2, pads=[pad] * 4)
        x = drawing.add("Relu", [x], f"relu{index}")
        x = drawing.add("MaxPool", [x], f"pool{index}", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
        if normalised and index < 3:
            x = drawing.add("LRN", [x], f"norm{index}", size=5, alpha=1e-4, beta=0.75, bias=1.0)
    x = drawing.add("Flatten", [x], "flat", axis=1)
    for index, (outputs, inputs) in enumerate([(512, 384 * 49), (512, 512), (classes, 512)], start=6):
        gain = 1.0 if index < 8 else LAST_GAIN
        weights = [drawing.draw(f"w{index}", (outputs, inputs), gain), drawing.draw(f"b{index}", (outputs,), gain)]
        x = drawing.add("Gemm", [x, *weights], f"fc{index}", transB=1)
        x = drawing.add("Relu", [x], f"relu{index}") if index < 8 else x
    drawing.add("Softmax", [x], "prob", axis=1)
    return drawing.model("data", (1, 3, ADIENCE_SIDE_PX, ADIENCE_SIDE_PX), {"prob": (1, classes)})


def read_yunet(path: Path, hw: tuple[int, int]) -> onnx.ModelProto:
    """YuNet takes BGR 0-255 as it is; its size is pinned."""
    return _pin(onnx.load(path), hw)


def read_ultraface(path: Path) -> onnx.ModelProto:
    """UltraFace behind what its input needs: RGB, (x - 127) / 128."""
    model = onnx.load(path)
    inner = model.graph.input[0].name
    for node in model.graph.node:
        node.input[:] = ["prepared" if name == inner else name for name in node.input]
    order = numpy_helper.from_array(np.array([2, 1, 0], np.int64), "colour_order")
    mean = numpy_helper.from_array(_per_channel((127, 127, 127)), "colour_mean")
    scale = numpy_helper.from_array(np.array(1 / 128, np.float32), "colour_scale")
    model.graph.initializer.extend([order, mean, scale])
    steps = [
        helper.make_node("Gather", [inner, "colour_order"], ["rgb"], axis=1),
        helper.make_node("Sub", ["rgb", "colour_mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "colour_scale"], ["prepared"]),
    ]
    nodes = [*steps, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return _pin(model, (240, 320))


def _per_channel(values: Sequence[float]) -> NDArray[np.float32]:
    return np.array(values, np.float32).reshape(1, 3, 1, 1)


def _pin(model: onnx.ModelProto, hw: tuple[int, int], opset: int = 13) -> onnx.ModelProto:
    """Batch 1, height and width fixed, opset upgraded, shapes inferred anew."""
    names = {weight.name for weight in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in names]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    for place, size in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, 3, *hw), strict=True):
        place.ClearField("dim_param")
        place.dim_value = size
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    model.ir_version = max(model.ir_version, 8)
    upgraded = onnx.version_converter.convert_version(model, opset)
    return shape_inference.infer_shapes(upgraded, data_prop=True, strict_mode=True)
