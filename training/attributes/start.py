"""Starting a run: its data, its device, its folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from edge.errors import BackendUnavailable, UsageError, explain
from training.attributes.config import TrainingConfig
from training.attributes.loop import LAST, Epoch, Run, Ticks
from training.checkpoint import load_fitting
from training.data.chips import load_all

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Start:
    """What a run is started with. threads: of the CPU, 0 leaves torch its own choice."""

    chips: tuple[Path, ...]
    held_out: tuple[Path, ...]
    folder: Path
    resume: bool = False
    init: Path | None = None
    device: str = "auto"
    threads: int = 0


def train(config: TrainingConfig, start: Start, on_batch: Callable[[Ticks], None]) -> Iterator[Epoch]:
    """Run to the end, an epoch at a time. Raises BadInput, UsageError, BackendUnavailable."""
    if start.threads:
        torch.set_num_threads(start.threads)
    device = find_device(start.device)
    _claim(start)

    def prepare(network: nn.Module) -> None:
        if start.init is not None:
            taken, all_of_them = load_fitting(network, start.init)
            _log.info("%s: %d of the network's %d tensors", start.init, taken, all_of_them)

    run = Run(config, load_all(start.chips), load_all(start.held_out), start.folder, device=device, prepare=prepare)
    if start.resume:
        run.resume()
    yield from run.epochs(on_batch)


def find_device(name: str) -> torch.device:
    """The device of a name: cpu, cuda, or the better one that is there. Raises UsageError, BackendUnavailable."""
    if name not in ("cpu", "cuda", "auto"):
        raise UsageError(explain("unknown device", got=name, expected="cpu | cuda | auto"))
    if name == "cuda" and not torch.cuda.is_available():
        raise BackendUnavailable("cuda", "torch sees no GPU; use --device cpu, or install torch with CUDA")
    cuda = name != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if cuda else "cpu")


def _claim(start: Start) -> None:
    """Make the folder; never begin anew over a run that could go on."""
    there = (start.folder / LAST).exists()
    if there and not start.resume:
        next_step = "--resume goes on with it; name another --out for a new one"
        raise UsageError(explain("holds a run", where=str(start.folder), next_step=next_step))
    if start.resume and not there:
        raise UsageError(explain("no run to go on with", where=str(start.folder), expected=LAST))
    try:
        start.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(explain(f"cannot be made ({error.strerror})", where=str(start.folder))) from error
