"""Checks and conversions of pictures that adapters share: numpy only, no vendor library."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from edge.catalog.manifest import Input
from edge.errors import InferenceError, InferenceFailed, explain
from edge.sensor.inference.request import SessionRequest
from edge.sensor.types import Image, Tensor, Tensors

Pictures = NDArray[np.uint8]
"""uint8 (N, H, W, 3) BGR."""


def take_pictures(inputs: Tensors, request: SessionRequest, input_hw: tuple[int, int]) -> Pictures:
    """The pictures among the inputs. Raises InferenceError where name, type, size or number do not fit."""
    pictures = inputs.get(request.input.name)
    if pictures is None:
        raise InferenceError(
            explain("no such input", where=request.target, got=sorted(inputs), expected=request.input.name)
        )
    fits = pictures.dtype == np.uint8 and pictures.ndim == 4 and pictures.shape[1:] == (*input_hw, 3)
    if not fits or not 1 <= len(pictures) <= request.max_batch:
        got = f"{pictures.dtype} {pictures.shape}"
        expected = f"uint8 (1..{request.max_batch}, {input_hw[0]}, {input_hw[1]}, 3)"
        raise InferenceError(explain("the picture does not fit", where=request.target, got=got, expected=expected))
    return cast(Pictures, pictures)


def colour_table(wanted: Input) -> NDArray[np.float32]:
    """What each grey level 0-255 of each channel becomes: float32 (256, 3), in the input's colour order."""
    levels = np.arange(256, dtype=np.float32)[:, None]
    return (levels - np.array(wanted.mean, np.float32)) * np.float32(wanted.scale)


def normalise(picture: Image, wanted: Input) -> NDArray[np.float32]:
    """Colour order, mean and scale of one BGR picture: float32 (H, W, 3)."""
    ordered = picture[..., ::-1] if wanted.colour == "RGB" else picture
    return (ordered.astype(np.float32) - np.array(wanted.mean, np.float32)) * np.float32(wanted.scale)


def stack_outputs(runs: Sequence[Mapping[str, Tensor]]) -> Tensors:
    """Outputs of pictures that ran one by one, as one batch along the first axis."""
    if len(runs) == 1:
        return runs[0]
    return {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}


def nhwc(shape: Sequence[int]) -> bool:
    """Whether a four-dimensional input has its channels last."""
    return len(shape) == 4 and shape[3] == 3


def need_tensors(request: SessionRequest, inputs: Collection[str], outputs: Collection[str]) -> None:
    """Raise InferenceError where the network lacks a tensor that the manifest names."""
    for there, wanted in ((inputs, {request.input.name}), (outputs, set(request.output_names))):
        missing = wanted.difference(there)
        if missing:
            raise InferenceError(
                explain(
                    "the network does not have the manifest's tensors",
                    where=str(request.path),
                    got=", ".join(sorted(there)),
                    expected=", ".join(sorted(missing)),
                    next_step="the manifest and the file do not belong together",
                )
            )


def refused(request: SessionRequest, reason: object, next_step: str = "") -> InferenceError:
    """The error for a model file that its runtime does not take; reason is the runtime's own, cut to one line."""
    runtime = request.target.partition(":")[0]
    text = " ".join(str(reason).split())[:300]
    advice = next_step or "check the file with `passerby models verify` or import it again"
    return InferenceError(explain(f"{runtime} refuses the model ({text})", where=str(request.path), next_step=advice))


def failed(request: SessionRequest, reason: object) -> InferenceFailed:
    """The error for an inference that its runtime gave up."""
    text = " ".join(str(reason).split())[:300]
    return InferenceFailed(explain(f"inference failed ({text})", where=f"{request.target} {request.path.name}"))
