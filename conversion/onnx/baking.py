"""Bakes colour order, mean and scale into a network, so that it takes BGR pixels of 0-255 as they are."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from conversion.onnx.model_file import graph_inputs
from edge.manifest import Input

PIXELS = "pixels"
"""Name of the normalised picture inside the network."""


def bake(model: onnx.ModelProto, wanted: Input) -> None:
    """Let the network, float32 NCHW in the manifest's own colours and numbers, take float32 NCHW BGR 0-255 instead.

    Where its first layers are convolutions, colour order and scale go into their weights and the mean is subtracted
    before; else a 1x1 convolution does all. (A mean cannot go into a bias: the padding of a border is 0 after it.)
    """
    if wanted.colour == "BGR" and not any(wanted.mean) and wanted.scale == 1:
        return
    graph = model.graph
    first = [node for node in graph.node if wanted.name in node.input]
    weights = {each.name: each for each in graph.initializer}
    foldable = [node for node in first if node.op_type == "Conv" and node.input[1] in weights and _group(node) == 1]
    if len(foldable) == len(first) and not any(wanted.name == each.name for each in graph.output):
        for name in {node.input[1] for node in first}:
            weights[name].CopyFrom(_fold(weights[name], wanted))
        _put_first(graph, first, wanted, _subtract(wanted))
    else:
        _put_first(graph, first, wanted, _convolve(wanted))


def take_pictures(core: onnx.ModelProto) -> onnx.ModelProto:
    """The artefact `onnx` of a core: uint8 (1, H, W, 3) BGR in, the core behind it."""
    model = onnx.ModelProto()
    model.CopyFrom(core)
    (port,) = graph_inputs(model)
    name = port.name
    _, channels, height, width = (dim.dim_value for dim in port.type.tensor_type.shape.dim)
    for node in model.graph.node:
        _rename_inputs(node, name, f"{name}/nchw")
    steps = [
        helper.make_node("Cast", [name], [f"{name}/float"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Transpose", [f"{name}/float"], [f"{name}/nchw"], perm=[0, 3, 1, 2]),
    ]
    _insert_first(model.graph, steps)
    picture = helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, [1, height, width, channels])
    port.CopyFrom(picture)
    return model


def _group(node: onnx.NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)


def _fold(weights: onnx.TensorProto, wanted: Input) -> onnx.TensorProto:
    values = numpy_helper.to_array(weights) * np.float32(wanted.scale)
    ordered = values[:, ::-1] if wanted.colour == "RGB" else values
    return numpy_helper.from_array(np.ascontiguousarray(ordered), weights.name)


def _bgr_mean(wanted: Input) -> NDArray[np.float32]:
    return np.array(wanted.mean[::-1] if wanted.colour == "RGB" else wanted.mean, np.float32)


def _subtract(wanted: Input) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    if not any(wanted.mean):
        return [], []
    mean = numpy_helper.from_array(_bgr_mean(wanted).reshape(1, 3, 1, 1), f"{PIXELS}/mean")
    return [helper.make_node("Sub", [wanted.name, mean.name], [PIXELS], name=PIXELS)], [mean]


def _convolve(wanted: Input) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    order = np.eye(3, dtype=np.float32)[::-1] if wanted.colour == "RGB" else np.eye(3, dtype=np.float32)
    kernel = np.ascontiguousarray(order * np.float32(wanted.scale)).reshape(3, 3, 1, 1)
    bias = -np.array(wanted.mean, np.float32) * np.float32(wanted.scale)
    constants = [
        numpy_helper.from_array(kernel, f"{PIXELS}/kernel"),
        numpy_helper.from_array(bias.astype(np.float32), f"{PIXELS}/bias"),
    ]
    inputs = [wanted.name, *(each.name for each in constants)]
    return [helper.make_node("Conv", inputs, [PIXELS], name=PIXELS, kernel_shape=[1, 1])], constants


def _put_first(
    graph: onnx.GraphProto,
    readers: list[onnx.NodeProto],
    wanted: Input,
    steps: tuple[list[onnx.NodeProto], list[onnx.TensorProto]],
) -> None:
    nodes, constants = steps
    if nodes:
        for node in readers:
            _rename_inputs(node, wanted.name, PIXELS)
        _insert_first(graph, nodes)
        graph.initializer.extend(constants)


def _rename_inputs(node: onnx.NodeProto, old: str, new: str) -> None:
    for position, name in enumerate(node.input):
        if name == old:
            node.input[position] = new


def _insert_first(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *rest])
