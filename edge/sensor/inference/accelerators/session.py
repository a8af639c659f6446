"""Sessions on an accelerator, and what stands in for it while it is away."""

from __future__ import annotations

import logging

from edge.errors import AcceleratorLost
from edge.sensor.inference.accelerators.device import Accelerator
from edge.sensor.inference.pictures import failed, take_pictures
from edge.sensor.inference.request import SessionRequest, SizedSession
from edge.sensor.types import Tensors

_log = logging.getLogger(__name__)


class AcceleratorSession:
    """One network on an accelerator. Implements `edge.sensor.ports.InferenceSession`; raises AcceleratorLost."""

    def __init__(self, device: Accelerator, name: str, request: SessionRequest) -> None:
        """name: under which the network was loaded."""
        self.device = device
        self.target = request.target
        self.input_hw = request.input_hw
        self._name, self._request = name, request
        self._ticket: int | None = None

    def start(self, inputs: Tensors) -> None:
        """See `edge.sensor.ports.InferenceSession`."""
        pictures = take_pictures(inputs, self._request, self.input_hw)
        self._ticket = self.device.begin(self._name, {"pictures": pictures})

    def wait(self) -> Tensors:
        """See `edge.sensor.ports.InferenceSession`; waits for at most `Limits.answer_s`."""
        if self._ticket is None:
            raise failed(self._request, "wait without start")
        ticket, self._ticket = self._ticket, None
        return self.device.answer(ticket, self._name)

    def close(self) -> None:
        """Nothing to free: the worker keeps the network until it ends."""


class StandbySession:
    """A network on an accelerator while that is there, on another target meanwhile. No picture is lost in between.

    Implements `edge.sensor.ports.InferenceSession`; `target` is the one that answers now.
    """

    def __init__(self, preferred: AcceleratorSession, standby: SizedSession) -> None:
        """Both take pictures of the same size."""
        self._preferred, self._standby = preferred, standby
        self._inputs: Tensors = {}
        self._running: AcceleratorSession | SizedSession | None = None

    @property
    def target(self) -> str:
        """The accelerator while it is ready, else what stands in for it."""
        return self._preferred.target if self._preferred.device.ready else self._standby.target

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width in px of the pictures."""
        return self._standby.input_hw

    def start(self, inputs: Tensors) -> None:
        """See `edge.sensor.ports.InferenceSession`."""
        self._inputs = inputs
        self._preferred.device.tend()
        if self._preferred.device.ready:
            try:
                self._preferred.start(inputs)
            except AcceleratorLost:
                pass
            else:
                self._running = self._preferred
                return
        self._run_on_standby()

    def wait(self) -> Tensors:
        """See `edge.sensor.ports.InferenceSession`."""
        running = self._running or self._standby
        try:
            return running.wait()
        except AcceleratorLost:
            if running is not self._preferred:
                raise
            self._run_on_standby()
            return self._standby.wait()

    def close(self) -> None:
        """Free what stands in; the accelerator is closed by itself."""
        self._standby.close()

    def _run_on_standby(self) -> None:
        self._standby.start(self._inputs)
        self._running = self._standby
