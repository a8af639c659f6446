"""`nano`: a small residual network of operations that every accelerator can run in int8.

3x3 convolution, batch norm (folded at export), ReLU, addition, average: no depthwise convolution (less exact in int8,
not faster in bf16), no squeeze, no attention. Blocks as in He et al., CVPR 2016.
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct
from torch import Tensor, nn


class Stage(Struct, frozen=True, forbid_unknown_fields=True):
    """Residual blocks of one size; the first one halves height and width."""

    channels: int
    blocks: int


class NanoBackbone(nn.Module):
    """BGR pictures 0-1, float32 (N, 3, H, W), to features (N, `feature_count`)."""

    def __init__(self, stem: int, stages: tuple[Stage, ...], features: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Sequential(*convolve(3, stem, stride=2), nn.ReLU())]
        channels = stem
        for stage in stages:
            for block in range(stage.blocks):
                layers.append(ResidualBlock(channels, stage.channels, stride=2 if block == 0 else 1))
                channels = stage.channels
        widened = (
            *convolve(channels, features, kernel=1),
            nn.ReLU(),
        )  # linear layers need more than the last stage has
        self.layers = nn.Sequential(*layers, *widened, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.feature_count = features

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        return cast(Tensor, self.layers(pictures))

    def take_bytes(self) -> None:
        """From now on pictures are 0-255: the scale becomes part of the first convolution, exactly."""
        first = self.layers.get_submodule("0.0")
        assert isinstance(first, nn.Conv2d)
        first.weight.data /= 255


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shapes differ."""

    def __init__(self, channels: int, wanted: int, *, stride: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(*convolve(channels, wanted, stride=stride), nn.ReLU(), *convolve(wanted, wanted))
        same = stride == 1 and channels == wanted
        self.shortcut = nn.Identity() if same else nn.Sequential(*convolve(channels, wanted, kernel=1, stride=stride))

    def forward(self, features: Tensor) -> Tensor:
        """float32 (N, channels, H, W) to (N, wanted, H / stride, W / stride)."""
        return (self.inside(features) + self.shortcut(features)).relu()


def convolve(channels: int, wanted: int, *, kernel: int = 3, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    """Convolution without bias, padded so that stride 1 keeps the size, and its batch norm."""
    return nn.Conv2d(channels, wanted, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(wanted)
