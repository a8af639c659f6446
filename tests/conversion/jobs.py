"""Jobs for builders, from a core's file alone."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx", reason="onnx is not installed (passerby[conversion])")


from pathlib import Path

import numpy as np
import onnx

from conversion.artefacts.job import Core, Job
from conversion.onnx.core import read_core, run_core
from conversion.onnx.model_file import graph_inputs, shape_of
from edge.catalog.manifest import Input
from edge.sensor.types import Image


def save(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "core.onnx"
    onnx.save(model, path)
    return path


def core_at(path: Path) -> Core:
    """A core whose file says what it takes and gives."""
    model = read_core(path)
    (port,) = graph_inputs(model)
    _, _, height, width = shape_of(port)
    taken = Input(name=port.name, height_px=height, width_px=width)
    return Core(path, taken, tuple(each.name for each in model.graph.output))


def job(core: Path, pictures: Image, folder: Path, name: str = "net") -> Job:
    return Job(core_at(core), pictures, folder, name)


def answers_of(core: Path, pictures: Image) -> dict[str, np.ndarray]:
    """Outputs of a core on ONNX Runtime."""
    return run_core(read_core(core), pictures, str(core))
