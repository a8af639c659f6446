"""`ncs2`: what the two last OpenVINOs that drive the Neural Compute Stick 2 (Myriad X) read.

* `<name>-ncs2.xml` and `.bin` for 2022.3: FP16 IR v11 without operations newer than that version
* `<name>-ncs2.onnx` for 2021.4, which reads ONNX and IR v10 only

Both take uint8 NHWC BGR, as the other artefacts do. There is no int8 form: the Myriad X computes in FP16.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from conversion.targets.core import Core, read_core
from conversion.targets.errors import TargetRefused
from conversion.targets.writing import write_whole
from edge.errors import BackendUnavailable, BadInput, explain
from edge.inference.quiet import silence_openvino

NEWEST_OPSET = 10
"""The newest operation set of OpenVINO 2022.3."""
SAME_IN = {"AvgPool": "opset1", "MaxPool": "opset8", "Pad": "opset1", "TopK": "opset3", "ReduceMean": "opset1"}
"""Operations of which a newer version differs only in what an attribute may say -> the set of the older version."""
ONLY_NEWER = {"ceil_torch", "bilinear_pillow", "bicubic_pillow"}
"""Attributes' words that older versions do not know."""


def build_ncs2(core: Path, out_dir: Path, name: str) -> tuple[Path, ...]:
    """Write the three files into a folder; returns them, the IR first.

    Raises BadInput for a file that is no core, TargetRefused for an operation that 2022.3 does not know,
    BackendUnavailable without openvino. Nothing is written then.
    """
    network = read_core(core)
    stem = out_dir / f"{name}-ncs2"
    files = {stem.with_name(f"{stem.name}{suffix}"): content for suffix, content in _make_ir(network).items()}
    files[stem.with_name(f"{stem.name}.onnx")] = take_pictures(network).SerializeToString()
    write_whole(files)
    return tuple(files)


def take_pictures(core: Core) -> onnx.ModelProto:
    """The core behind an input of uint8 NHWC."""
    model = onnx.ModelProto()
    model.CopyFrom(core.model)
    name, inner = core.input_name, f"{core.input_name}/nchw"
    for node in model.graph.node:
        node.input[:] = [inner if word == name else word for word in node.input]
    steps = [
        helper.make_node("Transpose", [name], [f"{name}/turned"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", [f"{name}/turned"], [inner], to=onnx.TensorProto.FLOAT),
    ]
    nodes = [*steps, *model.graph.node]
    del model.graph.node[:], model.graph.input[:], model.graph.value_info[:]
    model.graph.node.extend(nodes)
    model.graph.input.append(helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, [1, *core.hw, 3]))
    return model


def _make_ir(core: Core) -> dict[str, bytes]:
    """Suffix -> bytes of the IR's two files."""
    ov = import_openvino()
    try:
        model = _bake_pictures(ov, ov.Core().read_model(core.model.SerializeToString()), core.input_name)
        model = make_older(model)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "network.xml"
            ov.save_model(model, path, compress_to_fp16=True)
            return {suffix: path.with_suffix(suffix).read_bytes() for suffix in (".xml", ".bin")}
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(explain(f"OpenVINO refuses the core ({reason})", where=str(core.path))) from error


def import_openvino() -> Any:
    """The package, without its telemetry. Raises BackendUnavailable."""
    silence_openvino()
    try:
        import openvino
        import openvino.preprocess
        import openvino.utils.node_factory
    except ImportError as error:
        raise BackendUnavailable("openvino", f"{error}; install passerby[conversion]") from error
    return openvino


def _bake_pictures(ov: Any, model: Any, name: str) -> Any:
    steps = ov.preprocess.PrePostProcessor(model)
    steps.input(name).tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input(name).model().set_layout(ov.Layout("NCHW"))
    return steps.build()


def make_older(model: Any) -> Any:
    """Replace operations that 2022.3 does not know by older ones with the same numbers, in place.

    Raises TargetRefused with the name of one that has none.
    """
    for op in model.get_ordered_ops():
        if opset_of(op) > NEWEST_OPSET:
            older = _older(op)
            older.set_friendly_name(op.get_friendly_name())
            for port, replacement in zip(op.outputs(), older.outputs(), strict=True):
                replacement.get_tensor().set_names(port.get_tensor().get_names())
                port.replace(replacement)
    model.validate_nodes_and_infer_types()
    return model


def opset_of(op: Any) -> int:
    """Number of the operation set that an operation's version belongs to; 0 for one outside them."""
    version = str(op.get_type_info().version_id)
    number = version.removeprefix("opset")
    return int(number) if version.startswith("opset") and number.isdigit() else 0


def _older(op: Any) -> Any:
    attributes = op.get_attributes()
    kind = op.get_type_name()
    known = kind in SAME_IN or kind == "Interpolate"
    if not known or any(word in ONLY_NEWER for word in map(str, attributes.values())):
        raise TargetRefused(
            explain(
                f"OpenVINO 2022.3 does not know {kind} of operation set {opset_of(op)}",
                where=op.get_friendly_name(),
                expected=f"operation set {NEWEST_OPSET} or older",
                next_step="this network cannot run on the Neural Compute Stick 2",
            )
        )
    if kind == "Interpolate":
        return _interpolate_4(op, attributes)
    return _create(SAME_IN[kind], kind, [port.get_source_output() for port in op.inputs()], attributes)


def _interpolate_4(op: Any, attributes: dict[str, Any]) -> Any:
    """Interpolate-4 wants sizes and scales, of which version 11 has one; both follow from the static shapes."""
    image, given, *axes = (port.get_source_output() for port in op.inputs())
    constant = import_openvino().op.Constant
    before, after = list(op.input(0).get_shape()), list(op.output(0).get_shape())
    places = list(axes[0].get_node().get_vector()) if axes else list(range(len(before)))
    if attributes["shape_calculation_mode"] == "sizes":
        scales = np.array([after[place] / before[place] for place in places], np.float32)
        both = [given, constant(scales).output(0)]
    else:
        sizes = np.array([after[place] for place in places], np.int64)
        both = [constant(sizes).output(0), given]
    return _create("opset4", "Interpolate", [image, *both, *axes], attributes)


def _create(opset: str, kind: str, inputs: list[Any], attributes: dict[str, Any]) -> Any:
    return import_openvino().utils.node_factory.NodeFactory(opset).create(kind, inputs, attributes)
