"""What a builder of artefacts is given."""

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
    """A float network that takes one picture: an ONNX core, or an IR. `input` says what it takes before baking."""

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
    """How int8 is made: layers that stay float, and a largest drop of the metric that turns more of them to float.

    max_drop: in the metric's own unit (0-1); None quantizes everything that can be.
    """

    keep_float: tuple[str, ...] = ()
    max_drop: float | None = None


Infer = Callable[[NDArray[np.uint8]], Mapping[str, NDArray[np.float32]]]
"""A uint8 (H, W, 3) BGR picture to a network's outputs by their names."""
Quality = Callable[[Infer], float]
"""The task's metric, 0-1: how well a network agrees with the reference."""


@dataclass(frozen=True, slots=True)
class Job:
    """One conversion: the core, pictures to calibrate on, the folder to write into and what files are called.

    The folder lies aside: what a builder leaves there before it fails goes with it.
    """

    core: Core
    pictures: Pictures
    folder: Path
    name: str
    int8: Int8Options = field(default_factory=Int8Options)
    quality: Quality | None = None

    def path(self, ending: str) -> Path:
        """The file of this ending, such as "-int8.tflite"."""
        return self.folder / f"{self.name}{ending}"
