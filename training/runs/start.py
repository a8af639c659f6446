"""The start of a run: its device, its folder, its network, its data."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from training.runs.checkpoint import load_fitting
from training.runs.logs import Epoch
from training.runs.loop import Config, Run, Task
from training.runs.progress import Ticks
from training.runs.run_folder import claim_folder, digest_of, find_device

_log = logging.getLogger(__name__)

C = TypeVar("C", bound=Config)
N = TypeVar("N", bound=nn.Module)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Start:
    """What a run is started with.

    files: chips or scenes to train on. held_out: files that training never sees. init: initial weights. device: cpu,
    cuda or auto. threads: CPU threads; 0 leaves the choice to torch.
    """

    files: tuple[Path, ...]
    held_out: tuple[Path, ...]
    folder: Path
    resume: bool = False
    init: Path | None = None
    device: str = "auto"
    threads: int = 0


def train(
    open_task: Callable[[C, Start, torch.device], Task[V]], config: C, start: Start, on_batch: Callable[[Ticks], None]
) -> Iterator[Epoch[V]]:
    """Train a task to the end, an epoch at a time. Raises BadInput, UsageError, BackendUnavailable."""
    if start.threads:
        torch.set_num_threads(start.threads)
    device = find_device(start.device)
    claim_folder(start.folder, resume=start.resume)
    task = open_task(config, start, device)
    run = Run(task, config, start.folder, device=device, data=digest_of(start.files))
    if start.resume:
        run.resume()
    yield from run.epochs(on_batch)


def new_network(make: Callable[[], N], seed: int, init: Path | None, device: torch.device) -> N:
    """A fresh network, its weights from the seed or, as far as they fit, from the file `init`. Raises BadInput."""
    torch.manual_seed(seed)
    network = make()
    if init is not None:
        taken, all_of_them = load_fitting(network, init)
        _log.info("%s: %d of the network's %d tensors taken", init, taken, all_of_them)
    placed: N = network.to(device, memory_format=torch.channels_last)
    return placed
