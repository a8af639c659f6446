"""Faces as the task of a training run: mosaics -> light, lens -> answers -> losses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from msgspec import field
from torch import Generator, Tensor, nn

from training.data.scenes import load_all
from training.detection.assignment import list_faces
from training.detection.cells import make_cells, read_levels
from training.detection.config import Canvas, DetectionConfig
from training.detection.losses import Losses, losses
from training.detection.mosaic import Pictures, choose_canvas, make_batch
from training.detection.photometry import disturb_share
from training.detection.validation import Validation, validate
from training.networks.detection import DetectionNetwork
from training.runs.logs import Epoch
from training.runs.start import Start, new_network


class DetectionEpoch(Epoch[Validation], frozen=True):
    """One line of the log, in which the validation is called `detection`."""

    validation: Validation | None = field(name="detection")


class DetectionTask:
    """Trains the face detector."""

    form: type[Epoch[Validation]] = DetectionEpoch
    learner_key = "network"

    def __init__(self, config: DetectionConfig, start: Start, device: torch.device) -> None:
        self._config, self._device = config, device
        scenes, self._held_out = load_all(start.files), load_all(start.held_out)
        self.network = new_network(lambda: DetectionNetwork(config.network), config.schedule.seed, start.init, device)
        self.learner = self.network
        self.batches, self.validate_every = config.schedule.batches, config.schedule.validate_every
        self._pictures = Pictures(scenes, config.mosaic)

    def losses(self, epoch: int) -> Iterator[dict[str, Tensor]]:
        """Losses of each batch of mosaics, which are the epoch's own."""
        seed = self._config.schedule.seed * 1_000_003 + epoch
        light, places = Generator(self._device).manual_seed(seed), np.random.default_rng(seed)
        for _ in range(self.batches):
            yield self._losses(choose_canvas(self._config.canvases, places), light, places)._asdict()

    def _losses(self, canvas: Canvas, light: Generator, places: np.random.Generator) -> Losses:
        config, hw = self._config, (canvas.height_px, canvas.width_px)
        count = max(2, config.schedule.area_px // (hw[0] * hw[1]))
        batch = make_batch(self._pictures, canvas, count, config.mosaic, places)
        pictures = disturb_share(batch.pictures.to(self._device), config.disturbed, config.augmentation, light)
        with torch.autocast(self._device.type, torch.bfloat16):
            levels = self.network(pictures.contiguous(memory_format=torch.channels_last))
        cells = make_cells(hw, self._device)
        guesses, faces = read_levels(levels, cells), list_faces(batch.faces, self._device)
        return losses(guesses, cells, faces, config.targets)

    def validate(self, average: nn.Module) -> Validation:
        """How good the averaged network is on held-out scenes."""
        return validate(average, self._held_out)

    def finish(self, average: nn.Module) -> None:
        """Leave it as it is: scores are calibrated at the export, for each size of the input."""
