"""Reads ONNX files; what the `onnx` package refuses becomes one clear line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx.checker import ValidationError
from onnx.shape_inference import InferenceError as ShapeError

from edge.errors import BadInput, explain

REFUSALS = (ValidationError, ShapeError, DecodeError, TypeError, ValueError, KeyError, RuntimeError)
EXTERNAL = "an ONNX file with external data needs the files that it names beside it"


def read_model(path: Path) -> onnx.ModelProto:
    """A checked network with its external data, where it has any, inside. Raises BadInput."""
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
    except (OSError, *REFUSALS) as error:
        next_step = EXTERNAL if _is_external(path, error) else ""
        what = f"not a sound ONNX file ({one_line(error)})"
        raise BadInput(explain(what, where=str(path), next_step=next_step)) from error
    return model


def check(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """The same network where it is sound and its shapes fit together. Raises BadInput."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except REFUSALS as error:
        raise BadInput(explain(f"not a sound network ({one_line(error)})", where=where)) from error
    return model


def graph_inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The inputs that are no constants: older files list those too."""
    constants = {each.name for each in model.graph.initializer}
    return [each for each in model.graph.input if each.name not in constants]


def need_tensors(model: onnx.ModelProto, input_name: str, outputs: Sequence[str], where: str) -> None:
    """Refuse a network that has other inputs or lacks an output. Raises BadInput."""
    there = [each.name for each in graph_inputs(model)]
    if there != [input_name]:
        got = ", ".join(there) or "none"
        raise BadInput(explain("other inputs than the recipe's", where=where, got=got, expected=input_name))
    given = [each.name for each in model.graph.output]
    missing = [name for name in outputs if name not in given]
    if missing:
        got, expected = ", ".join(given), ", ".join(missing)
        raise BadInput(explain("lacks outputs that the recipe names", where=where, got=got, expected=expected))


def shape_of(port: onnx.ValueInfoProto) -> tuple[int, ...]:
    """A tensor's shape; empty where a side is open or nothing is said."""
    sides = tuple(dim.dim_value for dim in port.type.tensor_type.shape.dim)
    return sides if all(sides) else ()


def one_line(error: Exception) -> str:
    """A library's message, cut to one line of moderate length."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _is_external(path: Path, error: Exception) -> bool:
    missing = getattr(error, "filename", None)
    return "external" in str(error).lower() or (missing is not None and Path(missing) != path)
