"""`onnx`: the core with an input for pictures; and the core itself, which other artefacts are made of."""

from __future__ import annotations

from pathlib import Path

import onnx

from conversion.artefacts.job import Job
from conversion.onnx.baking import take_pictures
from conversion.onnx.core import read_core
from conversion.onnx.halving import halve_weights
from conversion.onnx.model_file import check
from edge.errors import BadInput, explain


def build_onnx(job: Job) -> tuple[Path, ...]:
    """Write `<name>.onnx`: uint8 NHWC BGR in, float32 inside, weights in 16 bits where that is exact."""
    path = job.path(".onnx")
    onnx.save(check(halve_weights(take_pictures(open_core(job, "onnx"))), path.name), str(path))
    return (path,)


def open_core(job: Job, kind: str) -> onnx.ModelProto:
    """The core as ONNX, float32 (1, 3, H, W) BGR 0-255 in. Raises BadInput where it is an IR or is not a core."""
    if not job.core.is_onnx:
        next_step = "an IR gives only openvino-fp16 and openvino-int8; start from Caffe or ONNX for others"
        raise BadInput(explain(f"{kind} cannot be made of an IR", where=str(job.core.path), next_step=next_step))
    return read_core(job.core.path)
