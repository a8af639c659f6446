"""The joint network of age and gender: a backbone, and a linear layer for each."""

from __future__ import annotations

from typing import Annotated, Literal, cast, get_args

from msgspec import Meta, Struct
from torch import Tensor, nn

from edge.errors import UsageError, explain
from edge.schemas.taxonomy import MAX_AGE
from training.networks.backbones import VGG16, MobileNetV2, ResNet
from training.networks.face_mobilenet import FaceMobileNet
from training.networks.face_resnet import FACE_RESNET_PX, FaceResNet
from training.networks.nano import NanoBackbone, Stage

AGES = MAX_AGE + 1
BackboneName = Literal["nano", "mobilenet", "resnet", "resnet34", "vgg", "face", "face-mobilenet"]


NANO = (Stage(48, 2), Stage(80, 2), Stage(128, 2))


class NetworkConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Shape of the network; stem, stages and features are those of `nano`."""

    backbone: BackboneName = "nano"
    input_px: Annotated[int, Meta(ge=32, le=224, description="Side of the square input, px.")] = 80
    margin: Annotated[float, Meta(ge=-0.3, le=0, description="Crop, as in a manifest's [crop].")] = -0.0357
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.2
    stem: Annotated[int, Meta(ge=8, description="Channels of the first convolution.")] = 24
    stages: Annotated[tuple[Stage, ...], Meta(min_length=1)] = NANO
    features: Annotated[
        int, Meta(ge=8, description="Number of features that the linear layers of age and gender see.")
    ] = 384


class AttributeNetwork(nn.Module):
    """BGR pictures 0-1, float32 (N, 3, H, W), to logits of the ages 0-100 (N, 101) and of female, male (N, 2)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.backbone = make_backbone(config)
        self.dropout = nn.Dropout(config.dropout)
        self.age = nn.Linear(self.backbone.feature_count, AGES)
        self.gender = nn.Linear(self.backbone.feature_count, 2)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        return self.answer(self.backbone(pictures))

    def answer(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the backbone's features, float32 (N, `backbone.feature_count`)."""
        features = self.dropout(features)
        return self.age(features), self.gender(features)


def with_backbone(config: NetworkConfig, name: str) -> NetworkConfig:
    """The configuration with another backbone, for whole chips. Raises UsageError for an unknown name."""
    if name not in get_args(BackboneName):
        raise UsageError(explain("unknown backbone", got=name, expected=" | ".join(get_args(BackboneName))))
    backbone = cast(BackboneName, name)
    px = FACE_RESNET_PX if backbone == "face" else 112
    return config if backbone == config.backbone else NetworkConfig(backbone=backbone, input_px=px, margin=0.0)


def make_backbone(config: NetworkConfig) -> NanoBackbone | ResNet | VGG16 | MobileNetV2 | FaceResNet | FaceMobileNet:
    """The backbone of a configuration, with random weights. Raises ConfigError where its input is too small."""
    if config.backbone == "nano":
        return NanoBackbone(config.stem, config.stages, config.features)
    if config.backbone == "face":
        return FaceResNet(config.input_px)
    if config.backbone == "face-mobilenet":
        return FaceMobileNet()
    if config.backbone == "vgg":
        return VGG16()
    if config.backbone == "mobilenet":
        return MobileNetV2()
    return ResNet((3, 4, 6, 3) if config.backbone == "resnet34" else (2, 2, 2, 2))
