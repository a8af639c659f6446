"""MobileNet, trained on faces and their ages and genders: a starting point for teachers.

Howard et al., "MobileNets", 2017, with the weights of Savchenko, "Efficient facial representations for age, gender and
identity recognition in organizing photo albums using multi-output ConvNet", PeerJ Computer Science 2019: persons of
VGGFace2, then ages and genders of IMDB-WIKI. Its normalisations are folded into its convolutions; its answers are not
used. The device never runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

MEAN_BGR = (103.939, 116.779, 123.68)
CHANNELS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
"""Channels after the first convolution and after each of the 13 blocks."""
HALVING = (2, 4, 6, 12)
"""Blocks that halve height and width."""


class FaceMobileNet(nn.Module):
    """BGR pictures 0-1, float32 (N, 3, H, W), of aligned faces to features (N, 1024)."""

    feature_count = CHANNELS[-1]

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, CHANNELS[0], 3, 2)
        for block, (before, wanted) in enumerate(pairwise(CHANNELS), start=1):
            stride = 2 if block in HALVING else 1
            self.add_module(f"conv_dw_{block}", nn.Conv2d(before, before, 3, stride, groups=before))
            self.add_module(f"conv_pw_{block}", nn.Conv2d(before, wanted, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        x = pictures * 255 - pictures.new_tensor(MEAN_BGR).view(1, 3, 1, 1)
        for layer in self.children():
            convolution = cast(nn.Conv2d, layer)
            x = functional.relu6(convolution(_pad(x, convolution)))
        return x.mean((2, 3))


def _pad(x: Tensor, convolution: nn.Conv2d) -> Tensor:
    """Zero padding as TensorFlow does it for an even size: a halving 3x3 convolution begins at the first pixel."""
    if convolution.kernel_size == (1, 1):
        return x
    return functional.pad(x, (0, 1, 0, 1) if convolution.stride == (2, 2) else (1, 1, 1, 1))


def fuse_normalisations(published: Mapping[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    """Weights of `FaceMobileNet` from those of its TensorFlow.js graph, `NAME_bn/batchnorm_1/sub` being a bias; those
    of depthwise layers are still to be multiplied by `NAME_bn/batchnorm_1/mul`. Nothing where there are none.
    """
    fused = dict[str, Tensor]()
    for name in (key.removesuffix("_bn/batchnorm_1/sub") for key in published if key.endswith("_bn/batchnorm_1/sub")):
        if name.startswith("conv_dw_"):
            filters = published[f"{name}/depthwise_kernel"].transpose(2, 3, 0, 1)
            filters = filters * published[f"{name}_bn/batchnorm_1/mul"].reshape(-1, 1, 1, 1)
        else:
            filters = published[f"{name}/convolution/merged_input"].transpose(3, 2, 0, 1)
        bias = published[f"{name}_bn/batchnorm_1/sub"]
        fused |= {f"{name}.weight": torch.tensor(filters.copy()), f"{name}.bias": torch.tensor(bias)}
    return fused
