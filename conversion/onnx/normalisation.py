"""Rewrites local response normalisation with operations that an 8-bit integer accelerator has."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from conversion.onnx.editing import GraphEditor, attribute
from edge.errors import BadInput, explain

BETAS = (0.25, 0.5, 0.75, 1.0)
"""Exponents that reciprocal square roots can be combined to."""


def decompose_normalisation(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace every LRN by squares, a 1x1 convolution and reciprocal square roots; the outputs stay the same.

    LRN over channels (Krizhevsky et al., NIPS 2012) is x * s^-beta with s = bias + alpha / size * (the sum of x*x over
    neighbouring channels). The sum is a 1x1 convolution with a band of ones, and with r = s^-0.5 the exponent 0.75 is
    (x*r) * (r * r^-0.5): this order loses least in 8 bits. Raises BadInput for an exponent other than BETAS.
    """
    editor = GraphEditor(model)
    for node in editor.nodes("LRN"):
        editor.replace([node], _decompose(editor, node))
    return editor.finish()


def _decompose(editor: GraphEditor, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    beta = round(float(attribute(node, "beta", 0.75)), 4)
    if beta not in BETAS:
        expected = "0.25, 0.5, 0.75 or 1"
        raise BadInput(explain(f"LRN {node.name} has no 8-bit form", got=f"beta {beta}", expected=expected))
    x, y = node.input[0], node.output[0]
    band, bias = _band(editor, node)
    steps = [
        helper.make_node("Mul", [x, x], [f"{y}/squared"]),
        helper.make_node("Conv", [f"{y}/squared", band, bias], [f"{y}/sum"], kernel_shape=[1, 1]),
        *_reciprocal_root(editor, f"{y}/sum", f"{y}/root"),
    ]
    return [*steps, *_multiply(editor, x, f"{y}/root", y, beta)]


def _multiply(editor: GraphEditor, x: str, r: str, y: str, beta: float) -> list[onnx.NodeProto]:
    """y = x * r^(2 * beta), r being s^-0.5."""
    if beta == 0.5:
        return [helper.make_node("Mul", [x, r], [y])]
    if beta == 1.0:
        return [helper.make_node("Mul", [x, r], [f"{y}/once"]), helper.make_node("Mul", [f"{y}/once", r], [y])]
    quarter = [
        *_reciprocal_root(editor, r, f"{y}/rootroot"),
        helper.make_node("Mul", [r, f"{y}/rootroot"], [f"{y}/quarter"]),
    ]
    if beta == 0.25:
        return [*quarter, helper.make_node("Mul", [x, f"{y}/quarter"], [y])]
    once = helper.make_node("Mul", [x, r], [f"{y}/once"])
    return [once, *quarter, helper.make_node("Mul", [f"{y}/once", f"{y}/quarter"], [y])]


def _reciprocal_root(editor: GraphEditor, source: str, target: str) -> list[onnx.NodeProto]:
    """ONNX has no reciprocal square root; TensorFlow's converter makes one from this division."""
    one = editor.add_constant("one", np.array(1.0, np.float32))
    return [
        helper.make_node("Sqrt", [source], [f"{target}/inverse"]),
        helper.make_node("Div", [one, f"{target}/inverse"], [target]),
    ]


def _band(editor: GraphEditor, node: onnx.NodeProto) -> tuple[str, str]:
    """Names of the constants for the convolution's weights and bias."""
    shape = editor.shape(node.input[0])
    if len(shape) != 4:
        raise BadInput(
            explain(f"LRN {node.name} has no static input", got=shape, expected="1, channels, rows, columns")
        )
    size = int(attribute(node, "size", 0))
    weights = neighbour_band(shape[1], size) * np.float32(float(attribute(node, "alpha", 1e-4)) / size)
    bias = np.full(shape[1], float(attribute(node, "bias", 1.0)), np.float32)
    name = node.output[0]
    return editor.add_constant(f"{name}/band", weights[:, :, None, None]), editor.add_constant(f"{name}/bias", bias)


def neighbour_band(channels: int, size: int) -> NDArray[np.float32]:
    """Which channels are in each channel's window: float32 (channels, channels) of 0 and 1, windows cut at the ends."""
    distance = np.arange(channels)[None, :] - np.arange(channels)[:, None]
    inside = (distance >= -((size - 1) // 2)) & (distance <= size // 2)
    return inside.astype(np.float32)
