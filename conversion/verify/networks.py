"""The reference and the artefacts as networks, opened with the device's own adapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.catalog.manifest import Artefact, Manifest, ModelFile
from edge.errors import ManifestError, explain
from edge.schemas.vocabulary import ArtefactKind
from edge.sensor.inference.opening import OpenedSession, open_session

Outputs = Mapping[str, NDArray[np.float32]]
"""A network's outputs for one picture, by the decoder's names for them."""

RUNS_AS: dict[str, tuple[str, ArtefactKind]] = {
    "onnx": ("onnxruntime:CPU", "onnx"),
    "openvino-int8": ("openvino:CPU", "openvino-int8"),
    "openvino-fp16": ("openvino:CPU", "openvino-fp16"),
    "ncs2": ("openvino:CPU", "openvino-fp16"),
    "tflite-int8": ("tflite:CPU", "tflite-int8"),
    "coral": ("tflite:CPU", "tflite-int8"),
    "caffe": ("opencv:CPU", "caffe"),
}
"""Kind -> target that checks it here, and the kind under which that target opens it: no accelerator is needed."""

EDGE_TPU_OP = b"edgetpu-custom-op"


@dataclass(frozen=True, slots=True)
class Network:
    """A network that can be opened: its manifest with one artefact, and the folder of its files."""

    manifest: Manifest
    folder: Path

    @property
    def kind(self) -> str:
        """Kind of the artefact."""
        return self.manifest.artefacts[0].kind

    @property
    def runs_here(self) -> bool:
        """False where every file is compiled for the Edge TPU."""
        return bool(self._files())

    def open(self, threads: int) -> Running:
        """Open it to run one picture at a time. Raises BackendUnavailable, InferenceError, ManifestError."""
        artefact = self.manifest.artefacts[0]
        if artefact.kind not in RUNS_AS:
            raise ManifestError(explain("no target runs it here", where=self.manifest.id, got=artefact.kind))
        target, kind = RUNS_AS[artefact.kind]
        as_kind = msgspec.structs.replace(artefact, kind=kind, files=self._files())
        manifest = msgspec.structs.replace(self.manifest, artefacts=(as_kind,))
        return Running(manifest, open_session(manifest, self.folder, [target], threads=threads))

    def _files(self) -> tuple[ModelFile, ...]:
        """The files that a runtime on this machine can run."""
        files = self.manifest.artefacts[0].files
        if self.kind != "coral":
            return files
        return tuple(file for file in files if EDGE_TPU_OP not in (self.folder / file.path).read_bytes())


class Running:
    """An open network that takes one picture at a time."""

    def __init__(self, manifest: Manifest, opened: OpenedSession) -> None:
        self.manifest = manifest
        self.input_hw = opened.input_hw
        self._session = opened.session

    def infer(self, picture: NDArray[np.uint8]) -> Outputs:
        """Outputs (float32) for a uint8 (H, W, 3) BGR picture of the network's size."""
        self._session.start({self.manifest.input.name: picture[None]})
        outputs = self._session.wait()
        return {word: np.asarray(outputs[name], np.float32) for word, name in self.manifest.outputs.items()}

    def close(self) -> None:
        """Close the network and free its memory."""
        self._session.close()


def networks(manifest: Manifest, folder: Path) -> list[Network]:
    """Each artefact of a folder as a separate network."""
    return [Network(narrow(manifest, artefact), folder) for artefact in manifest.artefacts]


def narrow(manifest: Manifest, artefact: Artefact) -> Manifest:
    """The manifest with only this artefact."""
    return msgspec.structs.replace(manifest, artefacts=(artefact,))
