"""An ONNX graph that grows layer by layer and knows the shape of every tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from conversion.caffe.network import Layer, Shape

OPSET = 13


class Graph:
    """Nodes and constants so far.

    Caffe lets a layer write its top in place of its bottom; in ONNX every tensor has one writer. So the tensor of a
    blob's last writer gets the blob's own name, which outputs keep, and earlier ones a name with a number.
    """

    def __init__(self, inputs: Mapping[str, Shape], layers: Iterable[Layer]) -> None:
        self.shapes: dict[str, Shape] = dict(inputs)
        self.input_hw = next(iter(inputs.values()))[2:]
        self._inputs = dict(inputs)
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._current = {name: name for name in inputs}
        self._writers = Counter(top for layer in layers for top in layer.tops)
        self._written: Counter[str] = Counter(inputs)

    def reads(self, blob: str) -> str | None:
        """The tensor that holds a blob now, None where nothing has written it yet."""
        return self._current.get(blob)

    def writes(self, blob: str) -> str:
        """The name of the next tensor that a layer writes for a blob."""
        self._written[blob] += 1
        last = self._writers[blob] + (blob in self._inputs)
        return blob if self._written[blob] == last else f"{blob}/{self._written[blob]}"

    def becomes(self, blob: str, tensor: str) -> None:
        """Let the blob mean this tensor from now on."""
        self._current[blob] = tensor

    def add(self, operation: str, inputs: Sequence[str], output: str, shape: Shape, **attributes: Any) -> str:
        """Add a node with one output of this shape; returns the output's name."""
        self._nodes.append(helper.make_node(operation, list(inputs), [output], name=output, **attributes))
        self.shapes[output] = shape
        return output

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        """Add a constant; returns its name."""
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def model(self, outputs: Iterable[str]) -> onnx.ModelProto:
        """The whole network with these tensors as outputs."""
        float32 = onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            self._nodes,
            "caffe",
            [helper.make_tensor_value_info(name, float32, shape) for name, shape in self._inputs.items()],
            [helper.make_tensor_value_info(name, float32, self.shapes[name]) for name in outputs],
            self._constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
