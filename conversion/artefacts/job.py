"""What a builder of artefacts receives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from conversion.request.pictures import Pictures
from edge.catalog.manifest import Input


@dataclass(frozen=True, slots=True)
class Core:
    """A float network for one picture: an ONNX core, or an IR. `input` describes its input before baking."""

    path: Path
    input: Input
    outputs: tuple[str, ...]

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width of the picture, px."""
        return self.input.height_px, self.input.width_px

    @property
    def is_onnx(self) -> bool:
        """Whether builders that read ONNX can take it."""
        return self.path.suffix == ".onnx"


@dataclass(frozen=True, slots=True)
class Int8Options:
    """How int8 is made: layers that stay in float, and the largest drop of the metric, which may put more into float.

    max_drop: in the metric's own unit (0-1); None quantizes everything that can be.
    """

    keep_float: tuple[str, ...] = ()
    max_drop: float | None = None


Infer = Callable[[NDArray[np.uint8]], Mapping[str, NDArray[np.float32]]]
"""Runs a network: a uint8 (H, W, 3) BGR picture to its outputs, by their names."""
Quality = Callable[[Infer], float]
"""The task's metric, 0-1: how well a network agrees with the reference."""


@dataclass(frozen=True, slots=True)
class Job:
    """One conversion: the core, pictures to calibrate on, the folder to write to, and the base of the files' names.

    The folder is a temporary one beside the result: where a builder fails, whatever it left is removed with it.
    """

    core: Core
    pictures: Pictures
    folder: Path
    name: str
    int8: Int8Options = field(default_factory=Int8Options)
    quality: Quality | None = None

    def path(self, ending: str) -> Path:
        """The path of the file with this ending, such as "-int8.tflite"."""
        return self.folder / f"{self.name}{ending}"
