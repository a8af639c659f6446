"""Ages and genders as the task of a training run: chips -> augmentation -> answers -> losses."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from edge.errors import BadInput, explain
from training.attributes.config import TrainingConfig
from training.attributes.targets import Answers, Losses, answers_from_labels, blend, doubt, losses, mix
from training.attributes.teachers import Student, teach
from training.attributes.temperature import temper
from training.attributes.validation import Validation, validate
from training.data.chips import UNKNOWN, Chips, load_all
from training.networks.attributes import AttributeNetwork
from training.runs.augmentation import augment
from training.runs.logs import Epoch
from training.runs.start import Start, new_network

_log = logging.getLogger(__name__)


class AttributesEpoch(Epoch[Validation], frozen=True):
    """One line of the log; its losses are in nats, that of `years` in years."""


class AttributesTask:
    """Trains the joint network of age and gender. Raises BadInput where there is nothing to learn from."""

    form: type[Epoch[Validation]] = AttributesEpoch
    learner_key = "student"
    validate_every = 5

    def __init__(self, config: TrainingConfig, start: Start, device: torch.device) -> None:
        self._config, self._device = config, device
        chips, self._held_out = load_all(start.files), load_all(start.held_out)
        self.network = new_network(lambda: AttributeNetwork(config.network), config.schedule.seed, start.init, device)
        usable = chips if config.distillation.teachers else _labelled(chips)
        self._images = torch.from_numpy(usable.images).to(device)
        self._wanted = wanted_answers(usable, config, device)
        self.learner = Student(self.network, self._wanted.features.shape[1]).to(device)
        self.batches = max(1, len(usable) // config.schedule.batch)

    def losses(self, epoch: int) -> Iterator[dict[str, Tensor]]:
        """Losses of each whole batch; a chip comes at most once, in an order of the epoch's own."""
        schedule = self._config.schedule
        torch.manual_seed(schedule.seed * 100_003 + epoch)  # of dropout
        generator = Generator(self._device).manual_seed(schedule.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self._images), generator=generator, device=self._device)
        for positions in order.split(schedule.batch)[: self.batches]:
            yield self._losses(positions, generator)._asdict()

    def _losses(self, positions: Tensor, generator: Generator) -> Losses:
        config = self._config
        chips = self._images[positions].permute(0, 3, 1, 2).float() / 255
        network = config.network
        pictures, masked = augment(chips, config.augmentation, generator, px=network.input_px, margin=network.margin)
        answers = doubt(self._wanted.take(positions), masked, config.targets.masked_doubt)
        if torch.rand((), generator=generator, device=self._device) < config.targets.mixup:
            pictures, answers = _mix_half(pictures, answers, generator)
        with torch.autocast(self._device.type, torch.bfloat16):
            logits, seen = self.learner(pictures.contiguous(memory_format=torch.channels_last))
        return losses(logits, seen, answers, config.targets)

    def validate(self, average: nn.Module) -> Validation:
        """How good the averaged network is on held-out chips."""
        return validate(average, self._held_out, self._config.network)

    def finish(self, average: nn.Module) -> None:
        """Scale the averaged network so that it is as sure as it is right on held-out chips."""
        divided_by = temper(average, self._held_out, self._config.network)
        _log.info("the last layers are divided by %.2f (age) and %.2f (gender), fitted on held-out faces", *divided_by)


def wanted_answers(chips: Chips, config: TrainingConfig, device: torch.device) -> Answers:
    """What the network should answer for each chip: its label, blended with the teachers' answers. Raises BadInput."""
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
