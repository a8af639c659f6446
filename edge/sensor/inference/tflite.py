"""LiteRT (ai-edge-litert), or the older tflite-runtime: TFLite files on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import BackendUnavailable
from edge.sensor.inference.pictures import colour_table, failed, need_tensors, nhwc, refused
from edge.sensor.inference.quiet import without_info_lines
from edge.sensor.inference.request import SessionRequest, SizedSession
from edge.sensor.inference.synchronous import SynchronousSession
from edge.sensor.types import Image, Tensor

EDGE_TPU_OP = "edgetpu-custom-op"


class LiteNetwork:
    """One loaded network with a fixed input size, the file's own.

    Integers are quantized and dequantized with the scale and zero point that the file gives, so a session takes and
    gives the same numbers whatever the file's types.
    """

    def __init__(self, request: SessionRequest, interpreter: Any) -> None:
        self._request, self._interpreter = request, interpreter
        inputs, outputs = _named_tensors(interpreter)
        need_tensors(request, inputs, outputs)
        self._input = inputs[request.input.name]
        # A tensor may stand under two names, its own and the signature's: each wanted one is read once.
        self._output_tensors = {name: outputs[name] for name in request.output_names} or outputs
        self._channels_last = nhwc(self._input["shape"])
        height, width = self._input["shape"][1:3] if self._channels_last else self._input["shape"][2:4]
        self.input_hw = int(height), int(width)
        self._table = _quantize(colour_table(request.input), self._input)
        self._takes_pixels = request.input.colour == "BGR" and _keeps_pixels(self._table)

    def infer(self, picture: Image) -> dict[str, Tensor]:
        """See `edge.sensor.inference.synchronous.Infer`."""
        try:
            self._interpreter.set_tensor(self._input["index"], self._prepare(picture))
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise failed(self._request, error) from error
        return {
            name: _dequantize(self._interpreter.get_tensor(tensor["index"]), tensor)
            for name, tensor in self._output_tensors.items()
        }

    def _prepare(self, picture: Image) -> NDArray[np.generic]:
        if self._takes_pixels and self._channels_last:
            return picture[None]
        ordered = picture[..., ::-1] if self._request.input.colour == "RGB" else picture
        values = self._table[ordered, np.arange(3)]
        return values[None] if self._channels_last else np.ascontiguousarray(values.transpose(2, 0, 1))[None]


def open_tflite(request: SessionRequest) -> SizedSession:
    """Load a network. Raises BackendUnavailable without library, InferenceError."""
    network = open_network(request)
    return SynchronousSession(request, network.input_hw, network.infer)


def open_network(request: SessionRequest, delegates: Sequence[Any] = ()) -> LiteNetwork:
    """Load a network, with delegates for another device than the CPU. Raises as `open_tflite` does."""
    make_interpreter = _import_litert(request.target).Interpreter
    try:
        with without_info_lines():
            interpreter = make_interpreter(
                model_path=str(request.path), num_threads=request.threads, experimental_delegates=list(delegates)
            )
            interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        advice = ""
        if EDGE_TPU_OP in str(error):
            advice = "this file is compiled for the Edge TPU and runs only there: use target coral:usb or coral:pci"
        raise refused(request, error, advice) from error
    return LiteNetwork(request, interpreter)


def load_delegate(library: str, options: Mapping[str, str]) -> Any:
    """A delegate of LiteRT. Raises BackendUnavailable without LiteRT, and what LiteRT raises for the library."""
    return _import_litert(library).load_delegate(library, dict(options))


def _import_litert(target: str) -> Any:
    try:
        from ai_edge_litert import interpreter
    except ImportError as first:
        try:
            from tflite_runtime import interpreter
        except ImportError as second:
            raise BackendUnavailable(
                target,
                f"neither ai_edge_litert ({first}) nor tflite_runtime ({second}) can be imported; "
                "install passerby[tflite]",
            ) from second
    return interpreter


def _named_tensors(interpreter: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs and outputs by name: the signature's names where the file has one, else the tensors' own."""
    inputs = {tensor["name"]: tensor for tensor in interpreter.get_input_details()}
    outputs = {tensor["name"]: tensor for tensor in interpreter.get_output_details()}
    for signature in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(signature)
        inputs |= runner.get_input_details()
        outputs |= runner.get_output_details()
    return inputs, outputs


def _keeps_pixels(table: NDArray[np.generic]) -> bool:
    """Whether every grey level becomes itself: then a picture goes in as it is (1.3 ms less at 320x320)."""
    return table.dtype == np.uint8 and bool((table == np.arange(256)[:, None]).all())


def _quantize(values: NDArray[np.float32], tensor: Any) -> NDArray[np.generic]:
    """Numbers as the tensor holds them."""
    dtype = np.dtype(tensor["dtype"])
    if dtype.kind == "f":
        return values.astype(dtype)
    scale, zero = tensor["quantization"]
    limits = np.iinfo(dtype)
    levels: NDArray[np.generic] = np.rint(values / scale + zero).clip(limits.min, limits.max).astype(dtype)
    return levels


def _dequantize(values: NDArray[np.generic], tensor: Any) -> Tensor:
    """Numbers that the tensor means."""
    scale, zero = tensor["quantization"]
    if values.dtype.kind == "f" or scale == 0:
        return values
    return (values.astype(np.float32) - np.float32(zero)) * np.float32(scale)
