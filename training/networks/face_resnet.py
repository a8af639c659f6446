"""The residual network that dlib's author trained to distinguish faces: a starting point for teachers.

King, "High Quality Face Recognition with Deep Metric Learning", blog.dlib.net, 2017: 29 convolutions after He et al.,
CVPR 2016, with half of the filters, trained on 3 million faces without a person of LFW; its weights are in the public
domain. Its answer, which identifies persons, is not used: the last layer is left out. The device never runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edge.errors import ConfigError, explain

FACE_RESNET_PX = 150
"""Side of the faces that its weights were trained on."""
LEAST_PX = 131
MEAN_RGB = (122.782, 117.001, 104.298)
STAGES = ((32, 3), (64, 3), (128, 2), (256, 2))
"""Channels, and residual blocks at that size after the halving one."""


class FaceResNet(nn.Module):
    """BGR pictures 0-1, float32 (N, 3, H, W), of aligned faces to features (N, 256)."""

    feature_count = 256

    def __init__(self, input_px: int) -> None:
        """Raises ConfigError where a face this small would shrink to nothing inside the network."""
        super().__init__()
        if input_px < LEAST_PX:
            raise ConfigError(
                explain("too small for this backbone", where="input_px", got=input_px, expected=f">= {LEAST_PX}")
            )
        self.conv32_down = nn.Conv2d(3, 32, 7, 2)
        channels = 32
        for wanted, blocks in STAGES:
            if wanted != channels:
                self.add_module(f"conv{wanted}_down", FaceBlock(channels, wanted, halves=True))
            for block in range(1, blocks + 1):
                self.add_module(f"conv{wanted}_{block}", FaceBlock(wanted, wanted, halves=False))
            channels = wanted
        self.conv256_down_out = FaceBlock(channels, channels, halves=True)

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        mean = pictures.new_tensor(MEAN_RGB).view(1, 3, 1, 1) / 255
        x = functional.max_pool2d(torch.relu(self.conv32_down(pictures.flip(1) - mean)), 3, 2)
        for name, block in self.named_children():
            x = x if name == "conv32_down" else block(x)
        return cast(Tensor, x.mean((2, 3)))


class FaceBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which a halving block pools and pads with zeros."""

    def __init__(self, channels: int, wanted: int, *, halves: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, wanted, 3, 2 if halves else 1, 0 if halves else 1)
        self.conv2 = nn.Conv2d(wanted, wanted, 3, 1, 1)
        self._halves = halves

    def forward(self, x: Tensor) -> Tensor:
        """float32 (N, channels, H, W) to (N, wanted, H, W) or, halving, (N, wanted, H // 2, W // 2)."""
        inside = self.conv2(torch.relu(self.conv1(x)))
        if self._halves:
            x = functional.avg_pool2d(x, 2)
            (height, width), (h, w) = x.shape[2:], inside.shape[2:]
            inside = functional.pad(inside, (0, width - w, 0, height - h))
            x = torch.cat((x, torch.zeros_like(inside[:, x.shape[1] :, :height, :width])), 1)
        return torch.relu(inside + x)


def fuse_scales(published: Mapping[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    """Weights of `FaceResNet` from those that face-api.js publishes: `NAME/conv/filters` (H, W, in, out) and
    `NAME/conv/bias`, each followed by `NAME/scale/weights` and `NAME/scale/biases`; nothing where there are none.
    """
    fused = dict[str, Tensor]()
    for name in (key.removesuffix("/conv/filters") for key in published if key.endswith("/conv/filters")):
        scale, own = published[f"{name}/scale/weights"], name.replace("/", ".")
        filters = (published[f"{name}/conv/filters"] * scale).transpose(3, 2, 0, 1)
        bias = published[f"{name}/conv/bias"] * scale + published[f"{name}/scale/biases"]
        fused |= {f"{own}.weight": torch.tensor(filters.copy()), f"{own}.bias": torch.tensor(bias)}
    return fused
