"""What an adapter is asked to open, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.catalog.manifest import Artefact, Input
from edge.sensor.ports import InferenceSession


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """One artefact on one target.

    input_hw: height and width in px that are wanted; a runtime that cannot change the file's own size keeps that.
    threads: CPU threads of one inference. max_batch: most pictures of one `start`.
    """

    target: str
    artefact: Artefact
    folder: Path
    input: Input
    output_names: tuple[str, ...]
    input_hw: tuple[int, int]
    threads: int
    max_batch: int

    @property
    def path(self) -> Path:
        """The file that the runtime opens."""
        return self.folder / self.artefact.files[0].path

    @property
    def device(self) -> str:
        """The target's part behind the colon: CPU, GPU, CUDA."""
        return self.target.partition(":")[2]


class SizedSession(InferenceSession, Protocol):
    """A session that says how large its pictures must be."""

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width in px."""
