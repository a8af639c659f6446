"""From chips to what a network sees."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def to_input(chips: Tensor, input_px: int, margin: float) -> Tensor:
    """The part of chips, float32 (N, 3, H, H) BGR 0-1, that a network sees, at its size.

    margin: as in a manifest's [crop], at most 0 here, since there is nothing around a chip. Bilinear without averaging,
    as in `edge.sensor.imaging.align_face` where it shrinks by less than 2.
    """
    border = round(-margin * chips.shape[-1])
    if border > 0:
        chips = chips[..., border:-border, border:-border]
    if chips.shape[-1] != input_px:
        chips = functional.interpolate(chips, size=(input_px, input_px), mode="bilinear", align_corners=False)
    return chips.contiguous(memory_format=torch.channels_last)
