"""What a TFLite file contains: its operations, with the types and shapes that they read and write."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from edge.errors import BackendUnavailable, BadInput, explain

IDENTIFIER = b"TFL3"


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """A tensor of a file. scales: of its quantization, empty where it has none. content: a constant's bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    is_constant: bool
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    content: bytes = b""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The values of an integer constant, row by row; empty for any other tensor."""
        code = {"INT8": "b", "UINT8": "B", "INT32": "i", "INT64": "q"}.get(self.dtype, "")
        return tuple(number for (number,) in struct.iter_unpack(f"<{code}", self.content)) if code else ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its builtin's name in capitals (a custom one's own name), its tensors and options."""

    name: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A TFLite file with one graph: operations in order, and the tensors at its ends."""

    operations: tuple[Operation, ...]
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    signature_inputs: tuple[str, ...]
    signature_outputs: tuple[str, ...]


def read_tflite(content: bytes, where: str) -> FileFacts:
    """Read a file's bytes with the schema that the runtime's package carries (tensorflow/lite/schema/schema.fbs).

    Raises BadInput where it is not a TFLite file, or is broken; BackendUnavailable without the package.
    """
    schema = _schema()
    if content[4:8] != IDENTIFIER:
        raise BadInput(explain("not a TFLite file", where=where))
    try:
        return _facts(schema, schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0)))
    except (struct.error, ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
        raise BadInput(explain("a TFLite file that is truncated or broken", where=where)) from error


def _schema() -> Any:
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise BackendUnavailable("tflite", f"{error}; install passerby[tflite]") from error
    return schema_py_generated


def _facts(schema: Any, model: Any) -> FileFacts:
    graph = model.subgraphs[0]
    types = _names(schema.TensorType)
    tensors = [_tensor(model, types, tensor) for tensor in graph.tensors]
    signature = model.signatureDefs[0] if model.signatureDefs else None
    return FileFacts(
        tuple(_operation(schema, model, operator, tensors) for operator in graph.operators),
        tuple(tensors[place] for place in graph.inputs),
        tuple(tensors[place] for place in graph.outputs),
        _words(signature.inputs if signature else ()),
        _words(signature.outputs if signature else ()),
    )


def _operation(schema: Any, model: Any, operator: Any, tensors: list[TensorFacts]) -> Operation:
    code = model.operatorCodes[operator.opcodeIndex]
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)  # small codes are in the old field only
    name = _names(schema.BuiltinOperator)[builtin]
    if name == "CUSTOM":
        name = _text(code.customCode)
    inputs, outputs = (_listed(tensors, places) for places in (operator.inputs, operator.outputs))
    return Operation(name, inputs, outputs, dict(vars(operator.builtinOptions or object.__new__(_NoOptions))))


class _NoOptions:
    """Takes the place of the options of an operation that has none."""


def _tensor(model: Any, types: dict[int, str], tensor: Any) -> TensorFacts:
    quantization = tensor.quantization
    scales = () if quantization is None or quantization.scale is None else quantization.scale
    zeros = () if quantization is None or quantization.zeroPoint is None else quantization.zeroPoint
    shape = () if tensor.shape is None else tensor.shape
    content = model.buffers[tensor.buffer].data
    return TensorFacts(
        _text(tensor.name),
        types[tensor.type],
        tuple(map(int, shape)),
        content is not None,
        tuple(map(float, scales)),
        tuple(map(int, zeros)),
        b"" if content is None else bytes(content),
    )


def _listed(tensors: list[TensorFacts], places: Any) -> tuple[TensorFacts, ...]:
    """Tensors at these places; -1 means one that is left out."""
    return tuple(tensors[place] for place in ([] if places is None else places) if place >= 0)


def _words(maps: Any) -> tuple[str, ...]:
    return tuple(_text(item.name) for item in maps)


def _names(words: Any) -> dict[int, str]:
    return {number: name for name, number in vars(words).items() if isinstance(number, int)}


def _text(name: bytes | str | None) -> str:
    return name.decode() if isinstance(name, bytes) else name or ""
