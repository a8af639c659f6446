"""Positions of pooling windows, and poolings rewritten in a form that a target understands.

Max pooling gets padding that a TFLite file can express: SAME, or rows of zeros. Means get a form that an old OpenVINO
reads. `conversion.caffe.pooling` computes such windows by Caffe's rules; here they are read from an ONNX graph.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper

from conversion.onnx.editing import GraphEditor, attribute

NEVER_NEGATIVE = ("Relu", "Sigmoid", "Softmax", "Clip")


class Axis(NamedTuple):
    """Windows along one axis, px: size of the input; number, width and step of the windows; padding before."""

    size: int
    outputs: int
    kernel: int
    stride: int
    before: int

    @property
    def after(self) -> int:
        """Padding that the last window covers beyond the end, px; padding that no window reaches does not count."""
        return max(self._reach - self.size - self.before, 0)

    @property
    def is_same(self) -> bool:
        """Whether ONNX's SAME_UPPER gives the same padding, the only one that a pooling of TFLite has."""
        both = max(self._reach - self.size, 0)
        same_number = self.outputs == -(-self.size // self.stride)
        return same_number and (self.before, self.after) == (both // 2, both - both // 2)

    @property
    def _reach(self) -> int:
        return (self.outputs - 1) * self.stride + self.kernel


def say_padding(model: onnx.ModelProto) -> onnx.ModelProto:
    """Write the padding of max pooling (Caffe rounds sizes up) as SAME where that is equivalent, else as zeros.

    Left alone it becomes rows of the least float, whose range leaves no 8-bit steps for any other value. Zeros are
    equivalent only after an operation whose results are never negative; other poolings are left unchanged.
    """
    editor = GraphEditor(model)
    for node in editor.nodes("MaxPool"):
        _rewrite(editor, node)
    return editor.finish()


def pool_means(model: onnx.ModelProto) -> onnx.ModelProto:
    """Write means over height and width as GlobalAveragePool.

    Since opset 18 the axes of a mean are an input, which readers of older files silently ignore.
    """
    editor = GraphEditor(model)
    for node in editor.nodes("ReduceMean"):
        axes = editor.constant(node.input[1]) if len(node.input) > 1 else attribute(node, "axes", ())
        if (
            len(editor.shape(node.input[0])) == 4
            and axes is not None
            and sorted(int(axis) % 4 for axis in axes) == [2, 3]
        ):
            editor.replace([node], _pooled(node))
    return editor.finish()


def _pooled(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    name, result = node.name or node.output[0], node.output[0]
    if attribute(node, "keepdims", 1):
        return [helper.make_node("GlobalAveragePool", [node.input[0]], [result], name=name)]
    pooled = f"{result}/pooled"
    return [
        helper.make_node("GlobalAveragePool", [node.input[0]], [pooled], name=name),
        helper.make_node("Flatten", [pooled], [result], name=f"{name}/flat", axis=1),
    ]


def _rewrite(editor: GraphEditor, node: onnx.NodeProto) -> None:
    axes = _axes(editor, node)
    if not axes:
        return
    window = {"kernel_shape": attribute(node, "kernel_shape", []), "strides": attribute(node, "strides", [1, 1])}
    if not any(axis.before or axis.after for axis in axes):
        _set(node, window)
    elif all(axis.is_same for axis in axes):
        _set(node, {**window, "auto_pad": "SAME_UPPER"})
    elif _never_negative(editor, node.input[0]):
        _pad_with_zeros(editor, node, axes, window)


def _axes(editor: GraphEditor, node: onnx.NodeProto) -> list[Axis]:
    """Rows and columns of a pooling; empty for a form that is not rewritten."""
    given, made = editor.shape(node.input[0]), editor.shape(node.output[0])
    kernel, strides = attribute(node, "kernel_shape", []), attribute(node, "strides", [1, 1])
    explicit = attribute(node, "auto_pad", b"NOTSET") in (b"NOTSET", b"VALID")
    plain = len(node.output) == 1 and len(kernel) == 2 and set(attribute(node, "dilations", [1])) == {1}
    if not (given and made and explicit and plain):
        return []
    before = attribute(node, "pads", [0, 0, 0, 0])[:2]
    return [Axis(given[2 + k], made[2 + k], kernel[k], strides[k], before[k]) for k in (0, 1)]


def _never_negative(editor: GraphEditor, name: str) -> bool:
    producer = editor.producer(name)
    if producer is None or producer.op_type not in NEVER_NEGATIVE:
        return False
    return producer.op_type != "Clip" or _clips_at_zero(editor, producer)


def _clips_at_zero(editor: GraphEditor, clip: onnx.NodeProto) -> bool:
    least = editor.constant(clip.input[1]) if len(clip.input) > 1 and clip.input[1] else None
    return least is not None and float(least) >= 0


def _pad_with_zeros(editor: GraphEditor, node: onnx.NodeProto, axes: list[Axis], window: dict[str, object]) -> None:
    places = [0, 0, *(axis.before for axis in axes), 0, 0, *(axis.after for axis in axes)]
    ends = editor.add_constant("padding", np.array(places, np.int64))
    padded = f"{node.output[0]}/padded"
    steps = [helper.make_node("Pad", [node.input[0], ends], [padded]), onnx.NodeProto()]
    steps[1].CopyFrom(node)
    steps[1].input[0] = padded
    _set(steps[1], window)
    editor.replace([node], steps)


def _set(node: onnx.NodeProto, attributes: dict[str, object]) -> None:
    del node.attribute[:]
    node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
