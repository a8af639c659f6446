"""`ncs2`: files for the last two OpenVINOs that support the Neural Compute Stick 2 (Myriad X).

* `<name>-ncs2.xml` and `.bin` for 2022.3: FP16 IR v11 without operations newer than that version
* `<name>-ncs2.onnx` for 2021.4, which reads ONNX and IR v10 only

Both take uint8 NHWC BGR, like the other artefacts. There is no int8 form: the Myriad X computes in FP16.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx

from conversion.artefacts.job import Job
from conversion.artefacts.onnx import open_core
from conversion.artefacts.openvino import read_network, save_network
from conversion.onnx.baking import take_pictures
from conversion.onnx.model_file import check
from conversion.onnx.pooling import pool_means
from edge.errors import BadInput, explain
from edge.sensor.inference.openvino import import_openvino

NEWEST_OPSET = 10
"""The newest operation set of OpenVINO 2022.3."""
SAME_IN = {"AvgPool": "opset1", "MaxPool": "opset8", "Pad": "opset1", "TopK": "opset3", "ReduceMean": "opset1"}
"""Operations whose newer version differs only in the values an attribute may have -> the older version's set."""
ONLY_NEWER = {"ceil_torch", "bilinear_pillow", "bicubic_pillow"}
"""Values of attributes that older versions do not know."""


def build_ncs2(job: Job) -> tuple[Path, ...]:
    """Write the three files, the IR first.

    Raises BadInput for an operation that 2022.3 does not know and where the network is not a core, BackendUnavailable
    without openvino.
    """
    for_older = job.path("-ncs2.onnx")
    onnx.save(check(take_pictures(pool_means(open_core(job, "ncs2"))), for_older.name), str(for_older))
    ov = import_openvino("ncs2")
    return *save_network(ov, make_older(read_network(ov, job.core)), job.path("-ncs2.xml"), fp16=True), for_older


def make_older(model: Any) -> Any:
    """Replace operations that 2022.3 does not know by older ones that compute the same values, in place.

    Raises BadInput with the name of one that has no older form.
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
        raise BadInput(
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
    """Interpolate-4 needs sizes and scales, of which version 11 has only one; both follow from the static shapes."""
    image, given, *axes = (port.get_source_output() for port in op.inputs())
    constant = import_openvino("ncs2").op.Constant
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
    from openvino.utils.node_factory import NodeFactory

    return NodeFactory(opset).create(kind, inputs, attributes)
