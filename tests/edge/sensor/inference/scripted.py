"""A session that plays a script, for tests of everything above inference: no runtime and no model."""

from __future__ import annotations

from collections.abc import Iterable

from edge.errors import InferenceError
from edge.sensor.types import Tensors


class ScriptedSession:
    """Gives the scripted outputs in order, one for each `start`; an exception in the script is raised by `wait`.

    `seen` holds a copy of the inputs of every `start`.
    """

    def __init__(
        self, script: Iterable[Tensors | Exception], *, input_hw: tuple[int, int] = (192, 320), target: str = "fake:CPU"
    ) -> None:
        self.target = target
        self.input_hw = input_hw
        self.seen: list[Tensors] = []
        self.closed = False
        self._script = iter(script)
        self._running = False

    def start(self, inputs: Tensors) -> None:
        """See `edge.sensor.ports.InferenceSession`. Raises InferenceError when closed or while one is in flight."""
        if self.closed or self._running:
            raise InferenceError(f"{self.target}: {'closed' if self.closed else 'start while an inference runs'}")
        self._running = True
        self.seen.append({name: values.copy() for name, values in inputs.items()})

    def wait(self) -> Tensors:
        """See `edge.sensor.ports.InferenceSession`. Raises InferenceError at the end of the script or without
        `start`."""
        if not self._running:
            raise InferenceError(f"{self.target}: wait without start")
        self._running = False
        outputs = next(self._script, None)
        if outputs is None:
            raise InferenceError(f"{self.target}: the script has no outputs left")
        if isinstance(outputs, Exception):
            raise outputs
        return outputs

    def close(self) -> None:
        """Refuse further use."""
        self.closed = True
