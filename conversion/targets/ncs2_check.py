"""Proof that the `ncs2` files work in real old OpenVINOs: equal numbers on the CPU, every layer taken by MYRIAD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from conversion.environments import catalog
from conversion.environments.calling import WORKERS, call_worker
from conversion.environments.catalog import Environment
from conversion.environments.making import ensure_environment
from conversion.targets.graph.editing import read_model
from conversion.targets.ncs2 import import_openvino
from edge.errors import BackendUnavailable

TOLERANCE = 1e-4
"""Most by which a number may differ from today's OpenVINO, as a share of the output's largest value (at least 1)."""

Pictures = NDArray[np.uint8]
Outputs = dict[str, NDArray[np.float32]]


class Names(NamedTuple):
    """What both files call the picture and the outputs."""

    picture: str
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuntimeCheck:
    """One file in one old OpenVINO.

    difference: the largest one from today's OpenVINO on the same file, as a share of the output's largest value (at
    least 1); None where nothing was checked. refused: layers that MYRIAD does not take; None where it was not asked.
    not_checked: why, empty where it was.
    """

    runtime: str
    file: str
    difference: float | None
    refused: tuple[str, ...] | None
    not_checked: str = ""

    @property
    def passed(self) -> bool:
        """Whether it was checked and nothing is wrong."""
        return self.difference is not None and self.difference <= TOLERANCE and not self.refused


@dataclass(frozen=True, slots=True)
class Ncs2Report:
    """What the old OpenVINOs say to the files."""

    checks: tuple[RuntimeCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether every check was made and passed."""
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> bool:
        """Whether one that was made did not pass; what was not checked is no failure."""
        return any(not check.passed and not check.not_checked for check in self.checks)


def check_ncs2(ir: Path, onnx_file: Path, pictures: Pictures) -> Ncs2Report:
    """Run the files that `build_ncs2` wrote on a few pictures, uint8 (N, H, W, 3) BGR of the network's size.

    An environment that cannot be made here (no Python 3.9, no network) makes its check "not checked" with the reason.
    Raises WorkerFailed where an old OpenVINO refuses the file, BackendUnavailable without today's.
    """
    new, old = catalog.openvino_2022(), catalog.openvino_2021()
    graph = read_model(onnx_file).graph
    names = Names(graph.input[0].name, tuple(value.name for value in graph.output))
    return Ncs2Report(
        (
            _check(new, "run_openvino_2022.py", ir, names, pictures, lambda answer: None),
            _check(old, "run_openvino_2021.py", onnx_file, names, pictures, lambda answer: tuple(answer["refused"])),
        )
    )


def _check(
    environment: Environment,
    script: str,
    file: Path,
    names: Names,
    pictures: Pictures,
    refused: Callable[[dict[str, Any]], tuple[str, ...] | None],
) -> RuntimeCheck:
    try:
        python = ensure_environment(environment)
    except BackendUnavailable as unavailable:
        return RuntimeCheck(environment.name, file.name, None, None, not_checked=unavailable.reason)
    expected = _run_today(file, names, pictures)
    header = {"model": str(file.resolve()), "input": names.picture, "outputs": list(names.outputs)}
    answer, outputs = call_worker(python, WORKERS / script, header, {"pictures": pictures})
    return RuntimeCheck(environment.name, file.name, largest_difference(outputs, expected), refused(answer))


def _run_today(file: Path, names: Names, pictures: Pictures) -> Outputs:
    """Outputs of all pictures in this process's OpenVINO."""
    ov = import_openvino()
    core = ov.Core()
    compiled = core.compile_model(core.read_model(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    runs = [compiled.infer_new_request({names.picture: picture[None]}) for picture in pictures]
    ports = {name: compiled.output(name) for name in names.outputs}
    return {name: np.concatenate([run[port] for run in runs]) for name, port in ports.items()}


def largest_difference(got: Outputs, expected: Outputs) -> float:
    """The largest share of an output's largest value (at least 1) by which it differs; infinite for another shape."""
    return max((_difference(got[name], wanted) for name, wanted in expected.items()), default=0.0)


def _difference(got: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    if got.shape != wanted.shape or not np.isfinite(got).all():
        return float("inf")
    return float(np.abs(got - wanted).max() / max(1.0, float(np.abs(wanted).max())))
