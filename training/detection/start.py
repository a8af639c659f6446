"""Starting a run of the detector: its data, its device, its folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from training.data.scenes import load_all
from training.detection.config import DetectionConfig
from training.detection.loop import DetectionEpoch, Run
from training.runs.checkpoint import load_fitting
from training.runs.progress import Ticks
from training.runs.run_folder import claim_folder, digest_of, find_device

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Start:
    """What a run is started with. threads: of the CPU, 0 leaves torch its own choice."""

    scenes: tuple[Path, ...]
    held_out: tuple[Path, ...]
    folder: Path
    resume: bool = False
    init: Path | None = None
    device: str = "auto"
    threads: int = 0


def train(config: DetectionConfig, start: Start, on_batch: Callable[[Ticks], None]) -> Iterator[DetectionEpoch]:
    """Run to the end, an epoch at a time. Raises BadInput, UsageError, BackendUnavailable."""
    if start.threads:
        torch.set_num_threads(start.threads)
    device = find_device(start.device)
    claim_folder(start.folder, resume=start.resume)

    def prepare(network: nn.Module) -> None:
        if start.init is not None:
            taken, all_of_them = load_fitting(network, start.init)
            _log.info("%s: %d of the network's %d tensors", start.init, taken, all_of_them)

    scenes, held_out, digest = load_all(start.scenes), load_all(start.held_out), digest_of(start.scenes)
    run = Run(config, scenes, held_out, start.folder, device=device, prepare=prepare, data=digest)
    if start.resume:
        run.resume()
    yield from run.epochs(on_batch)
