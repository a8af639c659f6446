"""What a network costs: parameters and multiply-accumulates of one picture."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn


class Cost(NamedTuple):
    """Parameters, and multiply-accumulates of convolutions and linear layers for one picture."""

    parameters: int
    macs: int


def cost_of(network: nn.Module, hw: tuple[int, int]) -> Cost:
    """Run one black picture of hw (height, width) px through the network and count."""
    macs = 0

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal macs
        if isinstance(layer, nn.Conv2d):
            macs += output[0].numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            macs += layer.weight.numel()

    hooks = [layer.register_forward_hook(count) for layer in network.modules()]
    training = network.training
    device = next(network.parameters()).device
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, *hw, device=device))
    network.train(training)
    for hook in hooks:
        hook.remove()
    return Cost(sum(parameter.numel() for parameter in network.parameters()), macs)
