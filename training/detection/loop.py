"""The training run of the detector on one page: mosaics -> light, lens -> answers -> loss -> step; epoch -> checkpoint.

Everything random in an epoch comes from the seed and the epoch's number, so a run that is resumed goes on as it would
have gone on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import msgspec
import numpy as np
import torch
from msgspec import Struct
from torch import Generator, nn

from edge.files import write_whole
from training.data.scenes import Scenes
from training.detection.assignment import list_faces
from training.detection.cells import make_cells, read_levels
from training.detection.config import Canvas, DetectionConfig
from training.detection.losses import Losses, losses
from training.detection.mosaic import Pictures, choose_canvas, make_batch
from training.detection.photometry import disturb_share
from training.detection.validation import Validation, validate
from training.networks.detection import DetectionNetwork
from training.runs.checkpoint import halve, load_state, load_weights, need_same_run, save_state
from training.runs.optimisation import follow, make_optimiser, need_numbers, rate_at, step
from training.runs.progress import Ticks
from training.runs.run_folder import LAST, LOG, WEIGHTS


class DetectionEpoch(Struct, frozen=True):
    """One line of the log. Losses are means over the epoch's batches."""

    epoch: int
    losses: dict[str, float]
    learning_rate: float
    seconds: float
    detection: Validation | None


class Run:
    """One training run in a folder. Raises BadInput for a checkpoint of another network and for a full disk."""

    def __init__(
        self,
        config: DetectionConfig,
        scenes: Scenes,
        held_out: Scenes,
        folder: Path,
        *,
        device: torch.device,
        prepare: Callable[[nn.Module], None] = lambda network: None,
        data: str = "",
    ) -> None:
        """`prepare` may put other weights into the fresh network before the first step. data: digest of the scenes."""
        self._config, self._folder, self._device, self._data = config, folder, device, data
        torch.manual_seed(config.schedule.seed)
        network = DetectionNetwork(config.network)
        prepare(network)
        self.network = network.to(device, memory_format=torch.channels_last)
        self.average = deepcopy(self.network).eval().requires_grad_(False)
        self._optimiser = make_optimiser(self.network, config.schedule.weight_decay)
        self._pictures = Pictures(scenes, config.mosaic)
        self._held_out = held_out
        self._log: list[str] = []
        self._steps = 0

    def resume(self) -> int:
        """Go on from the folder's last checkpoint; returns the epochs that are done. Raises BadInput."""
        path = self._folder / LAST
        state = load_state(path, self._device)
        need_same_run(state, _text(self._config), self._data, str(path))
        load_weights(self.network, state["network"], str(path))
        load_weights(self.average, state["weights"], str(path))
        self._optimiser.load_state_dict(state["optimiser"])
        self._log, self._steps = list(state["log"]), int(state["steps"])
        return len(self._log)

    def epochs(self, on_batch: Callable[[Ticks], None] = lambda ticks: None) -> Iterator[DetectionEpoch]:
        """Train to the end; after each epoch its checkpoint and line of the log are written, then it is given."""
        schedule = self._config.schedule
        for epoch in range(len(self._log), schedule.epochs):
            began = time.monotonic()
            means, rate = self._train_epoch(epoch, on_batch)
            due = epoch + 1 == schedule.epochs or (epoch + 1) % schedule.validate_every == 0
            found = validate(self.average, self._held_out) if due else None
            line = DetectionEpoch(epoch + 1, means, rate, time.monotonic() - began, found)
            self._keep(line)
            yield line
        save_state(self._folder / WEIGHTS, {**self._weights(), "weights": halve(self.average)})

    def _train_epoch(self, epoch: int, on_batch: Callable[[Ticks], None]) -> tuple[dict[str, float], float]:
        schedule = self._config.schedule
        seed = schedule.seed * 1_000_003 + epoch
        light, places = Generator(self._device).manual_seed(seed), np.random.default_rng(seed)
        sums, rate, means = torch.zeros(len(Losses._fields), device=self._device), 0.0, dict[str, float]()
        self.network.train()
        for number in range(schedule.batches):
            rate = rate_at(
                epoch + number / schedule.batches, schedule.epochs,
                highest=schedule.learning_rate, warmup_epochs=schedule.warmup_epochs,
            )  # fmt: skip
            found = self._step(choose_canvas(self._config.canvases, places), light, places, rate)
            sums += torch.stack([each.detach() for each in found])
            if number % 20 == 0 or number + 1 == schedule.batches:
                means = dict(zip(Losses._fields, (sums / (number + 1)).tolist(), strict=True))
                need_numbers(means)
                on_batch(Ticks(epoch, schedule.epochs, number + 1, schedule.batches, means))
        return means, rate

    def _step(self, canvas: Canvas, light: Generator, places: np.random.Generator, rate: float) -> Losses:
        config, hw = self._config, (canvas.height_px, canvas.width_px)
        count = max(2, config.schedule.area_px // (hw[0] * hw[1]))
        batch = make_batch(self._pictures, canvas, count, config.mosaic, places)
        pictures = disturb_share(batch.pictures.to(self._device), config.disturbed, config.augmentation, light)
        with torch.autocast(self._device.type, torch.bfloat16):
            levels = self.network(pictures.contiguous(memory_format=torch.channels_last))
        cells = make_cells(hw, self._device)
        guesses, faces = read_levels(levels, cells), list_faces(batch.faces, self._device)
        found = losses(guesses, cells, faces, config.targets)
        step(self._optimiser, self.network, found.total, rate)
        self._steps += 1
        follow(self.average, self.network, steps=self._steps, decay=config.schedule.average_decay)
        return found

    def _keep(self, line: DetectionEpoch) -> None:
        self._log.append(msgspec.json.encode(line).decode())
        state = {
            **self._weights(),
            "network": self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "data": self._data,
            "log": self._log,
            "steps": self._steps,
        }
        save_state(self._folder / LAST, state)
        write_whole(self._folder / LOG, "".join(f"{each}\n" for each in self._log).encode())

    def _weights(self) -> dict[str, object]:
        return {"config": _text(self._config), "weights": self.average.state_dict()}


def _text(config: DetectionConfig) -> str:
    return msgspec.json.encode(config).decode()
