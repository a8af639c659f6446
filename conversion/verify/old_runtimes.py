"""Checks the `ncs2` files in real old OpenVINOs: the same values on the CPU, every layer supported by MYRIAD."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from conversion.environments import catalog
from conversion.environments.catalog import Environment
from conversion.environments.installation import ensure_environment
from conversion.environments.worker_call import WORKERS, call_worker
from conversion.onnx.model_file import read_model
from conversion.onnx.runtime import difference
from conversion.request.pictures import Pictures
from edge.errors import BackendUnavailable, InferenceError
from edge.sensor.inference.openvino import import_openvino, the_core

TOLERANCE = 1e-4
"""Largest allowed difference from today's OpenVINO, as a share of the output's largest value (at least 1)."""

Outputs = dict[str, NDArray[np.float32]]


class Names(NamedTuple):
    """Names of the input and the outputs in both files."""

    picture: str
    outputs: tuple[str, ...]


class RuntimeCheck(Struct, frozen=True, kw_only=True):
    """One file in one old OpenVINO.

    difference: the largest from today's OpenVINO on the same file, as a share of the output's largest value (at least
    1). not_taken: layers that MYRIAD does not support; None where it was not asked. error: why the file does not run
    there. not_checked: why nothing was checked.
    """

    runtime: str
    file: str
    difference: float | None = None
    not_taken: tuple[str, ...] | None = None
    error: str = ""
    not_checked: str = ""

    @property
    def passed(self) -> bool:
        """Whether it was checked and nothing is wrong."""
        return self.difference is not None and self.difference <= TOLERANCE and not self.not_taken and not self.error

    @property
    def failed(self) -> bool:
        """Whether it was checked and something is wrong."""
        return not self.passed and not self.not_checked

    @property
    def verdict(self) -> str:
        """The result as one line of text."""
        if self.not_checked:
            return f"{self.runtime}: not checked: {self.not_checked}"
        found = f"differs by {self.difference:.2g}" if self.difference is not None else self.error
        if self.not_taken is None:
            return f"{self.runtime}: {found}"
        missing = ", ".join(self.not_taken)
        return f"{self.runtime}: {found}, MYRIAD takes " + (f"all layers but {missing}" if missing else "every layer")


def check_old_runtimes(ir: Path, onnx_file: Path, pictures: Pictures) -> tuple[RuntimeCheck, ...]:
    """Run the files of an `ncs2` artefact in OpenVINO 2022.3 and 2021.4, on a few pictures uint8 (N, H, W, 3) BGR.

    Where an environment cannot be made here (no Python 3.9, no network), its check says "not checked" and why.
    Raises BadInput for a broken ONNX file, BackendUnavailable without today's OpenVINO.
    """
    new, old = catalog.openvino_2022(), catalog.openvino_2021()
    graph = read_model(onnx_file).graph
    names = Names(graph.input[0].name, tuple(port.name for port in graph.output))
    return (
        _check(new, "run_openvino_2022.py", ir, names, pictures, lambda answer: None),
        _check(old, "run_openvino_2021.py", onnx_file, names, pictures, lambda answer: tuple(answer["refused"])),
    )


def _check(
    environment: Environment,
    script: str,
    file: Path,
    names: Names,
    pictures: Pictures,
    not_taken: Callable[[dict[str, Any]], tuple[str, ...] | None],
) -> RuntimeCheck:
    found = RuntimeCheck(runtime=environment.name, file=file.name)
    try:
        python = ensure_environment(environment)
    except BackendUnavailable as unavailable:
        return replace(found, not_checked=unavailable.reason)
    expected = _run_today(file, names, pictures)
    header = {"model": str(file.resolve()), "input": names.picture, "outputs": list(names.outputs)}
    try:
        answer, outputs = call_worker(python, WORKERS / script, header, {"pictures": pictures})
    except InferenceError as error:
        return replace(found, error=str(error))
    largest = max(difference(wanted, outputs[name]) for name, wanted in expected.items())
    if not np.isfinite(largest):
        return replace(
            found, error="gives outputs of another shape, or values that are not finite", not_taken=not_taken(answer)
        )
    return replace(found, difference=largest, not_taken=not_taken(answer))


def _run_today(file: Path, names: Names, pictures: Pictures) -> Outputs:
    """Outputs for all pictures from this process's OpenVINO."""
    core = the_core(import_openvino("ncs2"))
    compiled = core.compile_model(core.read_model(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    runs = [compiled.infer_new_request({names.picture: picture[None]}) for picture in pictures]
    ports = {name: compiled.output(name) for name in names.outputs}
    return {name: np.concatenate([run[port] for run in runs]) for name, port in ports.items()}
