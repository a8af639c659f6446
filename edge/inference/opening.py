"""Opening a network on the first target that can run it; only a named unavailability moves to the next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import BackendUnavailable, ManifestError, explain
from edge.inference.request import SessionRequest, SizedSession
from edge.manifest import Artefact, Manifest

LOG = logging.getLogger(__name__)

KINDS: dict[str, tuple[str, ...]] = {
    "openvino": ("openvino-int8", "openvino-fp16", "onnx"),
    "onnxruntime": ("onnx",),
    "tflite": ("tflite-int8",),
    "opencv": ("caffe", "tensorflow", "onnx", "opencv-cascade"),
}
"""Runtime -> kinds of artefact that it reads, best first."""

NOT_DRIVEN = {
    "ncs2": "this version has no worker process for the Neural Compute Stick 2",
    "coral": "this version has no worker process for the Edge TPU",
    "fake": "a scripted session is made in a test, not opened from a file",
}


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
) -> OpenedSession:
    """Open the network whose files lie in folder on the first of the targets that can run it.

    input_hw: height and width in px, the manifest's own where None; a runtime that cannot change the file's size
    keeps it and says so in the answer. Raises BackendUnavailable with every reason when no target is left,
    ManifestError for a file that is not the manifest's, InferenceError for one that its runtime refuses.
    """
    size = input_hw or (manifest.input.height_px, manifest.input.width_px)
    fallbacks: list[BackendUnavailable] = []
    for target in targets:
        try:
            session = _open_on(target, manifest, folder, threads=threads, input_hw=size, max_batch=max_batch)
        except BackendUnavailable as unavailable:
            LOG.warning("%s for %s", unavailable, manifest.id)
            fallbacks.append(unavailable)
        else:
            return OpenedSession(session, session.input_hw, tuple(fallbacks))
    reasons = "; ".join(f"{failure.target}: {failure.reason}" for failure in fallbacks)
    raise BackendUnavailable(", ".join(targets), f"no target is left for {manifest.id} ({reasons})")


def _open_on(
    target: str, manifest: Manifest, folder: Path, *, threads: int, input_hw: tuple[int, int], max_batch: int
) -> SizedSession:
    runtime = target.partition(":")[0]
    if runtime in NOT_DRIVEN:
        raise BackendUnavailable(target, NOT_DRIVEN[runtime])
    artefact = _choose_artefact(target, manifest, folder)
    names = manifest.tensor_names()
    request = SessionRequest(target, artefact, folder, manifest.input, names, input_hw, threads, max_batch)
    return _adapter(runtime)(request)


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
    """Refuse a file that was cut or replaced, before a runtime says so in its own words."""
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


def _adapter(runtime: str) -> Callable[[SessionRequest], SizedSession]:
    """The runtime's adapter; its vendor library is imported here and not before."""
    if runtime == "openvino":
        from edge.inference.openvino import open_openvino

        return open_openvino
    if runtime == "onnxruntime":
        from edge.inference.onnxruntime import open_onnxruntime

        return open_onnxruntime
    if runtime == "tflite":
        from edge.inference.tflite import open_tflite

        return open_tflite
    from edge.inference.opencv import open_opencv

    return open_opencv
