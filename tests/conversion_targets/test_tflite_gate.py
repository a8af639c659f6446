"""The gate catches what a converter does silently: UltraFace as it was exported, forced past simplifier and checks."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from conversion.calibration import read_sets
from conversion.preparing import describe, prepare
from conversion.recipe import read_recipe
from conversion.sources import start_from
from conversion.verify.running import Network, narrow
from conversion.verify.verifying import Check, verify
from edge.catalog.manifests import read_manifest

targets = pytest.importorskip("conversion.targets.tflite", reason="the builders of TFLite files are not there")
networks = pytest.importorskip("tests.conversion_targets.networks", reason="the builders' tests are not there")

pytestmark = [pytest.mark.tflite, pytest.mark.shared]

MODELS = Path(__file__).parents[2] / "models"
SHAPES = {"scores": (1, 4420, 2), "boxes": (1, 4420, 4)}


def unsimplified(file: Path, folder: Path) -> Path:
    """A core that was never simplified: only its colours are put before it."""
    model = networks.read_ultraface(file)
    names = [port.name for port in model.graph.output]
    del model.graph.output[:]
    ports = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, SHAPES[name]) for name in names]
    model.graph.output.extend(ports)
    path = folder / "unsimplified.onnx"
    onnx.save(model, str(path))
    return path


def test_ultraface_forced_past_the_simplifier_misses_the_gate(shared: Path, tmp_path: Path) -> None:
    manifest = read_manifest(MODELS / "ultraface-rfb-320" / "manifest.toml")
    file = shared / "models" / "ultraface" / "version-RFB-320_without_postprocessing.onnx"
    prepared = prepare(start_from("onnx", [file], manifest, "ultraface"), tmp_path)
    scenes = str(shared / "data" / "scenes-train.tar")
    first, other = read_sets(scenes, manifest, calibration=60, held_out=60)
    out = tmp_path / "wrong.tflite"
    targets.build_tflite(unsimplified(file, tmp_path), first.pictures, out, compare=False)
    artefact = Network(narrow(prepared.manifest, describe("tflite-int8", [out])), tmp_path)
    report = verify(prepared.reference, [artefact], Check({"held_out": other}, read_recipe("ultraface-rfb-320").gate))
    (found,) = report.artefacts
    assert found.tensors["held_out"]["scores"]["max"] > 0.9
    assert found.metrics["held_out"]["faces"] > 50
    assert any(failure.startswith("recall") for failure in found.failures)
    assert not found.passed
