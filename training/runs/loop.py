"""The training run on one page: batches -> losses -> step; an epoch -> validation, checkpoint, line of the log.

Everything random in an epoch comes from the seed and the epoch's number, so a resumed run continues exactly as if it
had not stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import torch
from torch import Tensor, nn

from edge.files import write_whole
from training.runs.checkpoint import halve, load_state, load_weights, need_same_run, save_state
from training.runs.logs import Epoch
from training.runs.optimisation import follow, make_optimiser, need_numbers, rate_at, step
from training.runs.progress import Ticks
from training.runs.run_folder import LAST, LOG, WEIGHTS

V = TypeVar("V")


class Schedule(Protocol):
    """How long and how fast a run trains; a task's own schedule adds to it."""

    @property
    def epochs(self) -> int:
        """Epochs of the whole run."""

    @property
    def learning_rate(self) -> float:
        """The highest learning rate, at the end of the warm-up."""

    @property
    def warmup_epochs(self) -> float:
        """Epochs over which the learning rate rises."""

    @property
    def weight_decay(self) -> float:
        """Decay of the weights, not of biases and batch norms."""

    @property
    def average_decay(self) -> float:
        """Decay, 0-1, of the moving average of the weights."""

    @property
    def seed(self) -> int:
        """Seed of everything random."""


class Config(Protocol):
    """A Struct with everything that decides a run, except for its data."""

    @property
    def schedule(self) -> Schedule:
        """How long and how fast."""


class Task(Protocol[V]):
    """What a run trains, and on what: all that differs between one kind of network and another."""

    form: type[Epoch[V]]
    """A line of its log."""
    network: nn.Module
    """The network; the moving average of its weights is what a run leaves behind."""
    learner: nn.Module
    """What is trained: the network, with what it needs only while it learns."""
    learner_key: str
    """Name of the learner's weights in a checkpoint."""
    batches: int
    """Batches of an epoch."""
    validate_every: int
    """Epochs from one validation to the next; the last epoch always has one."""

    def losses(self, epoch: int) -> Iterator[Mapping[str, Tensor]]:
        """Losses of each batch of an epoch, with the learner's weights at that moment; `total` is minimised."""

    def validate(self, average: nn.Module) -> V:
        """How good the averaged network is on what training never sees."""

    def finish(self, average: nn.Module) -> None:
        """Change the averaged network, in place, before its weights are written for the last time."""


class Run(Generic[V]):
    """One training run in a folder. Raises BadInput for a checkpoint of another network, UsageError for a full disk."""

    def __init__(self, task: Task[V], config: Config, folder: Path, *, device: torch.device, data: str = "") -> None:
        """`device`: where the task's network is. `data`: digest of the training files."""
        self._task, self._schedule, self._folder, self._device = task, config.schedule, folder, device
        self._config, self._data = msgspec.json.encode(config).decode(), data
        self.average = deepcopy(task.network).eval().requires_grad_(False)
        self._optimiser = make_optimiser(task.learner, self._schedule.weight_decay)
        self._log: list[str] = []
        self._steps = 0

    def resume(self) -> None:
        """Continue from the folder's last checkpoint. Raises BadInput."""
        path = self._folder / LAST
        state = load_state(path, self._device)
        need_same_run(state, self._config, self._data, str(path))
        load_weights(self._task.learner, state[self._task.learner_key], str(path))
        load_weights(self.average, state["weights"], str(path))
        self._optimiser.load_state_dict(state["optimiser"])
        self._log, self._steps = list(state["log"]), int(state["steps"])

    def epochs(self, on_batch: Callable[[Ticks], None] = lambda ticks: None) -> Iterator[Epoch[V]]:
        """Train to the end; each epoch is yielded once its checkpoint and its line of the log are written."""
        for epoch in range(len(self._log), self._schedule.epochs):
            began = time.monotonic()
            means, rate = self._train_epoch(epoch, on_batch)
            found = self._task.validate(self.average) if self._is_due(epoch + 1) else None
            line = self._task.form(epoch + 1, means, rate, time.monotonic() - began, found)
            self._keep(line)
            yield line
        self._task.finish(self.average)
        save_state(self._folder / WEIGHTS, {"config": self._config, "weights": halve(self.average)})

    def _is_due(self, done: int) -> bool:
        return done == self._schedule.epochs or done % self._task.validate_every == 0

    def _train_epoch(self, epoch: int, on_batch: Callable[[Ticks], None]) -> tuple[dict[str, float], float]:
        """Means of the losses over the epoch's batches, and the rate of the last one."""
        task, schedule = self._task, self._schedule
        sums, rate, means = torch.zeros((), device=self._device), 0.0, dict[str, float]()
        task.learner.train()
        for number, found in enumerate(task.losses(epoch)):
            rate = rate_at(
                epoch + number / task.batches, schedule.epochs,
                highest=schedule.learning_rate, warmup_epochs=schedule.warmup_epochs,
            )  # fmt: skip
            self._step(found["total"], rate)
            sums = sums + torch.stack([each.detach() for each in found.values()])
            if number % 20 == 0 or number + 1 == task.batches:
                means = dict(zip(found, (sums / (number + 1)).tolist(), strict=True))
                need_numbers(means)
                on_batch(Ticks(epoch, schedule.epochs, number + 1, task.batches, means))
        return means, rate

    def _step(self, loss: Tensor, rate: float) -> None:
        step(self._optimiser, self._task.learner, loss, rate)
        self._steps += 1
        follow(self.average, self._task.network, steps=self._steps, decay=self._schedule.average_decay)

    def _keep(self, line: Epoch[V]) -> None:
        self._log.append(msgspec.json.encode(line).decode())
        save_state(self._folder / LAST, self._state())
        write_whole(self._folder / LOG, "".join(f"{each}\n" for each in self._log).encode())

    def _state(self) -> dict[str, Any]:
        return {
            "config": self._config,
            "weights": self.average.state_dict(),
            self._task.learner_key: self._task.learner.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "data": self._data,
            "log": self._log,
            "steps": self._steps,
        }
