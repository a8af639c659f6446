"""Opening a network on the first target that can run it; only a named unavailability moves to the next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.catalog.manifest import Artefact, Manifest
from edge.errors import BackendUnavailable, ManifestError, explain
from edge.sensor.inference.request import SessionRequest, SizedSession

_log = logging.getLogger(__name__)

KINDS: dict[str, tuple[str, ...]] = {
    "openvino": ("openvino-int8", "openvino-fp16", "onnx"),
    "onnxruntime": ("onnx",),
    "tflite": ("tflite-int8",),
    "opencv": ("caffe", "tensorflow", "onnx", "opencv-cascade"),
    "ncs2": ("ncs2",),
    "coral": ("coral",),
}
"""Runtime -> kinds of artefact that it reads, best first."""

NOT_DRIVEN = {
    "ncs2": "the Neural Compute Stick 2 needs a worker process, which is not started here",
    "coral": "the Edge TPU needs a worker process, which is not started here",
    "fake": "a scripted session is made in a test, not opened from a file",
}

Standby = Callable[[tuple[int, int]], SizedSession]
"""Opens what stands in for a target, from those behind it, for pictures of (height, width) px. Raises
BackendUnavailable where there is none."""
Driver = Callable[[SessionRequest, Standby], SizedSession]
"""Opens a network on a target that may go away while it is used (`edge.sensor.inference.accelerators`). Raises as
`open_session`."""


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session, the height and width in px of its pictures, and why targets before it were passed over."""

    session: SizedSession
    input_hw: tuple[int, int]
    fallbacks: tuple[BackendUnavailable, ...]


def open_session(
    manifest: Manifest,
    folder: Path,
    targets: Sequence[str],
    *,
    threads: int,
    input_hw: tuple[int, int] | None = None,
    max_batch: int = 1,
    drivers: Mapping[str, Driver] | None = None,
) -> OpenedSession:
    """Open the network whose files lie in folder on the first of the targets that can run it.

    drivers: runtime -> what opens it in place of an adapter of this package. input_hw: height and width in px, the
    manifest's own where None; a runtime that cannot change the file's size keeps it and says so in the answer. Raises
    BackendUnavailable with every reason when no target is left, ManifestError for a file that is not the manifest's,
    InferenceError for one that its runtime refuses.
    """
    size = input_hw or (manifest.input.height_px, manifest.input.width_px)
    fallbacks: list[BackendUnavailable] = []
    drivers = drivers or {}
    for position, target in enumerate(targets):

        def stand_in(hw: tuple[int, int], rest: Sequence[str] = targets[position + 1 :]) -> SizedSession:
            options = {"threads": threads, "input_hw": hw, "max_batch": max_batch}
            return open_session(manifest, folder, rest, drivers=drivers, **options).session  # type: ignore[arg-type]

        try:
            request = _request(target, manifest, folder, drivers, threads=threads, input_hw=size, max_batch=max_batch)
            driver = drivers.get(target.partition(":")[0])
            session = driver(request, stand_in) if driver else _adapter(target)(request)
        except BackendUnavailable as unavailable:
            _log.warning("%s for %s", unavailable, manifest.id)
            fallbacks.append(unavailable)
        else:
            return OpenedSession(session, session.input_hw, tuple(fallbacks))
    reasons = "; ".join(f"{failure.target}: {failure.reason}" for failure in fallbacks)
    raise BackendUnavailable(", ".join(targets), f"no target is left for {manifest.id} ({reasons})")


def _request(
    target: str,
    manifest: Manifest,
    folder: Path,
    drivers: Mapping[str, Driver],
    *,
    threads: int,
    input_hw: tuple[int, int],
    max_batch: int,
) -> SessionRequest:
    """What a target's adapter is asked to open. Raises BackendUnavailable where it has none, or the network no file."""
    runtime = target.partition(":")[0]
    if runtime in NOT_DRIVEN and runtime not in drivers:
        raise BackendUnavailable(target, NOT_DRIVEN[runtime])
    artefact = _choose_artefact(target, manifest, folder)
    names = manifest.tensor_names()
    return SessionRequest(target, artefact, folder, manifest.input, names, input_hw, threads, max_batch)


def _choose_artefact(target: str, manifest: Manifest, folder: Path) -> Artefact:
    """The best artefact for the target whose files are all there. Raises BackendUnavailable, ManifestError."""
    kinds = KINDS[target.partition(":")[0]]
    fitting = [artefact for kind in kinds for artefact in manifest.artefacts if artefact.kind == kind]
    if not fitting:
        there = ", ".join(sorted({artefact.kind for artefact in manifest.artefacts}))
        raise BackendUnavailable(target, f"{manifest.id} has no {' or '.join(kinds)}, only {there}")
    for artefact in fitting:
        if all((folder / file.path).is_file() for file in artefact.files):
            _check_sizes(artefact, folder)
            return artefact
    wanted = " or ".join(artefact.files[0].path for artefact in fitting)
    raise BackendUnavailable(target, f"{wanted} of {manifest.id} is not installed in {folder}")


def _check_sizes(artefact: Artefact, folder: Path) -> None:
    """Refuse a file that was cut or replaced, before a runtime reports it in its own words."""
    for file in artefact.files:
        path = folder / file.path
        size = path.stat().st_size
        if size != file.size:
            raise ManifestError(
                explain(
                    "the model file is not the manifest's",
                    where=str(path),
                    got=f"{size} bytes",
                    expected=f"{file.size} bytes",
                    next_step="import or fetch it again (passerby models import)",
                )
            )


def _adapter(target: str) -> Callable[[SessionRequest], SizedSession]:
    """The runtime's adapter; its vendor library is imported here and not before."""
    runtime = target.partition(":")[0]
    if runtime == "openvino":
        from edge.sensor.inference.openvino import open_openvino

        return open_openvino
    if runtime == "onnxruntime":
        from edge.sensor.inference.onnxruntime import open_onnxruntime

        return open_onnxruntime
    if runtime == "tflite":
        from edge.sensor.inference.tflite import open_tflite

        return open_tflite
    from edge.sensor.inference.opencv import open_opencv

    return open_opencv
