"""Cuts off a DetectionOutput layer: its inputs become the network's outputs, which the device decodes itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from conversion.caffe.graph import Graph
from conversion.caffe.network import Layer
from conversion.caffe.priors import read_level, read_variances
from edge.catalog.manifest import Priors
from edge.errors import BadInput, explain

CENTER_SIZE = 2


class Heads(NamedTuple):
    """What remains after the cut: the blobs of offsets and of probabilities, and priors for the decoder `ssd-heads`."""

    boxes: str
    scores: str
    priors: Priors


def read_heads(detection: Layer, layers: Sequence[Layer], graph: Graph) -> Heads:
    """The inputs of a DetectionOutput layer with one class (a face). Raises BadInput where no decoder fits."""
    params = detection.params.detection_output_param
    fits = params.num_classes == 2 and params.background_label_id == 0 and params.share_location
    if not fits or params.code_type != CENTER_SIZE or params.variance_encoded_in_target:
        got = " ".join(str(params).split())
        expected = "2 classes, background 0, shared CENTER_SIZE boxes, variances not encoded in the boxes"
        raise BadInput(explain("DetectionOutput is not supported", where=detection.name, got=got, expected=expected))
    boxes, scores, priors = detection.bottoms[:3]
    return Heads(boxes, scores, _read_priors(priors, layers, graph))


def _read_priors(blob: str, layers: Sequence[Layer], graph: Graph) -> Priors:
    """Trace the priors back to their PriorBox layers, in the order they are joined."""
    writers = {top: layer for layer in layers for top in layer.tops}
    writer = writers[blob]
    found = [writers[name] for name in writer.bottoms] if writer.type == "Concat" else [writer]
    if any(layer.type != "PriorBox" for layer in found):
        raise BadInput(explain("priors that do not come from a PriorBox layer", where=f"layer {writer.name}"))
    centre, size = read_variances(found[0])
    clip = found[0].params.prior_box_param.clip
    for layer in found:
        if (*read_variances(layer), layer.params.prior_box_param.clip) != (centre, size, clip):
            expected = f"those of layer {found[0].name}: one decoder reads all levels"
            raise BadInput(explain("other variances or clip", where=f"layer {layer.name}", expected=expected))
    levels = tuple(read_level(layer, graph) for layer in found)
    return Priors(levels=levels, centre_variance=centre, size_variance=size, clip=clip)
