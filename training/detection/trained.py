"""A trained detector from its file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import torch

from training.detection.config import DetectionConfig
from training.networks.detection import DetectionNetwork
from training.runs.checkpoint import load_state, load_weights, read_config
from training.runs.run_folder import weights_file


def load_detector(run: Path, device: torch.device | str = "cpu") -> tuple[DetectionNetwork, DetectionConfig]:
    """The network of a run's folder, a weights file or a checkpoint, ready to answer. Raises BadInput."""
    file = weights_file(run)
    state = load_state(file, device)
    config = read_config(state, DetectionConfig, str(file))
    network = DetectionNetwork(config.network).to(device, memory_format=torch.channels_last)
    load_weights(network, state["weights"], str(file))
    return network.eval().requires_grad_(False), config


def is_detector(run: Path) -> bool:
    """Whether a run's folder or a weights file holds a detector. Raises BadInput where it does not hold a network."""
    return "mosaic" in msgspec.json.decode(load_state(weights_file(run))["config"])
