"""Imitations of what a kiosk's camera does to a face, on batches, on CPU or GPU.

Every function takes and returns float32 (N, 3, H, W) BGR 0-1 and a `torch.Generator` that alone decides what happens.
Strengths are shares of the batch or standard deviations, set in `Augmentation`. The first step cuts chips to the size
that the network sees, so that the others have fewer pixels to change.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import torch
from msgspec import Meta, Struct
from torch import Generator, Tensor
from torch.nn import functional

Share = Annotated[float, Meta(ge=0, le=1, description="Share of the pictures.")]

# Tables of ITU-T T.81 (JPEG), annex K.1.
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
_BLOCK = 8
FABRICS_BGR = ((0.92, 0.92, 0.92), (0.88, 0.80, 0.67), (0.12, 0.12, 0.12), (0.78, 0.63, 0.35))
"""What masks are made of: white, medical blue, black, blue."""
ANY_COLOUR, PATTERNED = 0.25, 0.3
"""Shares of the masks that have a random colour, and of those with a pattern."""


class Augmentation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often and how strongly to disturb. The defaults suit faces of 20 px and more under indoor light."""

    flip: Share = 0.5
    rotation_deg: Annotated[float, Meta(ge=0, description="Standard deviation.")] = 6.0
    scale: Annotated[float, Meta(ge=0, description="Standard deviation of the log.")] = 0.06
    stretch: Annotated[float, Meta(ge=0, description="Standard deviation of the log of the aspect: a turned head.")] = (
        0.05
    )
    shift: Annotated[float, Meta(ge=0, description="Standard deviation, share of the side.")] = 0.025
    small: Share = 0.3
    smallest_px: Annotated[int, Meta(ge=8)] = 20
    blur: Share = 0.2
    light: Annotated[float, Meta(ge=0, description="Strength of brightness, contrast and gamma.")] = 0.3
    colour: Annotated[float, Meta(ge=0, description="Strength of saturation and white balance.")] = 0.15
    grey: Share = 0.1
    dark: Share = 0.1
    noise: Annotated[float, Meta(ge=0, description="Standard deviation, of the range.")] = 0.02
    jpeg: Share = 0.3
    occlusion: Share = 0.25
    mask: Annotated[Share, Meta(description="Share of the faces that wear a mask over mouth and nose.")] = 0.05


def augment(
    chips: Tensor, wanted: Augmentation, generator: Generator, *, px: int, margin: float
) -> tuple[Tensor, Tensor]:
    """Apply everything in the order of light, lens, sensor and codec; also returns who wears a mask, bool (N,).

    px: side of the returned pictures, (N, 3, px, px). margin: how much of a chip they show, as in a manifest's [crop].
    """
    x = move(chips, wanted, generator, px=px, margin=margin)
    x = cover(x, wanted.occlusion, generator)
    x, masked = put_on_masks(x, wanted.mask, generator)
    x = relight(x, wanted, generator)
    x = blur(x, wanted.blur, generator)
    x = shrink(x, wanted.small, wanted.smallest_px, generator)
    x = add_noise(x, wanted.noise, wanted.dark, generator)
    return compress(x, wanted.jpeg, generator).clamp(0, 1), masked


def move(x: Tensor, wanted: Augmentation, generator: Generator, *, px: int, margin: float) -> Tensor:
    """Flip, rotate, scale, stretch and shift each chip, and cut it to (N, 3, px, px); beyond its edge, the edge
    repeats.
    """
    count = len(x)
    normal = _normal(generator, x, 5, count)
    angle = normal[0] * wanted.rotation_deg * torch.pi / 180
    scale = (normal[1] * wanted.scale).exp() * (1 + 2 * margin)
    aspect = (normal[2] * wanted.stretch).exp()
    mirror = 1 - 2 * (_uniform(generator, x, count) < wanted.flip).float()
    cos, sin = angle.cos() * scale, angle.sin() * scale
    shift = normal[3:] * wanted.shift * 2  # grid_sample counts from -1 to 1
    rows = torch.stack((cos * aspect * mirror, -sin, shift[0], sin * mirror, cos / aspect, shift[1]), dim=1)
    grid = functional.affine_grid(rows.view(count, 2, 3), [count, 3, px, px], align_corners=False)
    return functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def cover(x: Tensor, share: float, generator: Generator) -> Tensor:
    """Cover faces with a plain rectangle anywhere: a hand, a scarf, a column."""
    count = len(x)
    random = _uniform(generator, x, 5, count, 1, 1)
    rows, columns = _places(x)
    inside = (rows - random[0]).abs() < 0.06 + 0.16 * random[2]
    inside = inside & ((columns - random[1]).abs() < 0.06 + 0.16 * random[3]) & (random[4] < share)
    return torch.where(inside.unsqueeze(1), _uniform(generator, x, count, 3, 1, 1), x)


def put_on_masks(x: Tensor, share: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Put masks over mouth and nose of aligned faces; also returns who wears one, bool (N,).

    A mask has a plain colour or the pattern of another picture's corner; some of the light on the face is kept.
    """
    random = _uniform(generator, x, 5, len(x), 1, 1)
    rows, columns = _places(x)
    down = (rows - 0.70 - 0.06 * random[0]) / (0.27 + 0.09 * random[1])
    aside = (columns - 0.47 - 0.06 * random[2]) / (0.36 + 0.12 * random[3])
    masked = random[4] < share
    inside = (down.abs() ** 3 + aside.abs() ** 3 < 1) & masked
    light = _resize(functional.adaptive_avg_pool2d(_grey(x), 5), x.shape[-1])
    shade = (0.6 + 0.4 * light / light.mean((2, 3), keepdim=True).clamp(min=1e-2)).clamp(0.4, 1.2)
    return torch.where(inside.unsqueeze(1), (_fabrics(x, generator) * shade).clamp(0, 1), x), masked.flatten()


def _fabrics(x: Tensor, generator: Generator) -> Tensor:
    """The fabric of each picture's mask, (N, 3, H, W)."""
    random = _uniform(generator, x, 3, len(x), 1, 1, 1)
    common = x.new_tensor(FABRICS_BGR)
    plain = common[(random[0].flatten() * len(common)).long()].view(-1, 3, 1, 1) * (0.6 + 0.45 * random[1])
    plain = torch.where(random[2] < ANY_COLOUR, _uniform(generator, x, len(x), 3, 1, 1), plain)
    side = x.shape[-1]
    pattern = _resize(x.roll(1, 0)[..., : side // 4, : side // 4], side)
    return torch.where(random[2] > 1 - PATTERNED, pattern, plain)


def _places(x: Tensor) -> tuple[Tensor, Tensor]:
    """Positions of rows and columns, shares of the side from 0 to 1: (1, H, 1) and (1, 1, W)."""
    height, width = x.shape[2:]
    rows, columns = (torch.linspace(0, 1, side, device=x.device) for side in (height, width))
    return rows.view(1, -1, 1), columns.view(1, 1, -1)


def relight(x: Tensor, wanted: Augmentation, generator: Generator) -> Tensor:
    """Change gamma, contrast, brightness, saturation and white balance of each picture."""
    count = len(x)
    normal = _normal(generator, x, 3, count, 1, 1, 1) * wanted.light
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (x.clamp(1e-4, 1) ** (normal[0] * 0.8).exp() - mean) * (normal[1] * 0.6).exp() + mean + normal[2] * 0.35
    grey = _grey(x)
    saturation = (_normal(generator, x, count, 1, 1, 1) * wanted.colour * 2).exp()
    saturation = torch.where(_uniform(generator, x, count, 1, 1, 1) < wanted.grey, 0.0, saturation)
    balance = (_normal(generator, x, count, 3, 1, 1) * wanted.colour * 0.5).exp()
    return ((grey + (x - grey) * saturation) * balance).clamp(0, 1)


def blur(x: Tensor, share: float, generator: Generator) -> Tensor:
    """Blur as if out of focus or moving: a Gaussian, longer along a random direction than across it."""
    picked = _pick(len(x), share, generator, x)
    if len(picked) == 0:
        return x
    count, side = len(picked), 9
    along = 0.4 + 2.2 * _uniform(generator, x, count, 1, 1)
    across = 0.3 + (along - 0.3) * _uniform(generator, x, count, 1, 1) ** 2
    angle = torch.pi * _uniform(generator, x, count, 1, 1)
    steps = torch.arange(side, device=x.device, dtype=x.dtype) - side // 2
    rows, columns = steps.view(1, -1, 1), steps.view(1, 1, -1)
    u, v = columns * angle.cos() + rows * angle.sin(), rows * angle.cos() - columns * angle.sin()
    kernels = (-((u / along) ** 2) / 2 - (v / across) ** 2 / 2).exp()
    kernels = kernels / kernels.sum((1, 2), keepdim=True)
    padded = functional.pad(x[picked], (side // 2,) * 4, mode="replicate").transpose(0, 1)
    blurred = functional.conv2d(padded, kernels.unsqueeze(1), groups=count).transpose(0, 1)
    return x.index_copy(0, picked, blurred.contiguous())


def shrink(x: Tensor, share: float, smallest_px: int, generator: Generator) -> Tensor:
    """Show a face as from further away: fewer pixels, enlarged back to the size. A few sizes per batch."""
    side, sizes = x.shape[-1], 4
    picked = _pick(len(x), share, generator, x)
    for part in picked.chunk(sizes):
        if len(part):
            share_of_log = float(torch.rand((), generator=generator, device=x.device))
            wanted = round(smallest_px * (side / smallest_px) ** share_of_log)
            small = functional.interpolate(x[part], size=(wanted, wanted), mode="area")
            x = x.index_copy(0, part, _resize(small, side))
    return x


def add_noise(x: Tensor, strength: float, dark: float, generator: Generator) -> Tensor:
    """Add sensor noise; for a share of the pictures little light, amplified by gain, with much more noise."""
    count = len(x)
    level = strength * _uniform(generator, x, count, 1, 1, 1)
    gain = torch.where(_uniform(generator, x, count, 1, 1, 1) < dark, 4.0, 1.0)
    lifted = torch.where(gain > 1, 0.15 + 0.5 * _uniform(generator, x, count, 1, 1, 1), 1.0)
    return x * lifted + _normal(generator, x, *x.shape) * level * gain


def compress(x: Tensor, share: float, generator: Generator) -> Tensor:
    """Add JPEG blocks of qualities of about 15 to 70: cosine coefficients are rounded to steps (ITU-T T.81)."""
    picked = _pick(len(x), share, generator, x)
    if len(picked) == 0:
        return x
    height, width = x.shape[-2] // _BLOCK * _BLOCK, x.shape[-1] // _BLOCK * _BLOCK
    part = x[picked][..., :height, :width]
    blocks = part.unfold(2, _BLOCK, _BLOCK).unfold(3, _BLOCK, _BLOCK)
    cosines, steps = _cosines(x.device), _steps(x.device)
    coarse = 0.7 + 2.6 * _uniform(generator, x, len(picked), 1, 1, 1, 1, 1)
    coefficients = cosines @ (blocks - 0.5) @ cosines.T
    rounded = (coefficients / (steps * coarse)).round() * (steps * coarse)
    back = (cosines.T @ rounded @ cosines + 0.5).permute(0, 1, 2, 4, 3, 5).reshape(part.shape)
    result = x.clone()
    result[picked, :, :height, :width] = back
    return result


@lru_cache(maxsize=4)
def _cosines(device: torch.device) -> Tensor:
    """The orthonormal cosine transform of 8 values, float32 (8, 8)."""
    k, n = torch.arange(_BLOCK).view(-1, 1), torch.arange(_BLOCK).view(1, -1)
    rows = torch.cos((2 * n + 1) * k * torch.pi / (2 * _BLOCK)) * (2 / _BLOCK) ** 0.5
    rows[0] /= 2**0.5
    return rows.to(device)


@lru_cache(maxsize=4)
def _steps(device: torch.device) -> Tensor:
    return torch.tensor(_LUMINANCE, dtype=torch.float32, device=device) / 255


def _resize(x: Tensor, side: int) -> Tensor:
    return functional.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)


def _grey(x: Tensor) -> Tensor:
    """Luma of BGR (ITU-R BT.601), (N, 1, H, W)."""
    return (x * x.new_tensor((0.114, 0.587, 0.299)).view(1, 3, 1, 1)).sum(1, keepdim=True)


def _pick(count: int, share: float, generator: Generator, x: Tensor) -> Tensor:
    """Positions of a share of the batch, in random order."""
    order = torch.randperm(count, generator=generator, device=x.device)
    return order[: round(count * share)]


def _normal(generator: Generator, like: Tensor, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, device=like.device)


def _uniform(generator: Generator, like: Tensor, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator, device=like.device)
