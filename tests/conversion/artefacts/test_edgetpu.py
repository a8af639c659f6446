"""The Edge TPU's list: what a file holds is read off it, and what cannot run there is named."""

from __future__ import annotations

import pytest

pytest.importorskip("ai_edge_litert", reason="ai_edge_litert is not installed (passerby[tflite])")


import os
import struct
from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from conversion.artefacts.coral import compile_for_edgetpu, how_to_compile
from conversion.artefacts.edgetpu import LIMITS, SUPPORTED, hold_against_list
from conversion.artefacts.flatbuffer import FileFacts, Operation, TensorFacts, read_tflite
from edge.catalog.manifest import Artefact, ModelFile
from edge.errors import BackendUnavailable, BadInput


def write_tflite(path: Path, op: str, dtype: str = "INT8", custom: str = "") -> Path:
    """A file of one operation on two tensors."""
    model = schema.ModelT()
    model.version, model.buffers = 3, [schema.BufferT()]
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, op)
    code.deprecatedBuiltinCode = min(code.builtinCode, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)
    code.customCode, code.version = custom or None, 1
    model.operatorCodes = [code]
    tensors = []
    for name in ("a", "b", "y"):
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.name, tensor.buffer = [1, 4], getattr(schema.TensorType, dtype), name, 0
        tensors.append(tensor)
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1], [2]
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs, graph.name = tensors, [operator], [0, 1], [2], "main"
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def facts_of(path: Path) -> FileFacts:
    return read_tflite(path.read_bytes(), str(path))


def tensor(shape: tuple[int, ...], dtype: str = "INT8", *, constant: bool = False, scales: int = 1) -> TensorFacts:
    return TensorFacts("t", dtype, shape, constant, (0.5,) * scales, (0,) * scales)


def numbers(*values: int) -> TensorFacts:
    """A constant of axes, strides or paddings."""
    return TensorFacts("n", "INT32", (len(values),), True, (), (), struct.pack(f"<{len(values)}i", *values))


def zeros(count: int, zero_point: int, first: int) -> TensorFacts:
    """A constant of 8 bits that means zeros where `first` is the zero point."""
    content = struct.pack(f"{count}b", first, *[zero_point] * (count - 1))
    return TensorFacts("z", "INT8", (1, count), True, (0.5,), (zero_point,), content)


def facts(operation: Operation) -> FileFacts:
    return FileFacts((operation,), operation.inputs, operation.outputs, ("a",), ("y",))


def test_an_8_bit_operation_of_the_list_is_taken(tmp_path: Path) -> None:
    report = hold_against_list(facts_of(write_tflite(tmp_path / "add.tflite", "ADD")))
    assert (report.operations, report.refused, report.limited) == (("ADD",), (), ())


@pytest.mark.parametrize(
    ("op", "dtype", "custom", "reason"),
    [
        ("ADD", "FLOAT32", "", "0 ADD: float32"),
        ("PADV2", "INT8", "", "0 PADV2: not on the list"),
        ("LOCAL_RESPONSE_NORMALIZATION", "FLOAT32", "", "not on the list"),
        ("DEQUANTIZE", "INT8", "", "not on the list"),
        ("HARD_SWISH", "INT8", "", "not on the list"),
        ("CUSTOM", "INT8", "edgetpu-custom-op", "edgetpu-custom-op: not on the list"),
    ],
)
def test_what_the_edge_tpu_does_not_run_is_named(tmp_path: Path, op: str, dtype: str, custom: str, reason: str) -> None:
    report = hold_against_list(facts_of(write_tflite(tmp_path / "one.tflite", op, dtype, custom)))
    assert len(report.refused) == 1
    assert reason in report.refused[0]


def test_a_file_compiled_for_the_edge_tpu_is_read(shared: Path) -> None:
    read = facts_of(shared / "models" / "mediapipe" / "face-detector-quantized_edgetpu.tflite")
    assert "edgetpu-custom-op" in [operation.name for operation in read.operations]


def test_a_float_network_is_refused_operation_by_operation(shared: Path) -> None:
    read = facts_of(shared / "models" / "mediapipe" / "face_detection_short_range.tflite")
    report = hold_against_list(read)
    assert len(report.refused) == len(report.operations) > 50


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (Operation("SOFTMAX", (tensor((1, 4420, 2)),), (tensor((1, 4420, 2)),), {}), "not one-dimensional"),
        (Operation("SOFTMAX", (tensor((1, 16001)),), (tensor((1, 16001)),), {}), "16,000"),
        (
            Operation("MAX_POOL_2D", (tensor((1, 4, 4, 1)),), (tensor((1, 2, 2, 1)),), {"fusedActivationFunction": 1}),
            "activation",
        ),
        (
            Operation(
                "CONV_2D",
                (tensor((1, 4, 4, 1)),),
                (tensor((1, 4, 4, 1)),),
                {"dilationWFactor": 2, "dilationHFactor": 1},
            ),
            "dilations",
        ),
        (
            Operation("FULLY_CONNECTED", (tensor((1, 8)), tensor((4, 8), scales=4)), (tensor((1, 4)),), {}),
            "default format",
        ),
        (
            Operation("CONCATENATION", (tensor((1, 8)), tensor((1, 8)), tensor((1, 8), constant=True)), (), {}),
            "constant",
        ),
        (
            Operation("CONCATENATION", (tensor((1, 8)), zeros(8, -128, first=0)), (tensor((1, 16)),), {}),
            "not all zeros",
        ),
        (Operation("MEAN", (tensor((1, 4, 4, 6)), numbers(-1)), (tensor((1, 4, 4, 1)),), {}), "multiple of 4"),
        (Operation("MEAN", (tensor((1, 4, 4, 8)), numbers(0, 1)), (tensor((4, 8)),), {}), "reduces the batch"),
        (Operation("SUM", (tensor((1, 8)), numbers(-2)), (tensor((8,)),), {}), "reduces the batch"),
        (
            Operation("PAD", (tensor((1, 8)), numbers(0, 1, 0, 0)), (tensor((2, 8)),), {}),
            "pads the batch",
        ),
        (Operation("SQUEEZE", (tensor((5, 1, 10)),), (tensor((5, 10)),), {}), "follows a larger one"),
        (
            Operation("STRIDED_SLICE", (tensor((1, 8)), numbers(0, 0), numbers(1, 8), numbers(1, 2)), (), {}),
            "stride is not 1",
        ),
        (
            Operation("STRIDED_SLICE", (tensor((1, 8)), numbers(0), numbers(1), numbers(1)), (), {"newAxisMask": 1}),
            "new axis",
        ),
        (Operation("RELU", (tensor((1, 2, 4, 4, 8)),), (tensor((1, 2, 4, 4, 8)),), {}), "three innermost"),
        (Operation("SPLIT", (tensor((2, 8)),), (tensor((2, 4)), tensor((2, 4))), {}), "batch"),
        (Operation("PRELU", (tensor((1, 4, 4, 8)), tensor((4, 4, 8))), (tensor((1, 4, 4, 8)),), {}), "alpha"),
    ],
)
def test_an_operation_outside_its_limits_is_named(operation: Operation, reason: str) -> None:
    report = hold_against_list(facts(operation))
    assert not report.refused
    assert len(report.limited) == 1
    assert reason in report.limited[0]


@pytest.mark.parametrize(
    "operation",
    [
        Operation("SOFTMAX", (tensor((1, 8)),), (tensor((1, 8)),), {}),
        Operation("CONCATENATION", (tensor((1, 8)), zeros(8, -128, first=-128)), (tensor((1, 16)),), {}),
        Operation("MEAN", (tensor((1, 4, 4, 6)), numbers(1, 2)), (tensor((1, 1, 1, 6)),), {}),
        Operation("MEAN", (tensor((1, 4, 4, 8)), numbers(3)), (tensor((1, 4, 4, 1)),), {}),
        Operation("PAD", (tensor((1, 4, 4, 8)), numbers(0, 0, 1, 1, 1, 1, 0, 0)), (tensor((1, 6, 6, 8)),), {}),
        Operation("SQUEEZE", (tensor((1, 1, 5, 10)),), (tensor((5, 10)),), {}),
        Operation("STRIDED_SLICE", (tensor((1, 8)), numbers(0, 0), numbers(1, 4), numbers(1, 1)), (), {}),
        Operation("CONV_2D", (tensor((1, 4, 4, 8)), tensor((8, 3, 3, 8), constant=True)), (tensor((1, 4, 4, 8)),), {}),
        Operation("FULLY_CONNECTED", (tensor((1, 8)), tensor((4, 8))), (tensor((1, 4)),), {"weightsFormat": 0}),
    ],
)
def test_an_operation_within_its_limits_is_taken(operation: Operation) -> None:
    report = hold_against_list(facts(operation))
    assert not report.refused
    assert not report.limited


def test_limits_are_of_listed_operations_that_the_schema_knows() -> None:
    known = {name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    assert set(LIMITS) <= SUPPORTED <= known


@pytest.mark.parametrize("content", [b"", b"\0\0\0\0TFL3", b"\x1c\0\0\0TFL3" + bytes(8), bytes(100)])
def test_a_broken_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"broken\.tflite"):
        facts_of(path)


def write_compiler(folder: Path, body: str) -> None:
    program = folder / "edgetpu_compiler"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


def test_the_compiler_is_run_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    source = write_tflite(tmp_path / "add.tflite", "ADD")
    write_compiler(tmp_path, 'printf compiled > "$3/add_edgetpu.tflite"')
    assert compile_for_edgetpu(source) == b"compiled"
    write_compiler(tmp_path, "echo 'Internal compiler error. Aborting!'; exit 1")
    with pytest.raises(BadInput, match=r"add\.tflite: edgetpu_compiler refuses.*Internal compiler error"):
        compile_for_edgetpu(source)


def test_without_the_compiler_there_is_no_compiled_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compile_for_edgetpu(write_tflite(tmp_path / "add.tflite", "ADD")) is None


def test_where_nothing_was_compiled_a_line_says_how_for_the_file_that_is_kept() -> None:
    file = ModelFile(path="net-coral.tflite", sha256="0" * 64, size=1)
    compiled = ModelFile(path="net-coral_edgetpu.tflite", sha256="0" * 64, size=1)
    said = how_to_compile(Artefact(kind="coral", files=(file,)), Path("converted/net"))
    assert "coral.ai/docs/edgetpu/compiler" in said
    assert said.endswith("run `edgetpu_compiler -s converted/net/net-coral.tflite`")
    assert how_to_compile(Artefact(kind="coral", files=(compiled, file)), Path("converted/net")) == ""
    assert how_to_compile(Artefact(kind="tflite-int8", files=(file,)), Path("converted/net")) == ""


def test_a_compiler_that_cannot_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "edgetpu_compiler").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "edgetpu_compiler").chmod(0o755)
    with pytest.raises(BackendUnavailable, match="does not run"):
        compile_for_edgetpu(write_tflite(tmp_path / "add.tflite", "ADD"))
