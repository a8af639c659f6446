"""`tflite-int8`: a full-integer TFLite file, uint8 NHWC BGR in, uint8 out, with the core's names in its signature."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from conversion.environments import catalog
from conversion.environments.calling import WORKERS, call_worker
from conversion.environments.making import ensure_environment
from conversion.targets.calibration import Pictures, choose_pictures
from conversion.targets.core import Core, Floats, read_core, run_core
from conversion.targets.errors import TargetRefused
from conversion.targets.flatbuffer import FileFacts, read_tflite
from conversion.targets.graph.colours import fold_preparation
from conversion.targets.graph.dense import convolve_dense_layers
from conversion.targets.graph.pooling import say_padding
from conversion.targets.writing import write_whole
from edge.errors import explain

COMPARED_PICTURES = 4
TOLERANCE = 1e-3
"""Most by which TensorFlow's float graph may differ, as a share of the output's largest value (at least 1)."""
LARGEST_SCALE = 1e6
"""A step of 8 bits beyond it comes from padding with the least float: nothing else is left in that tensor."""


def build_tflite(core: Path, pictures: Pictures, out: Path, *, compare: bool = True) -> None:
    """Make the file from a core and calibration pictures, uint8 (N, H, W, 3) BGR of the core's size.

    compare: refuse a graph that TensorFlow reads with other numbers than ONNX Runtime (on the first pictures). Raises
    BadInput for a file that is no core and for pictures that do not fit, BackendUnavailable where the environment
    cannot be made, WorkerFailed where the converter gives up, TargetRefused for a result that is not full-integer or
    has other numbers. Nothing is written then.
    """
    network = read_core(core)
    model = prepare(network.model)
    write_whole({out: convert_and_check(network, model, pictures, compare=compare)})


def prepare(model: onnx.ModelProto) -> onnx.ModelProto:
    """The rewrites that every TFLite file gets."""
    return convolve_dense_layers(say_padding(fold_preparation(model)))


def convert_and_check(core: Core, model: onnx.ModelProto, pictures: Pictures, *, compare: bool) -> bytes:
    """Bytes of a TFLite file made of a rewritten model, held against the core. Raises as `build_tflite`."""
    chosen = choose_pictures(pictures, core.hw)
    content, floats = _convert(core, model, chosen)
    if compare:
        compare_floats(floats, run_core(core, chosen[:COMPARED_PICTURES]), core.path)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "network.tflite"
        file.write_bytes(content)
        check_file(read_tflite(file), core)
    return content


def _convert(core: Core, model: onnx.ModelProto, pictures: Pictures) -> tuple[bytes, dict[str, Floats]]:
    python = ensure_environment(catalog.tflite())
    with tempfile.TemporaryDirectory() as scratch:
        rewritten = Path(scratch) / "core.onnx"
        onnx.save(model, rewritten)
        header = {
            "core": str(rewritten),
            "input": core.input_name,
            "outputs": core.outputs,
            "compared": COMPARED_PICTURES,
        }
        _, arrays = call_worker(python, WORKERS / "convert_tflite.py", header, {"pictures": pictures})
    content: NDArray[np.uint8] = arrays.pop("file")
    return content.tobytes(), arrays


def compare_floats(got: Mapping[str, Floats], wanted: Mapping[str, Floats], where: Path) -> None:
    """Raise TargetRefused where an output's shape or numbers are not the core's."""
    for name, expected in wanted.items():
        if got[name].shape != expected.shape:
            shapes = explain(f"output {name} has another shape", got=got[name].shape, expected=str(expected.shape))
            raise TargetRefused(explain(shapes, where=str(where)))
        error = float(np.abs(got[name] - expected).max(initial=0.0))
        allowed = TOLERANCE * max(1.0, float(np.abs(expected).max(initial=0.0)))
        if not error <= allowed:
            raise TargetRefused(
                explain(
                    f"the converter changes output {name}",
                    where=str(where),
                    got=f"a difference of {error:.3g} before any quantization",
                    expected=f"at most {allowed:.3g}",
                    next_step="simplify the ONNX file first",
                )
            )


def check_file(facts: FileFacts, core: Core) -> None:
    """Raise TargetRefused where a file is not uint8 at both ends, lacks the core's names or has a useless range."""
    ends = [tensor.dtype for tensor in (*facts.inputs, *facts.outputs)]
    if set(ends) != {"UINT8"}:
        raise TargetRefused(explain("the file is not full-integer", got=", ".join(ends), expected="uint8"))
    named = {*facts.signature_inputs, *facts.signature_outputs}
    if named != {core.input_name, *core.outputs}:
        expected = ", ".join((core.input_name, *core.outputs))
        raise TargetRefused(explain("the signature has other names", got=", ".join(sorted(named)), expected=expected))
    picture = facts.inputs[0]
    if (picture.scales, picture.zero_points) != ((1.0,), (0,)):
        got = f"scale {picture.scales}, zero point {picture.zero_points}"
        raise TargetRefused(explain("the input is not 0-255", got=got, expected="scale 1, zero point 0"))
    wide = [operation.name for operation in facts.operations for tensor in operation.outputs if _is_wide(tensor.scales)]
    if wide:
        raise TargetRefused(explain("8 bits leave nothing of this range", got=f"{wide[0]} over all floats"))


def _is_wide(scales: tuple[float, ...]) -> bool:
    return any(scale > LARGEST_SCALE for scale in scales)
