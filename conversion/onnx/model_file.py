"""Reads ONNX files; turns a refusal of the `onnx` package into one clear line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx.checker import ValidationError
from onnx.external_data_helper import ExternalDataInfo, load_external_data_for_model, uses_external_data
from onnx.shape_inference import InferenceError as ShapeError

from edge.errors import BadInput, explain

REFUSALS = (ValidationError, ShapeError, DecodeError, TypeError, ValueError, KeyError, RuntimeError)
STANDARD = "ai.onnx"
VENDOR_CODES = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : |\s*==> Context: .*", re.DOTALL)
AGAIN = "download or export it again"
LFS_POINTER = b"version https://git-lfs"
"""Start of the pointer file that Git LFS keeps in place of a large file."""


def read_model(path: Path) -> onnx.ModelProto:
    """Read and check a network, with its external data, where it has any, loaded. Raises BadInput."""
    model = _parse(path)
    _need_data(model, path)
    _need_operators(model, str(path))
    try:
        load_external_data_for_model(model, str(path.parent))
        onnx.checker.check_model(model)
    except (OSError, *REFUSALS) as error:
        raise BadInput(explain(f"not a sound ONNX file ({one_line(error)})", where=str(path))) from error
    return model


def data_files(path: Path) -> tuple[Path, ...]:
    """The files that hold an ONNX file's external weights. Raises BadInput."""
    tensors = filter(uses_external_data, _parse(path).graph.initializer)
    return tuple(sorted({path.parent / ExternalDataInfo(tensor).location for tensor in tensors}))


def _parse(path: Path) -> onnx.ModelProto:
    """Parse the file itself, without external data. Raises BadInput."""
    try:
        content = path.read_bytes()
        if not content:
            raise BadInput(explain("the file is empty", where=str(path), expected="an ONNX file", next_step=AGAIN))
        if content.startswith(LFS_POINTER):
            next_step = "run `git lfs pull` in its repository"
            raise BadInput(explain("a Git LFS pointer, not the file itself", where=str(path), next_step=next_step))
        return onnx.load_model_from_string(content)
    except OSError as error:
        raise BadInput(explain("cannot be read", where=str(path), got=error.strerror)) from error
    except DecodeError as error:
        raise BadInput(explain("not an ONNX file, or a truncated one", where=str(path), next_step=AGAIN)) from error


def _need_data(model: onnx.ModelProto, path: Path) -> None:
    """Refuse external weights whose file is missing or too short. Raises BadInput."""
    for tensor in filter(uses_external_data, model.graph.initializer):
        data = ExternalDataInfo(tensor)
        file = path.parent / data.location
        size = file.stat().st_size if file.is_file() else -1
        if size < (data.offset or 0) + (data.length or 0):
            what = "the file of its weights is truncated" if size >= 0 else "the file of its weights is missing"
            next_step = f"put the file that came with {path.name} beside it"
            raise BadInput(explain(what, where=str(path), got=data.location, next_step=next_step))


def _need_operators(model: onnx.ModelProto, where: str) -> None:
    """Refuse an operator that ONNX does not have in the network's own opset. Raises BadInput."""
    versions = {each.domain or STANDARD: each.version for each in model.opset_import}
    own = {(each.domain, each.name) for each in model.functions}
    for node in model.graph.node:
        domain = node.domain or STANDARD
        version = versions.get(domain, 0)
        known = (node.domain, node.op_type) in own or onnx.defs.has(node.op_type, version, node.domain)
        if domain == STANDARD and not known:
            what = f"unknown operator {node.op_type} (node {node.name or node.output[0]})"
            next_step = "export it with standard operators (onnx.ai/onnx/operators)"
            raise BadInput(explain(what, where=where, expected=f"one of opset {version}", next_step=next_step))


def check(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """Return the network where it is valid and its shapes fit together. Raises BadInput."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except REFUSALS as error:
        raise BadInput(explain(f"not a sound network ({one_line(error)})", where=where)) from error
    return model


def graph_inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The inputs without the constants, which older files list among them."""
    constants = {each.name for each in model.graph.initializer}
    return [each for each in model.graph.input if each.name not in constants]


def need_tensors(model: onnx.ModelProto, input_name: str, outputs: Sequence[str], where: str) -> None:
    """Refuse a network with other inputs, or without one of the outputs. Raises BadInput."""
    inputs = [each.name for each in graph_inputs(model)]
    if inputs != [input_name]:
        got = ", ".join(inputs) or "none"
        raise BadInput(explain("other inputs than its manifest names", where=where, got=got, expected=input_name))
    given = [each.name for each in model.graph.output]
    missing = [name for name in outputs if name not in given]
    if missing:
        got, expected = ", ".join(given), ", ".join(missing)
        what, next_step = "lacks outputs that its manifest names", "is --like a network of the same kind?"
        raise BadInput(explain(what, where=where, got=got, expected=expected, next_step=next_step))


def shape_of(port: onnx.ValueInfoProto) -> tuple[int, ...]:
    """A tensor's shape; empty where a dimension is dynamic or the shape is unknown."""
    sides = tuple(dim.dim_value for dim in port.type.tensor_type.shape.dim)
    return sides if all(sides) else ()


def one_line(error: Exception) -> str:
    """A library's message, cut to one line of moderate length, without the library's own codes."""
    return " ".join(VENDOR_CODES.sub("", str(error)).split())[:200] or type(error).__name__
