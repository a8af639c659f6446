"""The network that every target starts from, as an ONNX file: one float32 NCHW picture of BGR 0-255, named outputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from conversion.targets.graph.editing import read_model
from edge.errors import BackendUnavailable, BadInput, explain
from edge.inference.quiet import silence_onnxruntime

Floats = NDArray[np.float32]
DYNAMIC = 0


@dataclass(frozen=True, slots=True)
class Core:
    """A core's graph and what it takes and gives; sizes in px, shapes of outputs by name, in order."""

    path: Path
    model: onnx.ModelProto
    input_name: str
    hw: tuple[int, int]
    outputs: dict[str, list[int]]


def read_core(path: Path) -> Core:
    """Read and check a core. Raises BadInput where the file is not one."""
    model = read_model(path)
    weights = {item.name for item in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    shape = _dims(inputs[0]) if len(inputs) == 1 else []
    is_float = len(inputs) == 1 and inputs[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    if not is_float or len(shape) != 4 or shape[:2] != [1, 3] or DYNAMIC in shape:
        got = f"{len(inputs)} inputs, the first {shape or 'without shape'}"
        raise BadInput(explain("not a core", where=str(path), got=got, expected="one float32 input 1, 3, H, W"))
    outputs = {value.name: _dims(value) for value in model.graph.output}
    return Core(path, model, inputs[0].name, (shape[2], shape[3]), outputs)


def run_core(core: Core, pictures: NDArray[np.uint8]) -> dict[str, Floats]:
    """Outputs of a core on ONNX Runtime, pictures one by one, joined along the first axis.

    Raises BackendUnavailable without onnxruntime, BadInput for a graph that it refuses.
    """
    silence_onnxruntime()
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendUnavailable("onnxruntime", f"{error}; install passerby[onnxruntime]") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(core.model.SerializeToString(), options)
    except Exception as error:
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise BadInput(explain("ONNX Runtime refuses the core", where=str(core.path), got=str(error)[:200])) from error
    names = list(core.outputs)
    runs = [session.run(names, {core.input_name: as_input(picture)}) for picture in pictures]
    return {name: np.concatenate([run[place] for run in runs]) for place, name in enumerate(names)}


def as_input(picture: NDArray[np.uint8]) -> Floats:
    """One uint8 (H, W, 3) picture as a core takes it: float32 (1, 3, H, W)."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)


def _dims(value: onnx.ValueInfoProto) -> list[int]:
    return [place.dim_value for place in value.type.tensor_type.shape.dim]
