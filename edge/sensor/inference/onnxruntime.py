"""ONNX Runtime: ONNX files on the CPU, or on a Jetson's GPU with CUDA or TensorRT."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import BackendUnavailable
from edge.sensor.inference.pictures import failed, need_tensors, normalise, refused
from edge.sensor.inference.quiet import silence_onnxruntime
from edge.sensor.inference.request import SessionRequest, SizedSession
from edge.sensor.inference.synchronous import SynchronousSession
from edge.sensor.types import Image, Tensor

PROVIDERS = {
    "CPU": "CPUExecutionProvider",
    "CUDA": "CUDAExecutionProvider",
    "TensorRT": "TensorrtExecutionProvider",
}
ERRORS_ONLY = 3


class _Network:
    """One loaded network.

    ONNX Runtime keeps a size that the file fixes, so `input_hw` may differ from what was asked for.
    """

    def __init__(self, request: SessionRequest, network: Any, errors: tuple[type[Exception], ...]) -> None:
        self._request, self._network, self._errors = request, network, errors
        shapes = {port.name: port.shape for port in network.get_inputs()}
        self._names = [port.name for port in network.get_outputs()]
        need_tensors(request, shapes, self._names)
        self.input_hw = _real_size(shapes[request.input.name], request)

    def infer(self, picture: Image) -> dict[str, Tensor]:
        """See `edge.sensor.inference.synchronous.Infer`."""
        try:
            values = self._network.run(self._names, {self._request.input.name: self._prepare(picture)})
        except self._errors as error:
            raise failed(self._request, error) from error
        return dict(zip(self._names, values, strict=True))

    def _prepare(self, picture: Image) -> NDArray[np.generic]:
        wanted = self._request.input
        values = normalise(picture, wanted)
        shaped = values.transpose(2, 0, 1) if wanted.layout == "NCHW" else values
        return np.ascontiguousarray(shaped[None], wanted.dtype)


def open_onnxruntime(request: SessionRequest) -> SizedSession:
    """Load a network. Raises BackendUnavailable without library or provider, InferenceError."""
    ort = _import_onnxruntime(request.target)
    provider = PROVIDERS[request.device]
    if provider not in ort.get_available_providers():
        raise BackendUnavailable(request.target, f"this onnxruntime was built without {provider}")
    errors = _errors(ort)
    try:
        network = ort.InferenceSession(request.path, _options(ort, request), providers=[provider])
    except errors as error:
        raise refused(request, error) from error
    # A provider whose CUDA libraries are missing is dropped with a mere log line: that is no silent CPU for us.
    if network.get_providers()[0] != provider:
        raise BackendUnavailable(request.target, f"onnxruntime could not start {provider} (driver or CUDA libraries)")
    loaded = _Network(request, network, errors)
    return SynchronousSession(request, loaded.input_hw, loaded.infer)


def _import_onnxruntime(target: str) -> Any:
    silence_onnxruntime()
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendUnavailable(
            target, f"package onnxruntime cannot be imported ({error}); install passerby[onnxruntime]"
        ) from error
    return onnxruntime


def _errors(ort: Any) -> tuple[type[Exception], ...]:
    """The runtime's own exceptions, which share no base class but Exception."""
    state = ort.capi.onnxruntime_pybind11_state
    return tuple(kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception))


def _options(ort: Any, request: SessionRequest) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = request.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    # Threads that spin while they wait cost more CPU time than the inference.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _real_size(shape: list[int | str | None], request: SessionRequest) -> tuple[int, int]:
    """Height and width that the file fixes, or those asked for where it leaves them open."""
    sides = shape[2:4] if request.input.layout == "NCHW" else shape[1:3]
    height, width = (
        side if isinstance(side, int) else wanted for side, wanted in zip(sides, request.input_hw, strict=True)
    )
    return height, width
