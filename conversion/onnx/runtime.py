"""Runs ONNX networks with ONNX Runtime, to compare a network before and after a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from conversion.onnx.model_file import one_line
from edge.errors import BackendUnavailable, BadInput, explain
from edge.sensor.inference.quiet import silence_onnxruntime

Arrays = Mapping[str, NDArray[Any]]
Run = Callable[[Arrays], dict[str, NDArray[np.float32]]]
"""Runs a network: inputs to outputs, both by name."""
ERRORS_ONLY = 3


def open_network(model: onnx.ModelProto, where: str) -> Run:
    """Open the network as a function. Raises BadInput where it is refused, BackendUnavailable without ONNX Runtime."""
    silence_onnxruntime()
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendUnavailable("onnxruntime:CPU", f"{error}; install passerby[conversion]") from error
    state = onnxruntime.capi.onnxruntime_pybind11_state
    refusals = tuple(kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception))
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = ERRORS_ONLY, 2
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except refusals as error:
        raise _refused(where, error) from error
    names = [each.name for each in session.get_outputs()]

    def infer(inputs: Arrays) -> dict[str, NDArray[np.float32]]:
        try:
            return dict(zip(names, session.run(names, dict(inputs)), strict=True))
        except refusals as error:
            raise _refused(where, error) from error

    return infer


def run(model: onnx.ModelProto, inputs: Arrays, where: str) -> dict[str, NDArray[np.float32]]:
    """Outputs by name. Raises as `open_network`."""
    return open_network(model, where)(inputs)


def difference(expected: NDArray[Any], got: NDArray[Any]) -> float:
    """Largest difference as a share of the largest expected value (at least 1).

    Infinite where the shapes differ, or a value is not finite.
    """
    if got.shape != expected.shape or not np.isfinite(got).all():
        return float("inf")
    return float(np.abs(got - expected).max(initial=0) / max(1.0, float(np.abs(expected).max(initial=0))))


def need_equal(before: Arrays, after: Arrays, *, tolerance: float, where: str, next_step: str = "") -> None:
    """Raise BadInput for the first output whose `difference` exceeds the tolerance: a step changed the network."""
    for name, expected in before.items():
        found = difference(expected, after[name])
        if not found <= tolerance:
            what, got = f"output {name} has other values after this step", f"a difference of {found:.3g}"
            most = f"at most {tolerance:.3g}"
            raise BadInput(explain(what, where=where, got=got, expected=most, next_step=next_step))


def _refused(where: str, error: Exception) -> BadInput:
    return BadInput(explain(f"ONNX Runtime refuses the network ({one_line(error)})", where=where))
