"""The core of a network, which every artefact is made of: a checked, simplified ONNX of one size that takes pixels.

Float32 NCHW BGR 0-255 in, batch 1, opset 13 or newer; the outputs keep their names. After every step that changes the
graph, the outputs are compared with those before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import version_converter

from conversion.onnx.baking import bake
from conversion.onnx.model_file import REFUSALS, check, graph_inputs, need_tensors, one_line, read_model, shape_of
from conversion.onnx.runtime import need_equal, open_network, run
from edge.catalog.manifest import Input
from edge.errors import BadInput, explain
from edge.sensor.inference.pictures import normalise

LEAST_OPSET, IR_VERSION = 13, 8
"""Older networks are raised to this opset, which all converters read; newer ones stay: no tool lowers an opset."""

FIRST_WITHOUT_LISTED_WEIGHTS = 4
"""Files of an older ONNX IR version must list their weights among the inputs."""

SIMPLIFY_TOLERANCE, BAKE_TOLERANCE = 1e-5, 1e-4
"""Shares of an output's largest value; baking changes the order of float32 sums."""

Picture = NDArray[np.uint8]


def make_core(model: onnx.ModelProto, wanted: Input, outputs: Sequence[str], where: str) -> onnx.ModelProto:
    """The core of a network whose manifest is known. Raises BadInput where it cannot be made or gives other outputs."""
    pinned = pin(model, wanted, outputs, where)
    example = _example(wanted)
    expected = run(pinned, {wanted.name: as_input(example, wanted)}, where)
    core = simplify(pinned, where)
    simplified = run(core, {wanted.name: as_input(example, wanted)}, where)
    need_equal(expected, simplified, tolerance=SIMPLIFY_TOLERANCE, where=f"{where}, simplified")
    if wanted.layout == "NHWC" or wanted.dtype != "float32":
        got = f"{wanted.dtype} {wanted.layout}"
        raise BadInput(explain("the input cannot be baked", where=where, got=got, expected="float32 NCHW"))
    baked = bake(core, wanted)
    need_equal(expected, run_core(baked, example, where), tolerance=BAKE_TOLERANCE, where=f"{where}, baked")
    return baked


def read_core(path: Path) -> onnx.ModelProto:
    """Read a core from its file. Raises BadInput where it is something else."""
    model = read_model(path)
    ports = graph_inputs(model)
    shape = shape_of(ports[0]) if len(ports) == 1 else ()
    is_float = len(ports) == 1 and ports[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    if not is_float or len(shape) != 4 or shape[:2] != (1, 3):
        got = f"{len(ports)} inputs, the first {list(shape) or 'without shape'}"
        raise BadInput(explain("not a core", where=str(path), got=got, expected="one float32 input 1, 3, H, W"))
    return model


def run_core(core: onnx.ModelProto, pictures: Picture, where: str) -> dict[str, NDArray[np.float32]]:
    """Outputs, by name, for pictures uint8 (N, H, W, 3) BGR, run one by one and joined along the first axis.

    Raises BadInput where ONNX Runtime refuses the core, BackendUnavailable without it.
    """
    (port,) = graph_inputs(core)
    infer = open_network(core, where)
    runs = [infer({port.name: channels_first(picture[None])}) for picture in pictures]
    return {each.name: np.concatenate([outputs[each.name] for outputs in runs]) for each in core.graph.output}


def pin(model: onnx.ModelProto, wanted: Input, outputs: Sequence[str], where: str) -> onnx.ModelProto:
    """A copy whose input is one picture of the manifest's size, with only these outputs. Raises BadInput."""
    need_tensors(model, wanted.name, outputs, where)
    pinned = onnx.ModelProto()
    pinned.CopyFrom(model)
    graph = pinned.graph
    (port,) = graph_inputs(pinned)
    sides = (wanted.height_px, wanted.width_px)
    shape = (1, 3, *sides) if wanted.layout == "NCHW" else (1, *sides, 3)
    _need_fitting(port, shape, wanted, where)
    _replace(graph.input, [onnx.helper.make_tensor_value_info(port.name, port.type.tensor_type.elem_type, shape)])
    _replace(graph.output, [_unsized(each) for name in outputs for each in graph.output if each.name == name])
    del graph.value_info[:]
    pinned.ir_version = max(pinned.ir_version, FIRST_WITHOUT_LISTED_WEIGHTS)
    return pinned


def simplify(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """Simplify with onnxslim; raise an older opset to `LEAST_OPSET` and simplify again; check. Raises BadInput."""
    import onnxslim

    try:
        slim = onnxslim.slim(model)
        if _opset(slim) < LEAST_OPSET:
            slim = onnxslim.slim(version_converter.convert_version(slim, LEAST_OPSET))
    except (AssertionError, IndexError, AttributeError, version_converter.ConvertError, *REFUSALS) as error:
        raise BadInput(explain(f"cannot be simplified ({one_line(error)})", where=where)) from error
    slim.ir_version = IR_VERSION
    return check(slim, where)


def as_input(pictures: Picture, wanted: Input) -> NDArray[np.float32]:
    """Pictures uint8 (N, H, W, 3) BGR in the form that the network takes before baking: float32, N first."""
    values = np.stack([normalise(picture, wanted) for picture in pictures])
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2) if wanted.layout == "NCHW" else values)


def channels_first(pictures: Picture) -> NDArray[np.float32]:
    """Pictures uint8 (N, H, W, 3) BGR in the form that a core takes: float32 (N, 3, H, W)."""
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32)


def _example(wanted: Input) -> Picture:
    """One picture of noise, the same every time, on soft light and dark: noise alone hardly excites a network."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[: wanted.height_px, : wanted.width_px]
    soft = 128 + 90 * np.sin(x / 17) * np.cos(y / 23)
    noise = generator.integers(-30, 31, (wanted.height_px, wanted.width_px, 3))
    return np.asarray((soft[..., None] + noise).clip(0, 255), np.uint8)[None]


def _need_fitting(port: onnx.ValueInfoProto, shape: tuple[int, ...], wanted: Input, where: str) -> None:
    """Refuse to change a size that the file fixes, unless the manifest allows it; a batch may always be changed."""
    dims = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in port.type.tensor_type.shape.dim]
    free = wanted.multiple_of_px > 0
    fits = len(dims) == 4 and all(
        have in (0, -1, want) or position == 0 or (free and want != 3)
        for position, (have, want) in enumerate(zip(dims, shape, strict=True))
    )
    if not fits:
        expected, next_step = f"{list(shape)} from its manifest or --size", _say_size(dims, wanted)
        raise BadInput(explain("takes another input", where=where, got=dims, expected=expected, next_step=next_step))


def _say_size(dims: Sequence[int], wanted: Input) -> str:
    """A hint at the --size that fits, where the file fixes a size and nothing else differs."""
    if len(dims) != 4 or not all(dims):
        return ""
    height, width = dims[2:] if wanted.layout == "NCHW" else dims[1:3]
    channels = dims[1] if wanted.layout == "NCHW" else dims[3]
    step = wanted.multiple_of_px or 1
    fits = channels == 3 and height % step == width % step == 0
    return f"the file fixes its size: --size {width}x{height}" if fits else ""


def _unsized(port: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    free = onnx.ValueInfoProto()
    free.CopyFrom(port)
    free.type.tensor_type.ClearField("shape")
    return free


def _replace(ports: list[onnx.ValueInfoProto], wanted: list[onnx.ValueInfoProto]) -> None:
    del ports[:]
    ports.extend(wanted)


def _opset(model: onnx.ModelProto) -> int:
    return int(next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx")))
