"""Well-known backbones with torchvision's parameter names, so that weights published for it can be loaded.

Each turns BGR pictures 0-1, float32 (N, 3, H, W), into features (N, `feature_count`); inside, they convert to what
torchvision's weights were trained on: RGB with ImageNet's mean and deviation.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

IMAGENET_MEAN_RGB = (0.485, 0.456, 0.406)
IMAGENET_STD_RGB = (0.229, 0.224, 0.225)
VGG16_CHANNELS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""Channels of each convolution; 0 is a pooling layer."""
MOBILENET_V2_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks, stride of the first block."""


class ResNet(nn.Module):
    """ResNet of basic blocks (He et al., "Deep Residual Learning for Image Recognition", CVPR 2016).

    blocks: of the four stages; (2, 2, 2, 2) is ResNet-18, (3, 4, 6, 3) ResNet-34.
    """

    def __init__(self, blocks: tuple[int, int, int, int], *, width: float = 1.0) -> None:
        super().__init__()
        widths = [round(64 * width * 2**level) for level in range(4)]
        self.conv1 = nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        before = widths[0]
        for level, (wanted, count) in enumerate(zip(widths, blocks, strict=True), start=1):
            first = BasicBlock(before, wanted, stride=1 if level == 1 else 2)
            stage = nn.Sequential(first, *(BasicBlock(wanted, wanted, stride=1) for _ in range(count - 1)))
            self.add_module(f"layer{level}", stage)
            before = wanted
        self.feature_count = before

    def forward(self, pictures: Tensor) -> Tensor:
        """See the module."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(as_imagenet(pictures)))))
        for level in range(1, 5):
            x = self.get_submodule(f"layer{level}")(x)
        return cast(Tensor, x.mean((2, 3)))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, channels: int, wanted: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, wanted, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(wanted)
        self.conv2 = nn.Conv2d(wanted, wanted, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(wanted)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels != wanted:
            self.downsample = nn.Sequential(nn.Conv2d(channels, wanted, 1, stride, bias=False), nn.BatchNorm2d(wanted))

    def forward(self, x: Tensor) -> Tensor:
        """float32 (N, channels, H, W) to (N, wanted, H / stride, W / stride)."""
        inside = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(inside + self.downsample(x))


class VGG16(nn.Module):
    """The convolutions of VGG-16 without its three large layers (Simonyan and Zisserman, ICLR 2015)."""

    feature_count = VGG16_CHANNELS[-2]

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for wanted in VGG16_CHANNELS:
            layers += [nn.Conv2d(channels, wanted, 3, padding=1), nn.ReLU()] if wanted else [nn.MaxPool2d(2)]
            channels = wanted or channels
        self.features = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        """See the module."""
        return cast(Tensor, self.features(as_imagenet(pictures)).mean((2, 3)))


class MobileNetV2(nn.Module):
    """MobileNetV2 (Sandler et al., CVPR 2018)."""

    feature_count = 1280

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolve(3, 32, kernel=3, stride=2)]
        channels = 32
        for expansion, wanted, blocks, stride in MOBILENET_V2_STAGES:
            for block in range(blocks):
                layers.append(MobileBlock(channels, wanted, stride if block == 0 else 1, expansion))
                channels = wanted
        self.features = nn.Sequential(*layers, _convolve(channels, self.feature_count, kernel=1))

    def forward(self, pictures: Tensor) -> Tensor:
        """See the module."""
        return cast(Tensor, self.features(as_imagenet(pictures)).mean((2, 3)))


class MobileBlock(nn.Module):
    """An inverted residual."""

    def __init__(self, channels: int, wanted: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels * expansion
        expand = [] if expansion == 1 else [_convolve(channels, hidden, kernel=1)]
        depthwise = _convolve(hidden, hidden, kernel=3, stride=stride, groups=hidden)
        project = nn.Conv2d(hidden, wanted, 1, bias=False), nn.BatchNorm2d(wanted)
        self.conv = nn.Sequential(*expand, depthwise, *project)
        self.adds = stride == 1 and channels == wanted

    def forward(self, x: Tensor) -> Tensor:
        """float32 (N, channels, H, W) to (N, wanted, H / stride, W / stride)."""
        found: Tensor = self.conv(x)
        return x + found if self.adds else found


def as_imagenet(pictures: Tensor) -> Tensor:
    """BGR 0-1 to RGB with ImageNet's mean 0 and deviation 1, float32 (N, 3, H, W)."""
    mean = pictures.new_tensor(IMAGENET_MEAN_RGB).view(1, 3, 1, 1)
    return (pictures.flip(1) - mean) / pictures.new_tensor(IMAGENET_STD_RGB).view(1, 3, 1, 1)


def _convolve(channels: int, wanted: int, *, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(channels, wanted, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(wanted), nn.ReLU6())
