"""Rewrites dense layers over a map as convolutions.

A converter to channels-last layout transposes the map before it flattens it; a convolution of the map's own size gives
the same values and needs no transpose. It also keeps large weights out of the graph's constants: with the 38 MB of Levi
and Hassner's first dense layer among them, TensorFlow takes 40 s longer.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from conversion.onnx.editing import Floats, GraphEditor, attribute


def convolve_dense_layers(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace Flatten (or Reshape) and Gemm (or MatMul) over a map of more than one pixel by a convolution."""
    editor = GraphEditor(model)
    for flatten in editor.nodes("Flatten", "Reshape"):
        dense = editor.only_reader(flatten.output[0])
        given, made = editor.shape(flatten.input[0]), editor.shape(flatten.output[0])
        over_map = len(given) == 4 and given[0] == 1 and given[2] * given[3] > 1
        if dense is None or not over_map or made != (1, int(np.prod(given))):
            continue
        weights = _weights(editor, dense, flatten.output[0])
        if weights is not None:
            editor.replace([flatten, dense], _convolve(editor, flatten.input[0], dense, weights))
    return editor.finish()


def _weights(editor: GraphEditor, dense: onnx.NodeProto, name: str) -> Floats | None:
    """Weights (outputs, inputs) of a dense layer over a tensor; None where it is something else."""
    values = editor.constant(dense.input[1]) if dense.op_type in ("Gemm", "MatMul") else None
    if values is None or values.ndim != 2 or dense.input[0] != name:
        return None
    if dense.op_type == "MatMul":
        return np.asarray(values.T, np.float32)
    plain = attribute(dense, "alpha", 1.0) == attribute(dense, "beta", 1.0) == 1.0 and not attribute(dense, "transA", 0)
    return np.asarray(values if attribute(dense, "transB", 0) else values.T, np.float32) if plain else None


def _convolve(editor: GraphEditor, name: str, dense: onnx.NodeProto, weights: Floats) -> list[onnx.NodeProto]:
    """A convolution as large as the map, and a reshape of its outputs to a row."""
    channels, height, width = editor.shape(name)[1:]
    outputs, y = len(weights), dense.output[0]
    kernel = editor.add_constant(f"{y}/kernel", weights.reshape(outputs, channels, height, width))
    inputs = [name, kernel]
    if len(dense.input) > 2:
        bias = np.broadcast_to(np.asarray(editor.constant(dense.input[2]), np.float32).ravel(), (outputs,))
        inputs.append(editor.add_constant(f"{y}/bias", bias))
    shape = editor.add_constant(f"{y}/shape", np.array([1, outputs], np.int64))
    return [
        helper.make_node("Conv", inputs, [f"{y}/map"], kernel_shape=[height, width]),
        helper.make_node("Reshape", [f"{y}/map", shape], [y]),
    ]
