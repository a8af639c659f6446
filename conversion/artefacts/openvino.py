"""OpenVINO IRs: FP16, and int8 by NNCF's post-training quantization with full bias correction.

Source: Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction", ICCV 2019, as
implemented in NNCF 3.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.artefacts.job import Core, Job
from conversion.onnx.model_file import one_line
from conversion.request.pictures import Pictures
from edge.errors import BackendUnavailable, BadInput, explain
from edge.sensor.inference.openvino import bake_input, import_openvino, the_core

TARGET = "openvino:CPU"
NAMED_LAYERS = 5
"""Number of layers that a refusal names."""
COUNTED_NAME = re.compile(r"_\d+$")
"""The end of the name of a layer that OpenVINO added: a number that counts within the process."""


def build_fp16(job: Job) -> tuple[Path, ...]:
    """Write `<name>-fp16.xml` and `.bin`: uint8 NHWC BGR in, weights in 16 bits."""
    ov = import_openvino(TARGET)
    return save_network(ov, read_network(ov, job.core), job.path("-fp16.xml"), fp16=True)


def build_int8(job: Job) -> tuple[Path, ...]:
    """Write `<name>-int8.xml` and `.bin`: uint8 NHWC BGR in. Raises BadInput, BackendUnavailable without nncf."""
    ov, nncf = import_openvino(TARGET), _import_nncf()
    model = read_network(ov, job.core)
    pictures = nncf.Dataset([picture[None] for picture in job.pictures])
    options: dict[str, Any] = {"subset_size": len(job.pictures), "fast_bias_correction": False}
    if job.int8.keep_float:
        options["ignored_scope"] = nncf.IgnoredScope(names=_find_layers(model, job.int8.keep_float, job.name))
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # progress bars
            if job.int8.max_drop is None or job.quality is None:
                quantized = nncf.quantize(model, pictures, **options)
            else:
                quantized = _quantize_within(nncf, model, pictures, job, options)
    except (RuntimeError, nncf.ValidationError, nncf.InternalError, nncf.InvalidCollectorTypeError) as error:
        raise BadInput(explain(f"cannot be quantized ({one_line(error)})", where=job.name)) from error
    return save_network(ov, quantized, job.path("-int8.xml"), fp16=False)


def read_network(ov: Any, core: Core) -> Any:
    """The float network with uint8 NHWC BGR baked in; the quantizers of an IR that is already quantized are removed."""
    try:
        model = the_core(ov).read_model(core.path)
        _drop_quantizers(ov, model)
        return _name_layers(bake_input(ov, model, core.input, core.hw))
    except RuntimeError as error:
        raise BadInput(explain(f"OpenVINO refuses the network ({one_line(error)})", where=str(core.path))) from error


HEAVY = {"Convolution", "GroupConvolution", "MatMul"}
"""Layers that int8 speeds up, and that can be kept in float."""


def need_layers(core: Core, names: Sequence[str], where: str) -> None:
    """Raise BadInput for the first layer that a network lacks, with layers of similar names."""
    _find_layers(read_network(import_openvino(TARGET), core), names, where)


def _find_layers(model: Any, names: Sequence[str], where: str) -> list[str]:
    """OpenVINO's names of the layers that stay in float: it extends those in the network's file. Raises BadInput."""
    heavy = [op.get_friendly_name() for op in model.get_ordered_ops() if op.get_type_name() in HEAVY]
    found = {name: [each for each in heavy if each.split("/")[0] == name or each == name] for name in names}
    missing = [name for name, layers in found.items() if not layers]
    if missing:
        known = list(dict.fromkeys(each.split("/")[0] for each in heavy))
        alike = difflib.get_close_matches(missing[0], known, n=NAMED_LAYERS, cutoff=0.5) or known[:NAMED_LAYERS]
        expected = f"one of {len(known)} layers, such as {', '.join(alike)}"
        raise BadInput(explain("no such layer to keep in float", where=where, got=missing[0], expected=expected))
    return [layer for layers in found.values() for layer in layers]


def _quantize_within(nncf: Any, model: Any, pictures: Any, job: Job, options: dict[str, Any]) -> Any:
    """Quantize, then turn layers back to float, the most harmful first, until the metric drops little enough."""

    def validate(compiled: Any, _: Iterable[Pictures]) -> float:
        assert job.quality is not None

        def infer(picture: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
            outputs = compiled(picture[None])
            return {name: np.array(outputs[name], np.float32) for name in job.core.outputs}

        return job.quality(infer)

    advanced = nncf.AdvancedAccuracyRestorerParameters(ranking_subset_size=min(50, len(job.pictures)))
    return nncf.quantize_with_accuracy_control(
        model,
        calibration_dataset=pictures,
        validation_dataset=pictures,
        validation_fn=validate,
        max_drop=job.int8.max_drop,
        advanced_accuracy_restorer_parameters=advanced,
        **options,
    )


def _drop_quantizers(ov: Any, model: Any) -> None:
    """Remove FakeQuantize from activations; apply it to weights, so that they keep the values they had."""
    core = the_core(ov)
    for op in [op for op in model.get_ops() if op.get_type_name() == "FakeQuantize"]:
        source = op.input_value(0)
        if source.get_node().get_type_name() == "Constant":
            weights = core.compile_model(ov.Model([op.output(0)], []), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
            source = ov.op.Constant(weights({})[0].astype(source.get_element_type().to_dtype())).output(0)
        op.output(0).replace(source)
    model.validate_nodes_and_infer_types()


def _name_layers(model: Any) -> Any:
    """Give layers that OpenVINO numbered with a process-wide counter a number that is the same every time."""
    for position, op in enumerate(model.get_ordered_ops()):
        name = op.get_friendly_name()
        if COUNTED_NAME.search(name) and op.get_type_name() not in ("Parameter", "Result"):
            op.set_friendly_name(f"{COUNTED_NAME.sub('', name)}_{position}")
    return model


def save_network(ov: Any, model: Any, path: Path, *, fp16: bool) -> tuple[Path, ...]:
    """Write an IR; returns its two files, the .xml first. Raises BadInput where they cannot be written."""
    try:
        ov.save_model(_name_layers(model), path, compress_to_fp16=fp16)
    except RuntimeError as error:
        raise BadInput(explain(f"cannot be written ({one_line(error)})", where=str(path))) from error
    return path, path.with_suffix(".bin")


def _import_nncf() -> Any:
    try:
        import nncf
    except ImportError as error:
        reason = f"package nncf cannot be imported ({error}); install passerby[conversion]"
        raise BackendUnavailable("openvino-int8", reason) from error
    nncf.set_log_level(40)  # errors only
    return nncf
