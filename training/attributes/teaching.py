"""Networks that were trained before, as teachers: the mean of what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from training.attributes.config import TrainingConfig
from training.attributes.targets import Answers
from training.attributes.validation import answer
from training.checkpoint import load_state, load_weights
from training.data.chips import Chips
from training.networks.attributes import AttributeNetwork


def teach(files: Sequence[Path], chips: Chips, device: torch.device) -> Answers:
    """What trained networks say of every chip and its mirror image, averaged; each sees the chip whole and clear.

    They answer once, before the first step: a student that is shown the same face blurred or dark is to say what can
    be seen in the clear one. Raises BadInput for a file that is no trained network.
    """
    said = [_answer_both_ways(file, chips, device) for file in files]
    ages, females = (torch.tensor(np.mean(each, axis=0), device=device) for each in zip(*said, strict=True))
    ones = torch.ones(len(chips), device=device)
    return Answers(ages, torch.stack((females, 1 - females), dim=1), ones, ones)


def _answer_both_ways(
    file: Path, chips: Chips, device: torch.device
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    network, config = load_network(file, device)
    with torch.autocast(device.type, torch.bfloat16):
        ages, females = answer(network, chips, config.network)
        mirrored_ages, mirrored_females = answer(network, chips.mirrored(), config.network)
    return (ages + mirrored_ages) / 2, (females + mirrored_females) / 2


def load_network(file: Path, device: torch.device) -> tuple[AttributeNetwork, TrainingConfig]:
    """The trained network of a weights file or checkpoint, ready to answer. Raises BadInput."""
    state = load_state(file, device)
    config = msgspec.json.decode(state["config"], type=TrainingConfig)
    network = AttributeNetwork(config.network).to(device, memory_format=torch.channels_last)
    load_weights(network, state["weights"], str(file))
    return network.eval().requires_grad_(False), config
