"""Runs ONNX networks with ONNX Runtime: to compare a network before and after a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edge.errors import BackendUnavailable, BadInput, explain
from edge.inference.quiet import silence_onnxruntime

Arrays = Mapping[str, NDArray[Any]]
ERRORS_ONLY = 3


def run(model: onnx.ModelProto, inputs: Arrays, where: str) -> dict[str, NDArray[np.float32]]:
    """Outputs by name. Raises BadInput where the runtime refuses the network, BackendUnavailable without one."""
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
        names = [each.name for each in session.get_outputs()]
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))
    except refusals as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(explain(f"ONNX Runtime refuses the network ({reason})", where=where)) from error


def need_equal(before: Arrays, after: Arrays, *, tolerance: float, where: str) -> float:
    """Largest difference as a share of each output's largest number. Raises BadInput where a step changed them."""
    worst = 0.0
    for name, expected in before.items():
        scale = max(1.0, float(np.abs(expected).max(initial=0)))
        worst = max(worst, float(np.abs(after[name] - expected).max(initial=0)) / scale)
    if not worst <= tolerance:
        what = "the network gives other numbers after this step"
        raise BadInput(explain(what, where=where, got=f"a difference of {worst:.2g}", expected=f"at most {tolerance}"))
    return worst
