"""Networks that were trained before, as teachers: the mean of what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from training.attributes.config import TrainingConfig
from training.attributes.targets import Answers
from training.checkpoint import load_state, load_weights
from training.networks.attributes import AttributeNetwork
from training.networks.pictures import to_input


class Teachers:
    """Answers of several trained networks, averaged."""

    def __init__(self, files: Sequence[Path], device: torch.device) -> None:
        self._networks = [load_network(file, device) for file in files]

    def __len__(self) -> int:
        return len(self._networks)

    @torch.no_grad()
    def answer(self, pictures: Tensor) -> Answers:
        """What they say of the student's pictures, float32 (N, 3, H, W) BGR 0-1, each at its own size."""
        ages, genders = [], []
        for network, config in self._networks:
            seen = to_input(pictures, config.network.input_px, margin=0.0)
            with torch.autocast(pictures.device.type, torch.bfloat16):
                age, gender = network(seen)
            ages.append(functional.softmax(age.float(), 1))
            genders.append(functional.softmax(gender.float(), 1))
        ones = torch.ones(len(pictures), device=pictures.device)
        return Answers(torch.stack(ages).mean(0), torch.stack(genders).mean(0), ones, ones)


def load_network(file: Path, device: torch.device) -> tuple[AttributeNetwork, TrainingConfig]:
    """The trained network of a weights file or checkpoint, ready to answer. Raises BadInput."""
    state = load_state(file, device)
    config = msgspec.json.decode(state["config"], type=TrainingConfig)
    network = AttributeNetwork(config.network).to(device, memory_format=torch.channels_last)
    load_weights(network, state["weights"], str(file))
    return network.eval().requires_grad_(False), config
