"""A trained network as ONNX, for `passerby convert`: BGR pictures 0-255 in.

Input `pictures` float32 (1, 3, H, W) BGR 0-255; in our own networks the scale is part of the first convolution. Batch
norms are folded into their convolutions, then every weight is rounded to 16 bits, so that all artefacts share the same
weights. The file depends on the weights alone: what the exporter writes about itself and its machine is removed.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

INPUT = "pictures"
OPSET = 18


@runtime_checkable
class TakesBytes(Protocol):
    """A network that can fold the scale of its pictures into its weights."""

    def take_bytes(self) -> None:
        """From now on pictures are 0-255."""


class _Scaled(nn.Module):
    """A network preceded by the scale of its pictures."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        found: tuple[Tensor, ...] = self.network(pictures * (1 / 255))
        return found


def export_onnx(network: nn.Module, hw: tuple[int, int], outputs: tuple[str, ...]) -> bytes:
    """The ONNX file of a network for pictures of hw (height, width) px. outputs: names, in the network's order."""
    plain = (
        deepcopy(network).cpu().float().to(memory_format=torch.contiguous_format)
    )  # any other format leaves Gather operations behind
    whole = round_weights(_taking_bytes(fold_batch_norms(plain.eval()))).eval()
    picture = torch.zeros(1, 3, *hw)
    with (
        warnings.catch_warnings(),
        _silent("torch.onnx"),
    ):  # of its own deprecations, and of torchvision that it does not find
        warnings.simplefilter("ignore")
        program: Any = torch.onnx.export(
            whole, (picture,), input_names=[INPUT], output_names=list(outputs), opset_version=OPSET, dynamo=True,
            verbose=False,
        )  # fmt: skip
    content: bytes = _plain(program.model_proto).SerializeToString(deterministic=True)
    return content


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Suppress a logger's warnings."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Fold each batch norm that follows a convolution in a sequence into it, in place."""
    for sequence in [each for each in network.modules() if isinstance(each, nn.Sequential)]:
        for place, (first, second) in enumerate(pairwise(list(sequence))):
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                sequence[place], sequence[place + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
    return network


@torch.no_grad()
def round_weights(network: nn.Module) -> nn.Module:
    """Round every parameter with two or more axes to the nearest 16-bit number, in place."""
    for weights in network.parameters():
        if weights.ndim > 1:
            weights.copy_(weights.half().float())
    return network


def _taking_bytes(network: nn.Module) -> nn.Module:
    backbone = getattr(network, "backbone", network)
    if not isinstance(backbone, TakesBytes):
        return _Scaled(network)
    backbone.take_bytes()
    return network


def _plain(model: Any) -> Any:
    """The model without traces of the exporting machine."""
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
