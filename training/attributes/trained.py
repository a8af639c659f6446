"""A trained network of ages and genders from its file."""

from __future__ import annotations

from pathlib import Path

import torch

from training.attributes.config import TrainingConfig
from training.networks.attributes import AttributeNetwork
from training.runs.checkpoint import load_state, load_weights, read_config
from training.runs.run_folder import weights_file


def load_network(run: Path, device: torch.device | str = "cpu") -> tuple[AttributeNetwork, TrainingConfig]:
    """The network of a run's folder, a weights file or a checkpoint, ready to answer. Raises BadInput."""
    file = weights_file(run)
    state = load_state(file, device)
    config = read_config(state, TrainingConfig, str(file))
    network = AttributeNetwork(config.network).to(device, memory_format=torch.channels_last)
    load_weights(network, state["weights"], str(file))
    return network.eval().requires_grad_(False), config
