"""Checkpoints of a run, and the weights that it ends with: written whole, or not at all."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import torch
from msgspec import Struct
from torch import nn

from edge.errors import BadInput, explain
from edge.files import write_whole
from training.networks.face_mobilenet import fuse_normalisations
from training.networks.face_resnet import fuse_scales
from training.networks.tensorflow_js import read_weights

FORM = "passerby.checkpoint/1"
_UNREADABLE = (
    OSError, RuntimeError, EOFError, pickle.UnpicklingError, struct.error, LookupError, ValueError, TypeError,
    AttributeError, AssertionError,
)  # fmt: skip
"""What torch raises for files of another kind."""

C = TypeVar("C", bound=Struct)


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Replace a state on disk, in one step. Raises UsageError where it cannot be written."""
    content = io.BytesIO()
    torch.save({"form": FORM, **state}, content)
    write_whole(path, content.getvalue())


def load_state(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a state that `save_state` wrote. Raises BadInput for any other file."""
    state = _load(path, device, "not a checkpoint")
    if not isinstance(state, dict) or state.get("form") != FORM:
        raise BadInput(explain("not a checkpoint of this program", where=str(path)))
    return state


def read_config(state: Mapping[str, Any], form: type[C], where: str) -> C:
    """Decode the configuration in a state. Raises BadInput where it is that of another kind of network."""
    try:
        return msgspec.json.decode(state["config"], type=form)
    except msgspec.DecodeError as error:
        raise BadInput(explain(f"configuration of another network ({error})", where=where)) from error


def need_same_run(state: Mapping[str, Any], config: str, data: str, where: str) -> None:
    """Raise BadInput for a checkpoint of another configuration or, where it names its data, of other data."""
    if state["config"] != config:
        what = "another configuration"
    elif state.get("data", data) != data:
        what = "other data"
    else:
        return
    raise BadInput(explain(f"the checkpoint is of {what}", where=where, next_step="name another --out"))


def load_weights(network: nn.Module, weights: dict[str, Any], where: str) -> None:
    """Load weights into the network that they were made for. Raises BadInput for those of another."""
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(explain(f"weights of another network ({reason})", where=where)) from error


def halve(network: nn.Module) -> dict[str, Any]:
    """A network's state with its weights in 16 bits, the precision that its artefacts keep."""
    return {key: value.half() if _is_weight(value) else value for key, value in network.state_dict().items()}


def _is_weight(value: Any) -> bool:
    return bool(value.is_floating_point() and value.ndim > 1)


def load_fitting(network: nn.Module, path: Path) -> tuple[int, int]:
    """Load a file's weights into a network as far as names and shapes agree; returns (tensors taken, all tensors).

    The file is a state dict as torchvision's users save it, a checkpoint, or a TensorFlow.js manifest or model; its `x`
    may be `backbone.x` here. Raises BadInput where nothing fits.
    """
    weights, own = _read_weights(path), network.state_dict()
    fitting = {
        name: value
        for key, value in weights.items()
        for name in (key, f"backbone.{key}")
        if name in own and own[name].shape == getattr(value, "shape", None)
    }
    if not fitting:
        expected = f"tensors such as {next(iter(own))}"
        raise BadInput(explain("no weights of this network", where=str(path), got=f"{len(weights)}", expected=expected))
    network.load_state_dict({**own, **fitting})
    return len(fitting), len(own)


def _read_weights(path: Path) -> dict[str, Any]:
    if path.suffix == ".json":
        published = read_weights(path)
        return {**fuse_scales(published), **fuse_normalisations(published)}
    loaded = _load(path, "cpu", "weights cannot be read")
    found = loaded if isinstance(loaded, dict) else {}
    weights = found.get("state_dict") or found.get("weights") or found
    return {str(key).removeprefix("module."): value for key, value in weights.items()}


def _load(path: Path, device: torch.device | str, what: str) -> object:
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError as error:
        raise BadInput(explain("no such file", where=str(path))) from error
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())[:120]
        raise BadInput(explain(f"{what} ({reason})", where=str(path))) from error
