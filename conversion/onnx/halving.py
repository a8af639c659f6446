"""Stores weights in 16 bits where that is exact: the file halves in size, the outputs stay the same."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LEAST = 1024
"""Smaller tensors are left unchanged: a Cast would take as much space."""


def halve_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that stores large float32 weights as float16 before a Cast, where every value fits exactly."""
    halved = onnx.ModelProto()
    halved.CopyFrom(model)
    casts = []
    for item in halved.graph.initializer:
        values, name = numpy_helper.to_array(item), item.name
        if item.data_type == TensorProto.FLOAT and values.size >= LEAST and _fits(values):
            item.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}/half"))
            casts.append(helper.make_node("Cast", [item.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *halved.graph.node]
    del halved.graph.node[:]
    halved.graph.node.extend(nodes)
    return halved


def _fits(values: NDArray[np.float32]) -> bool:
    with np.errstate(over="ignore"):
        return bool((values.astype(np.float16).astype(np.float32) == values).all())
