"""Kind of artefact -> the function that builds it. Builders with an environment of their own are imported late."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx

from conversion.artefacts.job import Job
from conversion.artefacts.openvino import build_fp16, build_int8
from conversion.onnx.baking import take_pictures
from conversion.onnx.model_file import check, read_model
from edge.errors import BackendUnavailable, BadInput, explain

Builder = Callable[[Job], tuple[Path, ...]]
"""Builds one artefact; returns its files, the one that a runtime opens first."""


def build_onnx(job: Job) -> tuple[Path, ...]:
    """Write `<name>.onnx`: uint8 NHWC BGR in, float32 inside."""
    _need_onnx(job, "onnx")
    path = job.folder / f"{job.name}.onnx"
    onnx.save(check(take_pictures(read_model(job.core.path)), str(path)), str(path))
    return (path,)


def build_tflite(job: Job) -> tuple[Path, ...]:
    """Write `<name>-int8.tflite`: full-integer, uint8 in and out."""
    _need_onnx(job, "tflite-int8")
    path = job.folder / f"{job.name}-int8.tflite"
    _target("tflite").build_tflite(job.core.path, job.pictures, path)
    return (path,)


def build_coral(job: Job) -> tuple[Path, ...]:
    """Write `<name>-coral.tflite`: full-integer with operations of the Edge TPU only."""
    _need_onnx(job, "coral")
    path = job.folder / f"{job.name}-coral.tflite"
    _target("coral").build_coral(job.core.path, job.pictures, path)
    return (path,)


def build_ncs2(job: Job) -> tuple[Path, ...]:
    """Write the FP16 IR for the Neural Compute Stick 2 and what its older runtime reads."""
    _need_onnx(job, "ncs2")
    paths: tuple[Path, ...] = _target("ncs2").build_ncs2(job.core.path, job.folder, job.name)
    return paths


BUILDERS: dict[str, Builder] = {
    "onnx": build_onnx,
    "openvino-int8": build_int8,
    "openvino-fp16": build_fp16,
    "ncs2": build_ncs2,
    "tflite-int8": build_tflite,
    "coral": build_coral,
}


def _target(name: str) -> Any:
    try:
        return importlib.import_module(f"conversion.targets.{name}")
    except ImportError as error:
        raise BackendUnavailable(name, f"this version has no builder for it ({error})") from error


def _need_onnx(job: Job, kind: str) -> None:
    if not job.core.is_onnx:
        next_step = "an IR in gives openvino-fp16 and openvino-int8 only; start from Caffe or ONNX for others"
        raise BadInput(explain(f"no {kind} can be made of an IR", where=str(job.core.path), next_step=next_step))
