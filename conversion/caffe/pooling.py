"""Pooling as Caffe does it: sizes are rounded up; an average counts padding, but nothing beyond the padding.

Source: github.com/BVLC/caffe, src/caffe/layers/pooling_layer.cpp.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.caffe.graph import Graph
from conversion.caffe.network import Layer
from conversion.onnx.pooling import Axis
from edge.errors import BadInput, explain

MAX, AVERAGE = 0, 1
CEIL = 0


def count_windows(size: int, kernel: int, stride: int, pad: int, *, ceil: bool) -> int:
    """Number of windows along an axis (sizes in px); with `ceil` rounded up, but none begins in the padding after."""
    slack = size + 2 * pad - kernel
    count = (-(-slack // stride) if ceil else slack // stride) + 1
    begins_beyond = pad and (count - 1) * stride >= size + pad
    return count - 1 if begins_beyond else count


def pooling(layer: Layer, graph: Graph) -> None:
    """MAX, AVE and global pooling."""
    params, (source,), (top,) = layer.params.pooling_param, layer.bottoms[:1], layer.tops[:1]
    batch, channels, height, width = graph.shapes[source]
    if params.pool not in (MAX, AVERAGE):
        raise BadInput(explain("stochastic pooling is for training only", where=f"layer {layer.name}"))
    if params.global_pooling:
        word = "GlobalMaxPool" if params.pool == MAX else "GlobalAveragePool"
        graph.add(word, [source], top, (batch, channels, 1, 1))
        return
    rows, columns = _axis(params, "h", height), _axis(params, "w", width)
    shape = batch, channels, rows.outputs, columns.outputs
    window = {"kernel_shape": [rows.kernel, columns.kernel], "strides": [rows.stride, columns.stride]}
    window |= _padding(rows, columns)
    if params.pool == MAX:
        graph.add("MaxPool", [source], top, shape, **window)
    else:
        _average(graph, source, top, shape, window, (rows, columns))


def _axis(params: Any, side: str, size: int) -> Axis:
    """The window along h or w; a side's own setting takes precedence over the common one."""

    def read(word: str, common: str) -> int:
        own = f"{word}_{side}"
        return int(getattr(params, own) if params.HasField(own) else getattr(params, common))

    kernel, stride, pad = read("kernel", "kernel_size"), read("stride", "stride"), read("pad", "pad")
    ceil = params.round_mode == CEIL and params.ceil_mode
    return Axis(size, count_windows(size, kernel, stride, pad, ceil=ceil), kernel, stride, pad)


def _padding(rows: Axis, columns: Axis) -> dict[str, Any]:
    pads = [rows.before, columns.before, rows.after, columns.after]
    if not any(pads):
        return {}
    return {"auto_pad": "SAME_UPPER"} if rows.is_same and columns.is_same else {"pads": pads}


def _average(
    graph: Graph, source: str, top: str, shape: tuple[int, ...], window: dict[str, Any], axes: tuple[Axis, Axis]
) -> None:
    """An average with Caffe's divisor; a correction follows where ONNX cannot express it."""
    divisors = np.outer(*map(_divisors, axes))
    whole = axes[0].kernel * axes[1].kernel
    if (divisors == whole).all():
        graph.add("AveragePool", [source], top, shape, count_include_pad=1, **window)
    elif not axes[0].before and not axes[1].before:
        graph.add("AveragePool", [source], top, shape, **window)
    else:
        part = graph.add("AveragePool", [source], f"{top}/whole", shape, count_include_pad=1, **window)
        factor = graph.constant(f"{top}/factor", (whole / divisors).astype(np.float32)[None, None])
        graph.add("Mul", [part, factor], top, shape)


def _divisors(axis: Axis) -> NDArray[np.float32]:
    """What each window of an average divides by: its part inside the padded input."""
    begins = np.arange(axis.outputs) * axis.stride - axis.before
    return np.asarray(np.minimum(begins + axis.kernel, axis.size + axis.before) - begins, np.float32)
