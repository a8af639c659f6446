"""The optimiser's steps: rise and fall of the learning rate, decay of the weights, their moving average."""

from __future__ import annotations

import math

import torch
from torch import nn

from edge.errors import BadInput, explain

MOST_GRADIENT = 5.0
"""Norm at which gradients are clipped."""


def rate_at(epoch: float, epochs: int, *, highest: float, warmup_epochs: float) -> float:
    """Learning rate at a point of the run (in epochs): linear warm-up, then half a cosine (Loshchilov and Hutter)."""
    warm = min(1.0, (epoch + 1e-3) / warmup_epochs) if warmup_epochs else 1.0
    return highest * warm * 0.5 * (1 + math.cos(math.pi * min(epoch / epochs, 1.0)))


def make_optimiser(network: nn.Module, weight_decay: float) -> torch.optim.AdamW:
    """AdamW; weights decay, biases and batch norms do not."""
    decaying = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, fused=True)


def step(optimiser: torch.optim.AdamW, network: nn.Module, loss: torch.Tensor, rate: float) -> None:
    """Take one step down the gradient of the loss, at this rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), MOST_GRADIENT)
    optimiser.step()


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, *, steps: int, decay: float) -> None:
    """Let the average follow the network's weights and batch norm statistics; steps: those taken so far."""
    decay = min(decay, steps / (steps + 10))  # forget the first weights
    pairs = zip(average.state_dict().values(), network.state_dict().values(), strict=True)
    floats = [(a, b) for a, b in pairs if a.is_floating_point()]
    torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], 1 - decay)


def need_numbers(means: dict[str, float]) -> None:
    """Raise BadInput where the loss is not a finite number any more."""
    if not math.isfinite(means["total"]):
        next_step = "lower schedule.learning_rate and start again"
        raise BadInput(explain("the loss is not a finite number any more", got=means, next_step=next_step))
