"""OpenVINO: IR and ONNX files on CPU, GPU, NPU or AUTO."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.catalog.manifest import Input
from edge.errors import BackendUnavailable
from edge.sensor.inference.pictures import Pictures, failed, need_tensors, refused, stack_outputs, take_pictures
from edge.sensor.inference.quiet import silence_openvino, without_converter
from edge.sensor.inference.request import SessionRequest, SizedSession
from edge.sensor.types import Tensor, Tensors


class OpenVINOSession:
    """One compiled network; the pictures of a batch run one after the other, each in a request of its own.

    Most detectors and the OMZ networks fix their batch at 1 in the graph; queued requests need no reshape.
    """

    def __init__(self, request: SessionRequest, compiled: Any) -> None:
        self.target = request.target
        self.input_hw = request.input_hw
        self._request = request
        self._runs = [_Run(request, compiled) for _ in range(request.max_batch)]
        self._running: list[_Run] = []

    def start(self, inputs: Tensors) -> None:
        """See `edge.sensor.ports.InferenceSession`."""
        pictures = take_pictures(inputs, self._request, self.input_hw)
        self._running = self._runs[: len(pictures)]
        try:
            for position, run in enumerate(self._running):
                run.read_from(pictures, position)
                run.infer.start_async()
        except RuntimeError as error:
            raise failed(self._request, error) from error

    def wait(self) -> Tensors:
        """See `edge.sensor.ports.InferenceSession`."""
        if not self._running:
            raise failed(self._request, "wait without start")
        try:
            for run in self._running:
                run.infer.wait()
        except RuntimeError as error:
            raise failed(self._request, error) from error
        return stack_outputs([run.outputs for run in self._running])

    def close(self) -> None:
        """Free the requests; what runs ends first."""
        for run in self._running:
            run.infer.wait()
        self._runs, self._running = [], []


class _Run:
    """An infer request that reads the caller's array and writes arrays of its own, so that nothing is copied."""

    def __init__(self, request: SessionRequest, compiled: Any) -> None:
        self.infer = compiled.create_infer_request()
        self.outputs: dict[str, Tensor] = {}
        self._pictures: Pictures | None = None
        self._part: Pictures | None = None
        for position, output in enumerate(compiled.outputs):
            array = np.zeros(tuple(output.shape), output.element_type.to_dtype())
            self.infer.set_output_tensor(position, _share(array))
            self.outputs.update(dict.fromkeys(output.names, array))

    def read_from(self, pictures: Pictures, position: int) -> None:
        """Read the picture at position; an array that is read in place and is the last one again stays set."""
        if pictures is self._pictures:
            return
        part = np.ascontiguousarray(pictures[position : position + 1])
        # OpenVINO does not keep what it reads alive.
        self._part = part
        self._pictures = pictures if pictures.flags.c_contiguous else None
        self.infer.set_input_tensor(_share(part))


def _share(array: NDArray[Any]) -> Any:
    import openvino as ov

    return ov.Tensor(array, shared_memory=True)


def open_openvino(request: SessionRequest) -> SizedSession:
    """Read, reshape and compile a network. Raises BackendUnavailable without library or device, InferenceError."""
    ov = import_openvino(request.target)
    core = the_core(ov)
    _need_device(request, core.available_devices)
    try:
        model = core.read_model(request.path)
    except RuntimeError as error:
        raise refused(request, error) from error
    need_tensors(request, _names(model.inputs), _names(model.outputs))
    try:
        compiled = core.compile_model(
            bake_input(ov, model, request.input, request.input_hw), request.device, _options(request)
        )
        return OpenVINOSession(request, compiled)
    except RuntimeError as error:
        raise refused(request, error) from error


def _names(ports: Any) -> set[str]:
    """All names of all ports: one tensor may have several."""
    return {name for port in ports for name in port.names}


def import_openvino(target: str) -> Any:
    """The library, kept from phoning home. Raises BackendUnavailable where it cannot be imported."""
    silence_openvino()
    try:
        with without_converter():
            import openvino
            import openvino.preprocess
    except ImportError as error:
        raise BackendUnavailable(
            target, f"package openvino cannot be imported ({error}); install passerby[openvino]"
        ) from error
    return openvino


@lru_cache(maxsize=1)
def the_core(openvino: Any) -> Any:
    """The one core of this process, which is never freed.

    OpenVINO's CPU plugin gives the thread that makes a core a stack of its own for signals, and puts the one before it
    back when the core is freed. If that belonged to another core, it may be freed by then: the next signal, such as
    SIGTERM, ends the process with a segmentation fault (seen with 2026.4.1).
    """
    return openvino.Core()


def _need_device(request: SessionRequest, devices: list[str]) -> None:
    """AUTO is a choice among devices; the others are listed as GPU, or GPU.0 and GPU.1 where there are several."""
    if request.device != "AUTO" and request.device not in {name.partition(".")[0] for name in devices}:
        raise BackendUnavailable(
            request.target, f"OpenVINO finds no {request.device} here, only {', '.join(devices) or 'nothing'}"
        )


def bake_input(ov: Any, model: Any, wanted: Input, input_hw: tuple[int, int]) -> Any:
    """Make the network take uint8 NHWC BGR of input_hw (height, width) px.

    Size, colour order, mean and scale become its first layers.
    """
    height, width = input_hw
    model.reshape({wanted.name: [1, 3, height, width] if wanted.layout == "NCHW" else [1, height, width, 3]})
    steps = ov.preprocess.PrePostProcessor(model)
    picture = steps.input(wanted.name)
    picture.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    picture.tensor().set_color_format(ov.preprocess.ColorFormat.BGR)
    picture.model().set_layout(ov.Layout(wanted.layout))
    process = picture.preprocess()
    if wanted.colour == "RGB":
        process.convert_color(ov.preprocess.ColorFormat.RGB)
    if wanted.dtype == "float32":
        process.convert_element_type(ov.Type.f32)
        if any(wanted.mean):
            process.mean(list(wanted.mean))
        if wanted.scale != 1:
            process.scale(1 / wanted.scale)
    return steps.build()


def _options(request: SessionRequest) -> dict[str, Any]:
    """One stream for latency, numbers as the file has them; no CACHE_DIR, the sensor writes no file."""
    options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
    if request.device == "CPU":
        options |= {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": request.threads, "NUM_STREAMS": 1}
    return options
