"""Light, blur, noise and codec on whole canvases, with the functions that disturb face chips."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from training.runs.augmentation import Augmentation, add_noise, blur, compress, relight

FEW_PX = 2 * 320 * 192
"""Pictures with about this many pixels together stay in a processor's cache."""


def disturb_share(pictures: Tensor, share: float, wanted: Augmentation, generator: Generator) -> Tensor:
    """Disturb the first share of the pictures, in place; the others are not changed."""
    count = round(len(pictures) * share)
    if count:
        pictures[:count] = disturb(pictures[:count], wanted, generator)
    return pictures


def disturb(pictures: Tensor, wanted: Augmentation, generator: Generator) -> Tensor:
    """Disturb pictures, float32 (N, 3, H, W) BGR 0-1, in the order in which light, lens, sensor and codec act."""
    few = max(1, FEW_PX // (pictures.shape[2] * pictures.shape[3]))
    x = torch.cat([relight(part, wanted, generator) for part in pictures.split(few)])
    x = blur(x, wanted.blur, generator)
    x = torch.cat([add_noise(part, wanted.noise, wanted.dark, generator) for part in x.split(few)])
    return compress(x, wanted.jpeg, generator).clamp_(0, 1)
