"""The face detector: a small backbone, a pyramid of three levels, and at each cell a score, a box and five landmarks.

Pyramid after Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017; cells and their offsets as YuNet's
(Wu, Peng and Yu, Machine Intelligence Research 20, 2023), so that `edge.sensor.detection.yunet` reads them. Only 3x3
and 1x1 convolutions, ReLU, addition and nearest upsampling: OpenVINO, TFLite, the Edge TPU and the NCS2 support all of
them.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from msgspec import Meta, Struct
from torch import Tensor, nn
from torch.nn import functional

from training.networks.nano import Stage, convolve

STRIDES = (8, 16, 32)
SCORE, BOX, POINTS = 1, 4, 10
"""Numbers per cell: a logit; centre offset and log size in strides; five x, y offsets in strides."""
RARE_FACE_LOGIT = -4.6
"""Initial logit of the score, about 1 %: most cells see no face (Lin et al., "Focal Loss", ICCV 2017)."""

Channels = Annotated[int, Meta(ge=8)]


class DetectionNetworkConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Shape of the network."""

    stem: Annotated[int, Meta(ge=8, description="Channels at stride 2.")] = 16
    early: Annotated[Stage, Meta(description="At stride 4; a block is one convolution.")] = Stage(24, 1)
    stages: Annotated[
        tuple[Stage, Stage, Stage], Meta(description="At strides 8, 16 and 32; the first convolution halves the size.")
    ] = (Stage(40, 2), Stage(48, 1), Stage(32, 1))
    neck: Annotated[int, Meta(ge=8, description="Channels of each level of the pyramid.")] = 32


class Level(NamedTuple):
    """Answers of one stride for N pictures: logits (N, 1, H, W), boxes (N, 4, H, W), points (N, 10, H, W)."""

    logits: Tensor
    boxes: Tensor
    points: Tensor


class DetectionNetwork(nn.Module):
    """BGR pictures 0-1, float32 (N, 3, H, W), sides a multiple of 32 px, to one `Level` for each of `STRIDES`."""

    def __init__(self, config: DetectionNetworkConfig) -> None:
        super().__init__()
        self.stem = nn.Sequential(*convolve(3, config.stem, stride=2), nn.ReLU())
        widths = [config.stem, config.early.channels, *(stage.channels for stage in config.stages)]
        self.early = _make_stage(widths[0], config.early)
        self.stages = nn.ModuleList(
            _make_stage(width, stage) for width, stage in zip(widths[1:], config.stages, strict=False)
        )
        self.laterals = nn.ModuleList(nn.Sequential(*convolve(width, config.neck, kernel=1)) for width in widths[2:])
        self.necks = nn.ModuleList(nn.Sequential(*convolve(config.neck, config.neck), nn.ReLU()) for _ in STRIDES)
        self.heads = nn.ModuleList(nn.Conv2d(config.neck, SCORE + BOX + POINTS, 1) for _ in STRIDES)
        for head in self.heads:
            assert isinstance(head, nn.Conv2d) and head.bias is not None
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)
            nn.init.constant_(head.bias[:SCORE], RARE_FACE_LOGIT)

    def take_bytes(self) -> None:
        """From now on pictures are 0-255: the scale becomes part of the first convolution, exactly."""
        first = self.stem.get_submodule("0")
        assert isinstance(first, nn.Conv2d)
        first.weight.data /= 255

    def forward(self, pictures: Tensor) -> list[Level]:
        """See the class."""
        found = [head(each) for each, head in zip(self.features(pictures), self.heads, strict=True)]
        return [Level(*each.split((SCORE, BOX, POINTS), dim=1)) for each in found]

    def features(self, pictures: Tensor) -> list[Tensor]:
        """The heads' input, float32 (N, neck, H / stride, W / stride) for each of `STRIDES`."""
        features = self.early(self.stem(pictures))
        maps = []
        for stage, lateral in zip(self.stages, self.laterals, strict=True):
            features = stage(features)
            maps.append(lateral(features))
        for finer in (1, 0):
            maps[finer] = maps[finer] + functional.interpolate(maps[finer + 1], scale_factor=2.0, mode="nearest")
        return [neck(torch.relu(each)) for each, neck in zip(maps, self.necks, strict=True)]


class _Step(nn.Module):
    """A 3x3 convolution beside a shortcut that changes nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(*convolve(channels, channels))

    def forward(self, features: Tensor) -> Tensor:
        return (self.inside(features) + features).relu()


def _make_stage(channels: int, stage: Stage) -> nn.Sequential:
    halving = nn.Sequential(*convolve(channels, stage.channels, stride=2), nn.ReLU())
    return nn.Sequential(halving, *(_Step(stage.channels) for _ in range(stage.blocks)))
