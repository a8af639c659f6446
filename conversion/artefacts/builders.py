"""Kind of artefact -> the function that builds it. Converters are imported only when a builder is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from conversion.artefacts.coral import build_coral
from conversion.artefacts.job import Job
from conversion.artefacts.ncs2 import build_ncs2
from conversion.artefacts.onnx import build_onnx
from conversion.artefacts.openvino import build_fp16, build_int8
from conversion.artefacts.tflite import build_tflite
from edge.schemas.vocabulary import ArtefactKind

Builder = Callable[[Job], tuple[Path, ...]]
"""Builds one artefact in the job's folder; returns its files, the one that a runtime opens first.

Raises BadInput where the network cannot become such an artefact or the result fails a check, InferenceError where a
converter in an isolated environment fails, BackendUnavailable where a converter is missing.
"""

BUILDERS: Mapping[ArtefactKind, Builder] = {
    "onnx": build_onnx,
    "openvino-int8": build_int8,
    "openvino-fp16": build_fp16,
    "ncs2": build_ncs2,
    "tflite-int8": build_tflite,
    "coral": build_coral,
}
