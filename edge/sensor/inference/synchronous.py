"""A session on a runtime without a queue of requests: it infers in `start`, picture by picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge.sensor.inference.pictures import failed, stack_outputs, take_pictures
from edge.sensor.inference.request import SessionRequest
from edge.sensor.types import Image, Tensor, Tensors

Infer = Callable[[Image], Mapping[str, Tensor]]
"""One BGR picture of the input's size to the network's outputs. Raises InferenceError."""


class SynchronousSession:
    """Implements `edge.sensor.ports.InferenceSession` around a function; `input_hw` is the size that it takes, in
    px."""

    def __init__(self, request: SessionRequest, input_hw: tuple[int, int], infer: Infer) -> None:
        self.target = request.target
        self.input_hw = input_hw
        self._request = request
        self._infer: Infer | None = infer
        self._outputs: Tensors | None = None

    def start(self, inputs: Tensors) -> None:
        """See `edge.sensor.ports.InferenceSession`."""
        pictures = take_pictures(inputs, self._request, self.input_hw)
        if self._infer is None:
            raise failed(self._request, "start after close")
        self._outputs = stack_outputs([self._infer(picture) for picture in pictures])

    def wait(self) -> Tensors:
        """See `edge.sensor.ports.InferenceSession`."""
        if self._outputs is None:
            raise failed(self._request, "wait without start")
        return self._outputs

    def close(self) -> None:
        """Free the network."""
        self._infer = self._outputs = None
