"""Folding of what a core does with its picture (colour order, scale) into the first convolution.

As operations of their own they cost time and steps of 8 bits, and an Edge TPU has no Gather at all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from conversion.targets.graph.editing import Floats, GraphEditor, attribute

CHANNELS = 3


class Preparation(NamedTuple):
    """Channel k of what a step gives is gains[k] * x[order[k]] + offsets[k]."""

    order: NDArray[np.int64]
    gains: Floats
    offsets: Floats


def fold_preparation(model: onnx.ModelProto) -> onnx.ModelProto:
    """Fold gathers of channels, factors and summands between the input and its first convolution into the latter.

    A padded convolution sees zeros at its border, so a summand stays outside it, as one subtraction from the input.
    A model that prepares its picture in another way stays as it is.
    """
    editor = GraphEditor(model)
    steps, convolution = _walk(editor)
    weights = None if convolution is None else editor.constant(convolution.input[1])
    if not steps or convolution is None or weights is None or attribute(convolution, "group", 1) != 1:
        return editor.finish()
    preparation = _identity()
    for step in steps:
        preparation = _then(editor, preparation, step)
    editor.replace([*steps, convolution], _fold(editor, convolution, np.asarray(weights, np.float32), preparation))
    return editor.finish()


def _walk(editor: GraphEditor) -> tuple[list[onnx.NodeProto], onnx.NodeProto | None]:
    """The steps from the input on, and the convolution behind them."""
    name, steps = editor.graph.input[0].name, list[onnx.NodeProto]()
    while (node := editor.only_reader(name)) is not None:
        if node.op_type == "Conv":
            return steps, node
        if not _is_step(editor, node, name):
            break
        steps.append(node)
        name = node.output[0]
    return [], None


def _is_step(editor: GraphEditor, node: onnx.NodeProto, name: str) -> bool:
    if node.op_type == "Gather":
        order = editor.constant(node.input[1])
        return attribute(node, "axis", 0) == 1 and order is not None and order.shape == (CHANNELS,)
    if node.op_type in ("Sub", "Div") and node.input[0] != name:
        return False
    return node.op_type in ("Add", "Sub", "Mul", "Div") and _per_channel(editor, node, name) is not None


def _per_channel(editor: GraphEditor, node: onnx.NodeProto, name: str) -> Floats | None:
    """The constant operand, one number a channel; None where it is something else."""
    values = editor.constant(next((other for other in node.input if other != name), ""))
    if values is None or values.size not in (1, CHANNELS):
        return None
    if values.size == CHANNELS and values.shape[-3:] != (CHANNELS, 1, 1):
        return None
    return np.broadcast_to(values.ravel().astype(np.float32), (CHANNELS,))


def _identity() -> Preparation:
    return Preparation(np.arange(CHANNELS), np.ones(CHANNELS, np.float32), np.zeros(CHANNELS, np.float32))


def _then(editor: GraphEditor, done: Preparation, step: onnx.NodeProto) -> Preparation:
    """What is done, and then a step."""
    if step.op_type == "Gather":
        order = np.asarray(editor.constant(step.input[1]), np.int64) % CHANNELS
        return Preparation(done.order[order], done.gains[order], done.offsets[order])
    name = next(name for name in step.input if editor.constant(name) is None)
    values = _per_channel(editor, step, name)
    assert values is not None  # _is_step saw it
    if step.op_type in ("Add", "Sub"):
        return done._replace(offsets=done.offsets + (values if step.op_type == "Add" else -values))
    factor = values if step.op_type == "Mul" else np.reciprocal(values)
    return done._replace(gains=done.gains * factor, offsets=done.offsets * factor)


def _fold(editor: GraphEditor, convolution: onnx.NodeProto, weights: Floats, done: Preparation) -> list[onnx.NodeProto]:
    """The convolution over the input itself, behind a subtraction where there is an offset."""
    folded = np.zeros_like(weights)
    for channel, (source, gain) in enumerate(zip(done.order, done.gains, strict=True)):
        folded[:, source] += weights[:, channel] * gain
    picture = editor.graph.input[0].name
    inputs = [picture, editor.add_constant("first_weights", folded), *convolution.input[2:]]
    steps: list[onnx.NodeProto] = []
    if done.offsets.any():
        means = np.zeros(CHANNELS, np.float32)
        means[done.order] = -done.offsets / done.gains
        mean = editor.add_constant("picture_mean", means[None, :, None, None])
        steps.append(helper.make_node("Sub", [picture, mean], ["picture_less_mean"]))
        inputs[0] = "picture_less_mean"
    first = onnx.NodeProto()
    first.CopyFrom(convolution)
    first.input[:] = inputs
    return [*steps, first]
