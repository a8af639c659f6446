"""Cores for builders: float32 NCHW BGR 0-255 in, all preparation inside; drawn from seeds, or of real networks."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx", reason="onnx is not installed (passerby[conversion])")


from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from conversion.onnx.baking import bake
from conversion.onnx.core import IR_VERSION, LEAST_OPSET, make_core, pin
from conversion.onnx.model_file import read_model
from edge.catalog.manifest_file import MANIFEST, read_manifest
from tests.places import MODELS

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
    """YuNet's core at another size."""
    manifest = read_manifest(MODELS / "yunet-2023mar" / MANIFEST)
    wanted = msgspec.structs.replace(manifest.input, height_px=hw[0], width_px=hw[1])
    return make_core(read_model(path), wanted, tuple(manifest.outputs.values()), path.name)


def read_ultraface(path: Path) -> onnx.ModelProto:
    """UltraFace's core."""
    manifest = read_manifest(MODELS / "ultraface-rfb-320" / MANIFEST)
    return make_core(read_model(path), manifest.input, tuple(manifest.outputs.values()), path.name)


def read_unsimplified_ultraface(path: Path) -> onnx.ModelProto:
    """What would be UltraFace's core without the simplifier: pinned, baked, opset 13."""
    manifest = read_manifest(MODELS / "ultraface-rfb-320" / MANIFEST)
    model = pin(read_model(path), manifest.input, tuple(manifest.outputs.values()), path.name)
    model.ir_version = IR_VERSION
    shapes = {"scores": (1, 4420, 2), "boxes": (1, 4420, 4)}
    for port in model.graph.output:
        port.CopyFrom(helper.make_tensor_value_info(port.name, onnx.TensorProto.FLOAT, shapes[port.name]))
    return bake(onnx.version_converter.convert_version(model, LEAST_OPSET), manifest.input)


def _per_channel(values: Sequence[float]) -> NDArray[np.float32]:
    return np.array(values, np.float32).reshape(1, 3, 1, 1)
