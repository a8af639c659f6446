"""The training run on one page: batches of chips -> augmentation -> answers -> loss -> step; an epoch -> checkpoint.

Everything random in an epoch comes from the seed and the epoch's number, so a run that is resumed goes on as it would
have gone on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import torch
from msgspec import Struct
from torch import Generator, Tensor, nn

from edge.errors import BadInput, explain
from edge.files import write_whole
from training.attributes.config import TrainingConfig
from training.attributes.targets import Answers, Losses, answers_from_labels, blend, doubt, losses, mix
from training.attributes.teaching import Student, teach
from training.attributes.temperature import temper
from training.attributes.validation import Validation, validate
from training.data.chips import UNKNOWN, Chips
from training.networks.attributes import AttributeNetwork
from training.runs.augmentation import augment
from training.runs.checkpoint import halve, load_state, load_weights, need_same_run, save_state
from training.runs.optimisation import follow, make_optimiser, need_numbers, rate_at, step
from training.runs.progress import Ticks
from training.runs.run_folder import LAST, LOG, WEIGHTS

_log = logging.getLogger(__name__)


class Epoch(Struct, frozen=True):
    """One line of the log. Losses are means over the epoch's batches (nats; years)."""

    epoch: int
    losses: dict[str, float]
    learning_rate: float
    seconds: float
    validation: Validation | None


class Run:
    """One training run in a folder.

    Raises BadInput where there is nothing to learn from, for a checkpoint of another network and for a full disk.
    """

    def __init__(
        self,
        config: TrainingConfig,
        chips: Chips,
        held_out: Chips,
        folder: Path,
        *,
        device: torch.device,
        prepare: Callable[[nn.Module], None] = lambda network: None,
        data: str = "",
    ) -> None:
        """`prepare` may put other weights into the fresh network before the first step. data: digest of the chips."""
        self._config, self._folder, self._device, self._data = config, folder, device, data
        torch.manual_seed(config.schedule.seed)
        network = AttributeNetwork(config.network)
        prepare(network)
        self.network = network.to(device, memory_format=torch.channels_last)
        self.average = deepcopy(self.network).eval().requires_grad_(False)
        usable = chips if config.distillation.teachers else _labelled(chips)
        self._images = torch.from_numpy(usable.images).to(device)
        self._wanted = wanted_answers(usable, config, device)
        self._student = Student(self.network, self._wanted.features.shape[1]).to(device)
        self._optimiser = make_optimiser(self._student, config.schedule.weight_decay)
        self._held_out = held_out
        self._log: list[str] = []
        self._steps = 0

    def resume(self) -> int:
        """Go on from the folder's last checkpoint; returns the epochs that are done. Raises BadInput."""
        path = self._folder / LAST
        state = load_state(path, self._device)
        need_same_run(state, _text(self._config), self._data, str(path))
        load_weights(self._student, state["student"], str(path))
        load_weights(self.average, state["weights"], str(path))
        self._optimiser.load_state_dict(state["optimiser"])
        self._log, self._steps = list(state["log"]), int(state["steps"])
        return len(self._log)

    def epochs(self, on_batch: Callable[[Ticks], None] = lambda ticks: None) -> Iterator[Epoch]:
        """Train to the end; after each epoch its checkpoint and line of the log are written, then it is given."""
        schedule = self._config.schedule
        for epoch in range(len(self._log), schedule.epochs):
            began = time.monotonic()
            means, rate = self._train_epoch(epoch, on_batch)
            last = epoch + 1 == schedule.epochs
            found = validate(self.average, self._held_out, self._config.network) if _due(epoch, last=last) else None
            line = Epoch(epoch + 1, means, rate, time.monotonic() - began, found)
            self._keep(line)
            yield line
        divided_by = temper(self.average, self._held_out, self._config.network)
        _log.info("the last layers are divided by %.2f (age) and %.2f (gender), as held-out faces say", *divided_by)
        save_state(self._folder / WEIGHTS, {**self._weights(), "weights": halve(self.average)})

    def _train_epoch(self, epoch: int, on_batch: Callable[[Ticks], None]) -> tuple[dict[str, float], float]:
        config, device = self._config, self._device
        torch.manual_seed(config.schedule.seed * 100_003 + epoch)  # of dropout
        generator = Generator(device).manual_seed(config.schedule.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self._images), generator=generator, device=device)
        batches = order.split(config.schedule.batch)
        batches = batches[:-1] if len(batches) > 1 and len(batches[-1]) < config.schedule.batch else batches
        sums, rate, means = torch.zeros(len(Losses._fields), device=device), 0.0, dict[str, float]()
        self._student.train()
        for number, positions in enumerate(batches):
            rate = rate_at(
                epoch + number / len(batches), config.schedule.epochs,
                highest=config.schedule.learning_rate, warmup_epochs=config.schedule.warmup_epochs,
            )  # fmt: skip
            found = self._step(positions, generator, rate)
            sums += torch.stack([each.detach() for each in found])
            if number % 20 == 0 or number + 1 == len(batches):
                means = dict(zip(Losses._fields, (sums / (number + 1)).tolist(), strict=True))
                need_numbers(means)
                on_batch(Ticks(epoch, config.schedule.epochs, number + 1, len(batches), means))
        return means, rate

    def _step(self, positions: Tensor, generator: Generator, rate: float) -> Losses:
        config = self._config
        chips = self._images[positions].permute(0, 3, 1, 2).float() / 255
        network = config.network
        pictures, masked = augment(chips, config.augmentation, generator, px=network.input_px, margin=network.margin)
        answers = doubt(self._wanted.take(positions), masked, config.targets.masked_doubt)
        if torch.rand((), generator=generator, device=self._device) < config.targets.mixup:
            pictures, answers = _mix_half(pictures, answers, generator)
        with torch.autocast(self._device.type, torch.bfloat16):
            logits, seen = self._student(pictures.contiguous(memory_format=torch.channels_last))
        found = losses(logits, seen, answers, config.targets)
        step(self._optimiser, self._student, found.total, rate)
        self._steps += 1
        follow(self.average, self.network, steps=self._steps, decay=config.schedule.average_decay)
        return found

    def _keep(self, line: Epoch) -> None:
        self._log.append(msgspec.json.encode(line).decode())
        state = {
            **self._weights(),
            "student": self._student.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "data": self._data,
            "log": self._log,
            "steps": self._steps,
        }
        save_state(self._folder / LAST, state)
        write_whole(self._folder / LOG, "".join(f"{each}\n" for each in self._log).encode())

    def _weights(self) -> dict[str, Any]:
        return {"config": _text(self._config), "weights": self.average.state_dict()}


def wanted_answers(chips: Chips, config: TrainingConfig, device: torch.device) -> Answers:
    """What the network is to say of each chip: its label, blended with what the teachers say. Raises BadInput."""
    labels = answers_from_labels(chips, config.targets, device)
    teachers = [Path(each) for each in config.distillation.teachers]
    return blend(teach(teachers, chips, device), labels, config.distillation.share) if teachers else labels


def _mix_half(pictures: Tensor, answers: Answers, generator: Generator) -> tuple[Tensor, Answers]:
    order = torch.randperm(len(pictures), generator=generator, device=pictures.device)
    share = 0.5 + 0.5 * float(torch.rand((), generator=generator, device=pictures.device))
    return share * pictures + (1 - share) * pictures[order], mix(answers, order, share)


def _labelled(chips: Chips) -> Chips:
    labelled = (chips.bands[:, 0] != UNKNOWN) | (chips.genders != UNKNOWN)
    if not labelled.any():
        next_step = "name a --teacher, or chips with labels"
        raise BadInput(explain("no chip has an age or a gender", got=f"{len(chips)} chips", next_step=next_step))
    return chips.take(labelled)


def _due(epoch: int, *, last: bool) -> bool:
    return last or epoch % 5 == 4


def _text(config: TrainingConfig) -> str:
    return msgspec.json.encode(config).decode()
