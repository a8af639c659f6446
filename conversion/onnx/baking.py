"""Bakes colour order, mean and scale into a network, so that it takes unchanged BGR pixels of 0-255.

As separate operations they cost time and 8-bit precision, and an Edge TPU has no Gather at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from conversion.onnx.editing import Floats, GraphEditor, attribute
from conversion.onnx.model_file import graph_inputs
from edge.catalog.manifest import Input

CHANNELS = 3
PIXELS = "pixels"
"""Name of the prepared picture inside the network, unless it is taken."""


class Preparation(NamedTuple):
    """Channel k of the prepared picture is (x[order[k]] - means[k]) * gains[k]."""

    order: NDArray[np.int64]
    means: Floats
    gains: Floats

    @property
    def is_nothing(self) -> bool:
        """Whether it leaves the picture unchanged."""
        return bool((self.order == np.arange(CHANNELS)).all() and not self.means.any() and (self.gains == 1).all())


def bake(model: onnx.ModelProto, wanted: Input) -> onnx.ModelProto:
    """A copy that takes float32 NCHW BGR 0-255 in place of float32 NCHW in the manifest's colour order, mean and scale.

    Where the first layers are convolutions, colour order and scale go into their weights: the manifest's, and those
    that the network itself begins with. The mean is subtracted before them. (It cannot go into a bias: a border's
    padding is 0 after the subtraction.) Otherwise a 1x1 convolution does what the manifest says. Raises BadInput for a
    broken graph.
    """
    editor = GraphEditor(model)
    given = _manifests(wanted)
    steps, readers = _walk(editor, wanted.name)
    if _foldable(editor, readers):
        whole = given
        for step in steps:
            whole = _then(editor, whole, step)
        if steps or not whole.is_nothing:
            _fold(editor, wanted.name, steps, readers, whole)
    elif not given.is_nothing:
        _convolve(editor, wanted.name, given)
    return editor.finish()


def take_pictures(core: onnx.ModelProto) -> onnx.ModelProto:
    """A core with an input of uint8 (1, H, W, 3) BGR in front."""
    model = onnx.ModelProto()
    model.CopyFrom(core)
    (port,) = graph_inputs(model)
    name, inner = port.name, f"{port.name}/nchw"
    _, channels, height, width = (dim.dim_value for dim in port.type.tensor_type.shape.dim)
    for node in model.graph.node:
        _rename(node, name, inner)
    steps = [
        helper.make_node("Transpose", [name], [f"{name}/turned"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", [f"{name}/turned"], [inner], to=onnx.TensorProto.FLOAT),
    ]
    nodes = [*steps, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    port.CopyFrom(helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, [1, height, width, channels]))
    return model


def _manifests(wanted: Input) -> Preparation:
    """The preparation that the manifest describes."""
    order = np.arange(CHANNELS)[::-1] if wanted.colour == "RGB" else np.arange(CHANNELS)
    return Preparation(order, np.array(wanted.mean, np.float32), np.full(CHANNELS, wanted.scale, np.float32))


def _walk(editor: GraphEditor, name: str) -> tuple[list[onnx.NodeProto], list[onnx.NodeProto]]:
    """The steps with which the network itself prepares its picture, and the layers that read the result."""
    steps = list[onnx.NodeProto]()
    while (node := editor.only_reader(name)) is not None and _is_step(editor, node, name):
        steps.append(node)
        name = node.output[0]
    is_given_out = any(output.name == name for output in editor.graph.output)
    return steps, [] if is_given_out else editor.readers(name)


def _is_step(editor: GraphEditor, node: onnx.NodeProto, name: str) -> bool:
    if node.op_type == "Gather":
        order = editor.constant(node.input[1])
        return attribute(node, "axis", 0) == 1 and order is not None and _is_permutation(order)
    if node.op_type in ("Sub", "Div") and node.input[0] != name:
        return False
    values = _per_channel(editor, node, name) if node.op_type in ("Add", "Sub", "Mul", "Div") else None
    return values is not None and (node.op_type in ("Add", "Sub") or bool(values.all()))


def _is_permutation(order: NDArray[np.generic]) -> bool:
    return order.shape == (CHANNELS,) and sorted(int(place) % CHANNELS for place in order) == list(range(CHANNELS))


def _per_channel(editor: GraphEditor, node: onnx.NodeProto, name: str) -> Floats | None:
    """The constant operand, one value for each channel; None where it is something else."""
    values = editor.constant(next((other for other in node.input if other != name), ""))
    if values is None or values.size not in (1, CHANNELS):
        return None
    if values.size == CHANNELS and values.shape[-3:] != (CHANNELS, 1, 1):
        return None
    return np.broadcast_to(values.ravel().astype(np.float32), (CHANNELS,))


def _then(editor: GraphEditor, done: Preparation, step: onnx.NodeProto) -> Preparation:
    """The preparation `done` followed by a step."""
    if step.op_type == "Gather":
        order = np.asarray(editor.constant(step.input[1]), np.int64) % CHANNELS
        return Preparation(done.order[order], done.means[order], done.gains[order])
    name = next(name for name in step.input if editor.constant(name) is None)
    values = _per_channel(editor, step, name)
    assert values is not None  # _is_step has checked it
    if step.op_type in ("Add", "Sub"):
        return done._replace(means=done.means + (values if step.op_type == "Sub" else -values) / done.gains)
    return done._replace(gains=done.gains * values if step.op_type == "Mul" else done.gains / values)


def _foldable(editor: GraphEditor, readers: Sequence[onnx.NodeProto]) -> bool:
    """Whether all readers are plain convolutions with constant weights."""
    plain = [node for node in readers if node.op_type == "Conv" and attribute(node, "group", 1) == 1]
    return len(plain) == len(readers) > 0 and all(editor.constant(node.input[1]) is not None for node in plain)


def _fold(
    editor: GraphEditor,
    picture: str,
    steps: Sequence[onnx.NodeProto],
    readers: Sequence[onnx.NodeProto],
    whole: Preparation,
) -> None:
    """Let the convolutions read the input itself, after a subtraction where there is a mean."""
    subtracts = bool(whole.means.any())
    back = np.argsort(whole.order)
    pixels = editor.free_name(PIXELS)
    for node in readers:
        weights = np.asarray(editor.constant(node.input[1]), np.float32)
        folded = (weights * whole.gains[None, :, None, None])[:, back]
        node.input[0] = pixels if subtracts else picture
        node.input[1] = editor.add_constant(f"{node.input[1]}/baked", folded)
    editor.remove(steps)
    if subtracts:
        mean = editor.add_constant(f"{PIXELS}/mean", whole.means[back][None, :, None, None])
        editor.insert_first(helper.make_node("Sub", [picture, mean], [pixels], name=pixels))


def _convolve(editor: GraphEditor, picture: str, given: Preparation) -> None:
    """Put a 1x1 convolution between the input and whatever reads it."""
    kernel = (np.eye(CHANNELS, dtype=np.float32)[given.order] * given.gains[:, None])[:, :, None, None]
    constants = [
        editor.add_constant(f"{PIXELS}/kernel", kernel),
        editor.add_constant(f"{PIXELS}/bias", -given.means * given.gains),
    ]
    pixels = editor.free_name(PIXELS)
    for node in editor.readers(picture):
        _rename(node, picture, pixels)
    first = helper.make_node("Conv", [picture, *constants], [pixels], name=pixels, kernel_shape=[1, 1])
    editor.insert_first(first)


def _rename(node: onnx.NodeProto, old: str, new: str) -> None:
    for position, name in enumerate(node.input):
        if name == old:
            node.input[position] = new
