"""SSD's priors: PriorBox computed as a constant, and as the levels in a manifest for the device's decoder.

Source: Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016, and its PriorBox layer (branch ssd of
github.com/weiliu89/caffe, src/caffe/layers/prior_box_layer.cpp).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from conversion.caffe.graph import Graph
from conversion.caffe.network import Layer
from edge.catalog.manifest import PriorLevel, Priors
from edge.errors import BadInput, explain
from edge.sensor.detection.ssd_heads import make_priors


def prior_box(layer: Layer, graph: Graph) -> None:
    """Add a constant (1, 2, P * 4): corners as shares of the input (0-1), then variances."""
    level = read_level(layer, graph)
    params = layer.params.prior_box_param
    height, width = graph.input_hw
    centres = make_priors(Priors(levels=(level,), clip=params.clip), (height, width))
    half = centres[:, 2:] / 2
    corners = np.concatenate((centres[:, :2] - half, centres[:, :2] + half), axis=1)
    variances = np.broadcast_to(np.array(read_variances(layer), np.float32)[[0, 0, 1, 1]], corners.shape)
    values = np.stack((corners.ravel(), variances.ravel()))[None].astype(np.float32)
    constant = graph.constant(f"{layer.tops[0]}/values", values)
    graph.add("Identity", [constant], layer.tops[0], values.shape)


def read_level(layer: Layer, graph: Graph) -> PriorLevel:
    """The cells of a PriorBox layer and the sides of its priors in px. Raises BadInput where it sets a picture size."""
    params = layer.params.prior_box_param
    if params.img_size or params.img_h or params.img_w:
        expected = "the size of the network's input: no img_size, img_h, img_w"
        raise BadInput(explain("priors of another picture size", where=f"layer {layer.name}", expected=expected))
    rows, columns = graph.shapes[layer.bottoms[0]][2:]
    height, width = graph.shapes[layer.bottoms[1]][2:]
    step_x = params.step_w or params.step or width / columns
    step_y = params.step_h or params.step or height / rows
    return PriorLevel(
        rows=rows,
        columns=columns,
        step_px=(step_x, step_y),
        offset=round(params.offset, 6),
        sides_px=tuple((round(w, 6), round(h, 6)) for w, h in _sides(params)),
    )


def read_variances(layer: Layer) -> tuple[float, float]:
    """Variances of centre and size: 0.1 each where the layer has none."""
    values = [round(value, 6) for value in layer.params.prior_box_param.variance] or [0.1]
    return values[0], values[-1]


def _sides(params: Any) -> Iterator[tuple[float, float]]:
    """Width and height of each prior: the smallest square, the one between it and the largest, then the ratios."""
    ratios = _ratios(params)
    for position, smallest in enumerate(params.min_size):
        yield smallest, smallest
        if position < len(params.max_size):
            between = float(np.sqrt(smallest * params.max_size[position]))
            yield between, between
        for ratio in ratios:
            yield smallest * ratio**0.5, smallest / ratio**0.5


def _ratios(params: Any) -> list[float]:
    """Ratios other than 1, each once; with `flip` each is followed by its inverse."""
    found: list[float] = [1.0]
    for ratio in params.aspect_ratio:
        if all(abs(ratio - other) > 1e-6 for other in found):
            found += [ratio, 1 / ratio] if params.flip else [ratio]
    return found[1:]
