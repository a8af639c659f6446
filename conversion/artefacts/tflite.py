"""`tflite-int8`: a full-integer TFLite file, uint8 NHWC BGR in, uint8 out, with the core's names in its signature."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from conversion.artefacts.flatbuffer import FileFacts, read_tflite
from conversion.artefacts.job import Job
from conversion.artefacts.onnx import open_core
from conversion.environments import catalog
from conversion.environments.installation import ensure_environment
from conversion.environments.worker_call import WORKERS, call_worker
from conversion.onnx.core import run_core
from conversion.onnx.dense import convolve_dense_layers
from conversion.onnx.model_file import shape_of
from conversion.onnx.pooling import say_padding
from conversion.onnx.runtime import need_equal
from conversion.request.pictures import Pictures, choose_pictures
from edge.errors import BadInput, explain

COMPARED_PICTURES = 4
TOLERANCE = 1e-3
"""Largest allowed difference of TensorFlow's float graph, as a share of the output's largest value (at least 1)."""
LARGEST_SCALE = 1e6
"""A larger 8-bit step comes from padding with the least float, which leaves no steps for the tensor's other values."""


def build_tflite(job: Job) -> tuple[Path, ...]:
    """Write `<name>-int8.tflite`.

    Raises BadInput where the network is not a core, the pictures do not fit, or the result is not full-integer or gives
    other values; BackendUnavailable where the environment cannot be made, InferenceError where the converter fails.
    """
    core = open_core(job, "tflite-int8")
    path = job.path("-int8.tflite")
    path.write_bytes(make_file(job, core, rewrite(core)))
    return (path,)


def rewrite(core: onnx.ModelProto) -> onnx.ModelProto:
    """Apply the rewrites that every TFLite file needs."""
    return convolve_dense_layers(say_padding(core))


def make_file(job: Job, core: onnx.ModelProto, rewritten: onnx.ModelProto, *, compare: bool = True) -> bytes:
    """Bytes of a TFLite file made of a rewritten core. Raises as `build_tflite`.

    compare: refuse a graph for which TensorFlow gives other values than ONNX Runtime gives for the core, on the first
    pictures.
    """
    chosen = choose_pictures(job.pictures, job.core.hw)
    shapes = {port.name: list(shape_of(port)) for port in core.graph.output}
    content, floats = _convert(rewritten, job.core.input.name, shapes, chosen)
    if compare:
        expected, read = run_core(core, chosen[:COMPARED_PICTURES], job.name), f"{job.name}, in TensorFlow"
        need_equal(expected, floats, tolerance=TOLERANCE, where=read, next_step="simplify the ONNX file first")
    check_file(read_tflite(content, job.name), {job.core.input.name, *shapes})
    return content


def _convert(
    model: onnx.ModelProto, picture: str, shapes: dict[str, list[int]], pictures: Pictures
) -> tuple[bytes, dict[str, NDArray[np.float32]]]:
    """Bytes of the file, and the outputs of TensorFlow's float graph for the first pictures."""
    python = ensure_environment(catalog.tflite())
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "core.onnx"
        onnx.save(model, path)
        header = {"core": str(path), "input": picture, "outputs": shapes, "compared": COMPARED_PICTURES}
        _, arrays = call_worker(python, WORKERS / "convert_tflite.py", header, {"pictures": pictures})
    content: NDArray[np.uint8] = arrays.pop("file")
    return content.tobytes(), arrays


def check_file(facts: FileFacts, names: set[str]) -> None:
    """Raise BadInput where a file is not uint8 at both ends, has other names than these, or a range of no use."""
    ends = [tensor.dtype for tensor in (*facts.inputs, *facts.outputs)]
    if set(ends) != {"UINT8"}:
        raise BadInput(explain("the file is not full-integer", got=", ".join(ends), expected="uint8"))
    named = {*facts.signature_inputs, *facts.signature_outputs}
    if named != names:
        got, expected = ", ".join(sorted(named)), ", ".join(sorted(names))
        raise BadInput(explain("the signature has other names", got=got, expected=expected))
    picture = facts.inputs[0]
    if (picture.scales, picture.zero_points) != ((1.0,), (0,)):
        got = f"scale {picture.scales}, zero point {picture.zero_points}"
        raise BadInput(explain("the input is not 0-255", got=got, expected="scale 1, zero point 0"))
    wide = [operation.name for operation in facts.operations for tensor in operation.outputs if _is_wide(tensor.scales)]
    if wide:
        raise BadInput(explain("a range too wide for 8 bits", got=f"{wide[0]} over the range of all floats"))


def _is_wide(scales: tuple[float, ...]) -> bool:
    return any(scale > LARGEST_SCALE for scale in scales)
