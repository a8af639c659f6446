"""Each Caffe layer in ONNX: one small function for each type, in `LAYERS`.

A function receives its layer, with names of tensors as bottoms and tops, and adds nodes to the graph. Source of the
meanings: caffe.berkeleyvision.org/tutorial/layers and the layers' code in github.com/BVLC/caffe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from conversion.caffe.graph import Graph
from conversion.caffe.network import Blob, Layer, Shape
from conversion.caffe.pooling import pooling
from conversion.caffe.priors import prior_box
from edge.errors import BadInput, explain

LayerFunction = Callable[[Layer, Graph], None]


def convolution(layer: Layer, graph: Graph) -> None:
    """Convolution with groups and dilation."""
    params = layer.params.convolution_param
    batch, channels, height, width = _shape(layer, graph, 4)
    kernel, stride = _pair(params, "kernel_size", "kernel", 0), _pair(params, "stride", "stride", 1)
    pad, dilation = _pair(params, "pad", "pad", 0), _pair(params, "dilation", "", 1)
    weights = _blob(layer, 0, (params.num_output, channels // params.group, *kernel))
    inputs = [layer.bottoms[0], graph.constant(f"{layer.name}/weights", weights)]
    if params.bias_term:
        inputs.append(graph.constant(f"{layer.name}/bias", _blob(layer, 1, (params.num_output,))))
    out = [
        (size + 2 * p - (d * (k - 1) + 1)) // s + 1
        for size, k, s, p, d in zip((height, width), kernel, stride, pad, dilation, strict=True)
    ]
    graph.add(
        "Conv",
        inputs,
        layer.tops[0],
        (batch, params.num_output, *out),
        kernel_shape=kernel,
        strides=stride,
        pads=[*pad, *pad],
        dilations=dilation,
        group=params.group,
    )


def inner_product(layer: Layer, graph: Graph) -> None:
    """A fully connected layer over all axes after the batch."""
    params = layer.params.inner_product_param
    source, shape = layer.bottoms[0], graph.shapes[layer.bottoms[0]]
    if params.axis != 1:
        raise _unsupported(layer, "axis", params.axis, "1")
    batch, inputs = shape[0], int(np.prod(shape[1:]))
    if len(shape) != 2:
        source = graph.add("Flatten", [source], f"{layer.tops[0]}/flat", (batch, inputs), axis=1)
    outputs = params.num_output
    weights = _blob(layer, 0, (inputs, outputs) if params.transpose else (outputs, inputs))
    operands = [source, graph.constant(f"{layer.name}/weights", weights)]
    if params.bias_term:
        operands.append(graph.constant(f"{layer.name}/bias", _blob(layer, 1, (outputs,))))
    graph.add("Gemm", operands, layer.tops[0], (batch, outputs), transB=int(not params.transpose))


def batch_norm(layer: Layer, graph: Graph) -> None:
    """Mean and variance from training, each divided by the third blob."""
    shape = graph.shapes[layer.bottoms[0]]
    channels = shape[1]
    factor = float(_blob(layer, 2, (1,))[0])
    share = 1 / factor if factor else 0.0
    values = {
        "scale": np.ones(channels, np.float32),
        "shift": np.zeros(channels, np.float32),
        "mean": _blob(layer, 0, (channels,)) * np.float32(share),
        "variance": _blob(layer, 1, (channels,)) * np.float32(share),
    }
    names = [graph.constant(f"{layer.name}/{word}", value) for word, value in values.items()]
    eps = layer.params.batch_norm_param.eps
    graph.add("BatchNormalization", [layer.bottoms[0], *names], layer.tops[0], shape, epsilon=eps)


def scale(layer: Layer, graph: Graph) -> None:
    """Multiply by learned factors along an axis, and add a learned bias where there is one."""
    params, shape, top = layer.params.scale_param, graph.shapes[layer.bottoms[0]], layer.tops[0]
    if len(layer.bottoms) != 1:
        raise _unsupported(layer, "bottoms", len(layer.bottoms), "1, with learned factors")
    axis = params.axis % len(shape)
    covered = shape[axis:] if params.num_axes == -1 else shape[axis : axis + params.num_axes]
    wide = (1,) * axis + covered + (1,) * (len(shape) - axis - len(covered))
    factor = graph.constant(f"{layer.name}/factor", _blob(layer, 0, covered).reshape(wide))
    if not params.bias_term:
        graph.add("Mul", [layer.bottoms[0], factor], top, shape)
        return
    product = graph.add("Mul", [layer.bottoms[0], factor], f"{top}/product", shape)
    bias = graph.constant(f"{layer.name}/bias", _blob(layer, 1, covered).reshape(wide))
    graph.add("Add", [product, bias], top, shape)


def relu(layer: Layer, graph: Graph) -> None:
    """Zero below zero, or a fixed slope there."""
    slope = layer.params.relu_param.negative_slope
    word, attributes = ("LeakyRelu", {"alpha": slope}) if slope else ("Relu", {})
    graph.add(word, layer.bottoms[:1], layer.tops[0], graph.shapes[layer.bottoms[0]], **attributes)


def prelu(layer: Layer, graph: Graph) -> None:
    """A learned slope below zero, for each channel or for all."""
    shape = graph.shapes[layer.bottoms[0]]
    count = 1 if layer.params.prelu_param.channel_shared else shape[1]
    slopes = _blob(layer, 0, (count,)).reshape(count, *(1,) * (len(shape) - 2))
    names = [layer.bottoms[0], graph.constant(f"{layer.name}/slopes", slopes)]
    graph.add("PRelu", names, layer.tops[0], shape)


def elu(layer: Layer, graph: Graph) -> None:
    """An exponential below zero."""
    shape = graph.shapes[layer.bottoms[0]]
    graph.add("Elu", layer.bottoms[:1], layer.tops[0], shape, alpha=layer.params.elu_param.alpha)


def same_shape(operation: str) -> LayerFunction:
    """A layer without parameters that keeps the shape."""

    def add(layer: Layer, graph: Graph) -> None:
        for top in layer.tops:
            graph.add(operation, layer.bottoms[:1], top, graph.shapes[layer.bottoms[0]])

    return add


def softmax(layer: Layer, graph: Graph) -> None:
    """Probabilities along an axis."""
    shape = graph.shapes[layer.bottoms[0]]
    axis = layer.params.softmax_param.axis % len(shape)
    graph.add("Softmax", layer.bottoms[:1], layer.tops[0], shape, axis=axis)


def lrn(layer: Layer, graph: Graph) -> None:
    """Local response normalisation across channels: Caffe and ONNX both divide alpha by the size."""
    params, shape = layer.params.lrn_param, graph.shapes[layer.bottoms[0]]
    if params.norm_region != 0:
        raise _unsupported(layer, "norm_region", "WITHIN_CHANNEL", "ACROSS_CHANNELS")
    attributes = {"alpha": params.alpha, "beta": params.beta, "bias": params.k, "size": params.local_size}
    graph.add("LRN", layer.bottoms[:1], layer.tops[0], shape, **attributes)


def concat(layer: Layer, graph: Graph) -> None:
    """Join tensors one after the other along an axis."""
    params, shapes = layer.params.concat_param, [graph.shapes[name] for name in layer.bottoms]
    axis = (params.concat_dim if params.HasField("concat_dim") else params.axis) % len(shapes[0])
    others = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if len(others) != 1:
        raise BadInput(explain("shapes do not fit together", where=f"layer {layer.name}", got=shapes))
    shape = list(shapes[0])
    shape[axis] = sum(each[axis] for each in shapes)
    graph.add("Concat", layer.bottoms, layer.tops[0], tuple(shape), axis=axis)


def eltwise(layer: Layer, graph: Graph) -> None:
    """Product, weighted sum or maximum, element by element."""
    params, top, shape = layer.params.eltwise_param, layer.tops[0], graph.shapes[layer.bottoms[0]]
    bottoms = list(layer.bottoms)
    for position, weight in enumerate(params.coeff):
        if weight != 1:
            factor = graph.constant(f"{layer.name}/weight{position}", np.array(weight, np.float32))
            bottoms[position] = graph.add("Mul", [bottoms[position], factor], f"{top}/part{position}", shape)
    word = ("Mul", "Add", "Max")[params.operation]
    for position, other in enumerate(bottoms[1:-1]):
        bottoms[0] = graph.add(word, [bottoms[0], other], f"{top}/first{position + 2}", shape)
    graph.add(word, [bottoms[0], bottoms[-1]], top, shape)


def power(layer: Layer, graph: Graph) -> None:
    """(shift + scale * x) ^ power."""
    params, shape, value = layer.params.power_param, graph.shapes[layer.bottoms[0]], layer.bottoms[0]
    steps = [("Mul", params.scale, 1.0), ("Add", params.shift, 0.0), ("Pow", params.power, 1.0)]
    for word, number, idle in steps:
        if number != idle:
            constant = graph.constant(f"{layer.name}/{word}", np.array(number, np.float32))
            value = graph.add(word, [value, constant], f"{layer.tops[0]}/{word}", shape)
    graph.add("Identity", [value], layer.tops[0], shape)


def flatten(layer: Layer, graph: Graph) -> None:
    """Merge some axes into one."""
    params, shape = layer.params.flatten_param, graph.shapes[layer.bottoms[0]]
    first, last = params.axis % len(shape), params.end_axis % len(shape)
    _reshape(layer, graph, (*shape[:first], int(np.prod(shape[first : last + 1])), *shape[last + 1 :]))


def reshape(layer: Layer, graph: Graph) -> None:
    """Another shape: 0 keeps an axis, -1 takes what is left."""
    params, shape = layer.params.reshape_param, graph.shapes[layer.bottoms[0]]
    first = params.axis if params.axis >= 0 else params.axis + len(shape) + 1
    last = len(shape) if params.num_axes == -1 else first + params.num_axes
    wanted = [shape[first + position] if dim == 0 else dim for position, dim in enumerate(params.shape.dim)]
    whole = [*shape[:first], *wanted, *shape[last:]]
    known = int(np.prod([dim for dim in whole if dim != -1]))
    _reshape(layer, graph, tuple(int(np.prod(shape)) // known if dim == -1 else int(dim) for dim in whole))


def permute(layer: Layer, graph: Graph) -> None:
    """Axes in another order; those not named follow."""
    shape, order = graph.shapes[layer.bottoms[0]], list(layer.params.permute_param.order)
    order += [axis for axis in range(len(shape)) if axis not in order]
    graph.add("Transpose", layer.bottoms[:1], layer.tops[0], tuple(shape[axis] for axis in order), perm=order)


def normalize(layer: Layer, graph: Graph) -> None:
    """Divide by the L2 norm of the channels at each position, or of everything; then multiply by learned factors."""
    params, (source, *_), top = layer.params.norm_param, layer.bottoms, layer.tops[0]
    shape = _shape(layer, graph, 4)
    axes = [1, 2, 3] if params.across_spatial else [1]
    small = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    squares = graph.add("Mul", [source, source], f"{top}/squares", shape)
    axis_names = graph.constant(f"{layer.name}/axes", np.array(axes, np.int64))
    total = graph.add("ReduceSum", [squares, axis_names], f"{top}/sum", small, keepdims=1)
    eps = graph.constant(f"{layer.name}/eps", np.array(params.eps, np.float32))
    norm = graph.add("Sqrt", [graph.add("Add", [total, eps], f"{top}/sum_eps", small)], f"{top}/norm", small)
    unit = graph.add("Div", [source, norm], f"{top}/unit", shape)
    count = 1 if params.channel_shared else shape[1]
    factor = graph.constant(f"{layer.name}/factor", _blob(layer, 0, (count,)).reshape(1, count, 1, 1))
    graph.add("Mul", [unit, factor], top, shape)


def slice_(layer: Layer, graph: Graph) -> None:
    """Parts along an axis: split at the given points, or into equal sizes."""
    params, shape = layer.params.slice_param, graph.shapes[layer.bottoms[0]]
    axis = (params.slice_dim if params.HasField("slice_dim") else params.axis) % len(shape)
    step = shape[axis] // len(layer.tops)
    points = [0, *(params.slice_point or range(step, step * len(layer.tops), step)), shape[axis]]
    for position, (top, begin, end) in enumerate(zip(layer.tops, points, points[1:], strict=False)):
        bounds = [np.array([value], np.int64) for value in (begin, end, axis)]
        names = [
            graph.constant(f"{layer.name}/{word}{position}", value)
            for word, value in zip(("begin", "end", "axis"), bounds, strict=True)
        ]
        graph.add("Slice", [layer.bottoms[0], *names], top, (*shape[:axis], end - begin, *shape[axis + 1 :]))


LAYERS: dict[str, LayerFunction] = {
    "BatchNorm": batch_norm,
    "Concat": concat,
    "Convolution": convolution,
    "Dropout": same_shape("Identity"),
    "ELU": elu,
    "Eltwise": eltwise,
    "Flatten": flatten,
    "InnerProduct": inner_product,
    "LRN": lrn,
    "Normalize": normalize,
    "PReLU": prelu,
    "Permute": permute,
    "Pooling": pooling,
    "Power": power,
    "PriorBox": prior_box,
    "ReLU": relu,
    "Reshape": reshape,
    "Scale": scale,
    "Sigmoid": same_shape("Sigmoid"),
    "Slice": slice_,
    "Softmax": softmax,
    "Split": same_shape("Identity"),
    "TanH": same_shape("Tanh"),
}
"""Type of a layer, as newer files write it -> what adds it. `conversion.caffe.heads` cuts off DetectionOutput."""


def _reshape(layer: Layer, graph: Graph, shape: Shape) -> None:
    if np.prod(shape) != np.prod(graph.shapes[layer.bottoms[0]]):
        where, got = f"layer {layer.name}", graph.shapes[layer.bottoms[0]]
        raise BadInput(explain("cannot be reshaped", where=where, got=got, expected=str(shape)))
    target = graph.constant(f"{layer.name}/shape", np.array(shape, np.int64))
    graph.add("Reshape", [layer.bottoms[0], target], layer.tops[0], shape)


def _shape(layer: Layer, graph: Graph, rank: int) -> Shape:
    shape = graph.shapes[layer.bottoms[0]]
    if len(shape) != rank:
        raise BadInput(explain("wrong input", where=f"layer {layer.name}", got=shape, expected=f"{rank} axes"))
    return shape


def _pair(params: Any, common: str, own: str, default: int) -> list[int]:
    """A setting as (down, across): one number, two numbers, or a field for each."""
    if own and (params.HasField(f"{own}_h") or params.HasField(f"{own}_w")):
        return [getattr(params, f"{own}_h") or default, getattr(params, f"{own}_w") or default]
    values = list(getattr(params, common)) or [default]
    return [values[0], values[-1]]


def _blob(layer: Layer, index: int, shape: Sequence[int]) -> Blob:
    """A blob of weights in the shape from the prototxt; older files add axes of 1. Raises BadInput."""
    where = f"layer {layer.name} ({layer.type})"
    if index >= len(layer.blobs):
        got = f"{len(layer.blobs)} blobs"
        raise BadInput(explain("the caffemodel has too few weights", where=where, got=got, expected=f"{index + 1}"))
    blob = layer.blobs[index]
    if [size for size in blob.shape if size != 1] != [size for size in shape if size != 1]:
        next_step = "prototxt and caffemodel do not belong together"
        expected = str(tuple(shape))
        raise BadInput(
            explain("weights do not fit", where=where, got=blob.shape, expected=expected, next_step=next_step)
        )
    return blob.reshape(shape)


def _unsupported(layer: Layer, word: str, got: object, expected: str) -> BadInput:
    return BadInput(explain(f"{word} is not supported", where=f"layer {layer.name}", got=got, expected=expected))
