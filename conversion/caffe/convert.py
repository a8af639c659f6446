"""Converts a prototxt and a caffemodel to ONNX, with the batch fixed to one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from conversion.caffe.graph import Graph
from conversion.caffe.heads import Heads, read_heads
from conversion.caffe.layers import LAYERS
from conversion.caffe.network import Layer, Network, check_fields, read_network
from edge.errors import BadInput, explain

CUT = "DetectionOutput"


@dataclass(frozen=True, slots=True)
class Converted:
    """The ONNX network; `heads` where a DetectionOutput layer was cut off."""

    model: onnx.ModelProto
    heads: Heads | None


def convert_caffe(prototxt: Path, caffemodel: Path) -> Converted:
    """Convert a Caffe network to ONNX: float32 (1, C, H, W) in; the blobs that no layer reads are the outputs.

    Raises BadInput for files that cannot be read, an unknown layer or parameter, and weights that do not fit.
    """
    network = read_network(prototxt, caffemodel)
    _need_known(network, str(prototxt))
    check_fields(prototxt)
    _need_one_input(network, str(prototxt))
    graph = Graph({name: (1, *shape[1:]) for name, shape in network.inputs.items()}, network.layers)
    heads: Heads | None = None
    resolved: list[Layer] = []
    for layer in network.layers:
        placed = _place(layer, graph)
        if layer.type == CUT:
            heads = read_heads(placed, resolved, graph)
            continue
        LAYERS[layer.type](placed, graph)
        resolved.append(placed)
        for blob, tensor in zip(layer.tops, placed.tops, strict=True):
            graph.becomes(blob, tensor)
    outputs = [heads.boxes, heads.scores] if heads else _unread(network.layers)
    return Converted(graph.model(outputs), heads)


def _need_known(network: Network, where: str) -> None:
    for layer in network.layers:
        if layer.type not in LAYERS and layer.type != CUT:
            expected = ", ".join(sorted([*LAYERS, CUT, "Input"]))
            what = f"layer {layer.name} has an unknown type"
            raise BadInput(explain(what, where=where, got=layer.type, expected=f"one of {expected}"))


def _need_one_input(network: Network, where: str) -> None:
    shapes = list(network.inputs.values())
    if len(shapes) != 1 or len(shapes[0]) != 4:
        got = ", ".join(f"{name} {shape}" for name, shape in network.inputs.items())
        raise BadInput(explain("not a network of one picture", where=where, got=got, expected="one input (N, C, H, W)"))


def _place(layer: Layer, graph: Graph) -> Layer:
    """The layer with names of tensors in place of blobs. Raises BadInput where a bottom was never written."""
    bottoms = [graph.reads(blob) for blob in layer.bottoms]
    missing = [blob for blob, tensor in zip(layer.bottoms, bottoms, strict=True) if tensor is None]
    if missing or not bottoms:
        got = ", ".join(missing) or "none"
        raise BadInput(explain("a bottom that no layer writes", where=f"layer {layer.name}", got=got))
    tops = tuple(graph.writes(blob) for blob in layer.tops)
    return replace(layer, bottoms=tuple(filter(None, bottoms)), tops=tops)


def _unread(layers: Sequence[Layer]) -> list[str]:
    """Blobs that no other layer reads, in the order they are written."""
    read = {bottom for layer in layers for bottom in layer.bottoms if bottom not in layer.tops}
    return list(dict.fromkeys(top for layer in layers for top in layer.tops if top not in read))
