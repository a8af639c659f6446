"""Trained networks as teachers: the mean of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from training.attributes.config import TrainingConfig
from training.attributes.targets import Answers
from training.attributes.trained import load_network
from training.data.chips import Chips
from training.networks.attributes import AttributeNetwork
from training.networks.pictures import to_input

BATCH = 256


class Student(nn.Module):
    """A network and, while it learns, a linear layer from its features to its teachers' features.

    After Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015.
    """

    def __init__(self, network: AttributeNetwork, features: int) -> None:
        """features: number of features of all teachers together; 0 without teachers."""
        super().__init__()
        self.network = network
        self.hints = nn.Linear(network.backbone.feature_count, features) if features else None

    def forward(self, pictures: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Logits of pictures, as the network gives them, and the teachers' features, float32 (N, `features`)."""
        seen = self.network.backbone(pictures)
        return self.network.answer(seen), seen[:, :0] if self.hints is None else self.hints(seen)


def teach(files: Sequence[Path], chips: Chips, device: torch.device) -> Answers:
    """What trained networks answer for every chip and its mirror image, averaged, and their features of it.

    They answer once, before the first step: a student that sees the same face blurred or dark should answer as for the
    clear one. Raises BadInput for a file that is not a trained network.
    """
    said = [_answer_both_ways(file, chips, device) for file in files]
    ages, genders, features = (list(each) for each in zip(*said, strict=True))
    ones = torch.ones(len(chips), device=device)
    return Answers(torch.stack(ages).mean(0), torch.stack(genders).mean(0), ones, ones, torch.cat(features, dim=1))


def _answer_both_ways(file: Path, chips: Chips, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Ages (N, 101), genders (N, 2) and standardised features (N, F) of one network."""
    network, config = load_network(file, device)
    straight, mirrored = (_answer(network, config, each, device) for each in (chips, chips.mirrored()))
    ages, genders, features = ((a + b) / 2 for a, b in zip(straight, mirrored, strict=True))
    return ages, genders, (features - features.mean(0)) / features.std(0).clamp(min=1e-3)


@torch.no_grad()
def _answer(
    network: AttributeNetwork, config: TrainingConfig, chips: Chips, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    parts = []
    for start in range(0, len(chips), BATCH):
        images = torch.from_numpy(chips.images[start : start + BATCH]).to(device).permute(0, 3, 1, 2)
        with torch.autocast(device.type, torch.bfloat16):
            features = network.backbone(to_input(images.float() / 255, config.network.input_px, config.network.margin))
            age, gender = network.answer(features)
        parts.append((age.float().softmax(1), gender.float().softmax(1), features.float()))
    ages, genders, features = (torch.cat(each) for each in zip(*parts, strict=True))
    return ages, genders, features
