"""A trained network as ONNX, for `passerby convert`: BGR pictures 0-255 in.

Input `pictures` float32 (1, 3, H, W) BGR 0-255; in our own networks the scale is part of the first convolution. The
file depends on the weights alone: what the exporter tells of itself and of this machine is taken out.
"""

from __future__ import annotations

import warnings
from copy import deepcopy
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

INPUT = "pictures"
OPSET = 18


@runtime_checkable
class TakesBytes(Protocol):
    """A network that can make the scale of its pictures a part of its weights."""

    def take_bytes(self) -> None:
        """From now on pictures are 0-255."""


class _Scaled(nn.Module):
    """A network behind the scale of its pictures."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        found: tuple[Tensor, ...] = self.network(pictures * (1 / 255))
        return found


def export_onnx(network: nn.Module, hw: tuple[int, int], outputs: tuple[str, ...]) -> bytes:
    """The file of the network for pictures of hw (height, width) px; outputs: names, in its order."""
    whole = _taking_bytes(deepcopy(network).cpu().float()).eval()
    picture = torch.zeros(1, 3, *hw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program: Any = torch.onnx.export(
            whole, (picture,), input_names=[INPUT], output_names=list(outputs), opset_version=OPSET, dynamo=True,
            verbose=False,
        )  # fmt: skip
    content: bytes = _plain(program.model_proto).SerializeToString(deterministic=True)
    return content


def _taking_bytes(network: nn.Module) -> nn.Module:
    backbone = getattr(network, "backbone", network)
    if not isinstance(backbone, TakesBytes):
        return _Scaled(network)
    backbone.take_bytes()
    return network


def _plain(model: Any) -> Any:
    """Without traces of the exporting machine."""
    del model.metadata_props[:], model.graph.metadata_props[:]
    model.producer_name, model.producer_version, model.graph.name = "passerby", "", "network"
    for each in (
        *model.graph.node,
        *model.graph.initializer,
        *model.graph.value_info,
        *model.graph.input,
        *model.graph.output,
    ):
        del each.metadata_props[:]
        each.doc_string = ""
    return model
