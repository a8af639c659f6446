"""The accelerators of one process: a worker for each, shared by the networks on it."""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from edge.errors import AcceleratorLost, BackendUnavailable, InferenceError, explain
from edge.sensor.inference.accelerators.device import Accelerator, Limits, Network
from edge.sensor.inference.accelerators.launcher_process import LauncherProcess
from edge.sensor.inference.accelerators.session import AcceleratorSession, StandbySession
from edge.sensor.inference.opening import Driver, Standby
from edge.sensor.inference.request import SessionRequest, SizedSession
from edge.sensor.inference.tflite import EDGE_TPU_OP
from edge.settings.settings import Accelerators as AcceleratorSettings

NCS2_WORKER = Path(__file__).parent / "workers" / "ncs2.py"
CORAL_WORKER = "edge.sensor.inference.accelerators.workers.coral"
_OF_OUR_PYTHON = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")

Command = Callable[[str], Sequence[str]]
"""Target to the command of its worker. Raises BackendUnavailable."""

_log = logging.getLogger(__name__)


class Accelerators:
    """Opens networks on accelerators and knows the state of each.

    Make it, and open every network, before the sensor locks itself: the launchers must be there by then.
    """

    def __init__(self, settings: AcceleratorSettings, command: Command | None = None) -> None:
        """command: of the worker, by target; the real ones by default."""
        self._limits = limits_of(settings)
        self._command = command or (lambda target: worker_command(target, settings))
        self._devices: dict[str, Accelerator] = {}
        self._launchers: list[LauncherProcess] = []

    @property
    def drivers(self) -> Mapping[str, Driver]:
        """For `edge.sensor.inference.opening.open_session`."""
        return {"ncs2": self.open, "coral": self.open}

    @property
    def devices(self) -> list[Accelerator]:
        """Those that networks were opened on, in that order."""
        return list(self._devices.values())

    @property
    def losses(self) -> int:
        """How often any of them was lost."""
        return sum(device.losses for device in self._devices.values())

    def open(self, request: SessionRequest, open_standby: Standby) -> SizedSession:
        """Load a network; where the accelerator is not there now, what stands in answers until it is.

        Raises BackendUnavailable where neither can run it, InferenceError for a file that the accelerator refuses.
        """
        if request.target.startswith("coral"):
            _need_compiled(request)
        # What runs on an accelerator was converted for one size of pictures, the manifest's.
        request = dataclasses.replace(request, input_hw=(request.input.height_px, request.input.width_px))
        device = self._device(request.target)
        lost = _load(device, request)
        session = AcceleratorSession(device, str(request.path), request)
        standby = _standby(open_standby, request)
        if standby is not None:
            return StandbySession(session, standby)
        if lost is not None:
            raise BackendUnavailable(request.target, f"{lost.fault}: {lost.reason}")
        return session

    def close(self) -> None:
        """End every worker and launcher; safe to call twice."""
        for device in self._devices.values():
            device.close()
        for launcher in self._launchers:
            launcher.close()

    def _device(self, target: str) -> Accelerator:
        if target not in self._devices:
            launcher = LauncherProcess(self._command(target), makes_files=target == "ncs2")
            self._launchers.append(launcher)
            self._devices[target] = Accelerator(target, launcher, self._limits)
        return self._devices[target]


def limits_of(settings: AcceleratorSettings) -> Limits:
    """The settings' limits."""
    return Limits(settings.answer_s, settings.start_s, settings.restart_initial_s, settings.restart_max_s)


def worker_command(target: str, settings: AcceleratorSettings) -> tuple[str, ...]:
    """Command of a target's worker. Raises BackendUnavailable where its interpreter is not there."""
    if target != "ncs2":
        device = target.partition(":")[2]
        return sys.executable, "-m", CORAL_WORKER, settings.coral_library, device
    python = Path(settings.ncs2_python)
    if not os.access(python, os.X_OK) or python.is_dir():
        raise BackendUnavailable(
            target, f"no interpreter at {python}; accelerators.ncs2_python names one with an old OpenVINO"
        )
    without_ours = [word for name in _OF_OUR_PYTHON for word in ("-u", name)]
    return "/usr/bin/env", *without_ours, str(python), "-B", "-s", str(NCS2_WORKER)


def _load(device: Accelerator, request: SessionRequest) -> AcceleratorLost | None:
    """Put the network on the device; what is wrong where the device is not there now. Raises InferenceError."""
    header = {
        "target": request.target,
        "files": [str((request.folder / file.path).resolve()) for file in request.artefact.files],
        "input": request.input.name,
        "picture": msgspec.to_builtins(request.input),
        "outputs": list(request.output_names),
        "hw": list(request.input_hw),
    }
    try:
        device.load(Network(str(request.path), header, request.output_names))
    except AcceleratorLost as lost:
        if lost.fault == "model":
            raise _refused(request, lost) from lost
        return lost
    return None


def _refused(request: SessionRequest, lost: AcceleratorLost) -> InferenceError:
    advice = "check the file with `passerby models verify`, or convert it again"
    return InferenceError(
        explain(f"{request.target} refuses the model ({lost.reason})", where=str(request.path), next_step=advice)
    )


def _standby(open_standby: Standby, request: SessionRequest) -> SizedSession | None:
    """What stands in, if it takes the same pictures."""
    try:
        standby = open_standby(request.input_hw)
    except BackendUnavailable as reason:
        _log.warning("nothing stands in for %s: %s", request.target, reason)
        return None
    if standby.input_hw == request.input_hw:
        return standby
    standby.close()
    _log.warning("%s cannot stand in for %s: it takes pictures of %s", standby.target, request.target, standby.input_hw)
    return None


def _need_compiled(request: SessionRequest) -> None:
    """Raise BackendUnavailable for a file that would run on the CPU, as what is not compiled for the Edge TPU does."""
    if EDGE_TPU_OP.encode() not in request.path.read_bytes():
        raise BackendUnavailable(
            request.target, f"{request.path.name} is not compiled for the Edge TPU; run edgetpu_compiler on it"
        )
