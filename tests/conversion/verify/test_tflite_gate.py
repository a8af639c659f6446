"""The gate catches what a converter does silently: UltraFace as it was exported, forced past simplifier and checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from conversion.artefacts.tflite import make_file, rewrite
from conversion.onnx.core import read_core
from conversion.preparation import describe, prepare
from conversion.request.pictures import read_sets
from conversion.request.recipe import read_recipe
from conversion.request.sources import start_from
from conversion.verify.comparison import Check, verify
from conversion.verify.networks import Network, narrow
from edge.catalog.manifest_file import read_manifest
from tests.conversion.jobs import job, save
from tests.conversion.networks import read_unsimplified_ultraface
from tests.places import MODELS

pytestmark = [pytest.mark.tflite, pytest.mark.shared]


def test_ultraface_forced_past_the_simplifier_misses_the_gate(shared: Path, tmp_path: Path) -> None:
    manifest = read_manifest(MODELS / "ultraface-rfb-320" / "manifest.toml")
    file = shared / "models" / "ultraface" / "version-RFB-320_without_postprocessing.onnx"
    prepared = prepare(start_from("onnx", [file], manifest, "ultraface"), tmp_path)
    scenes = str(shared / "data" / "scenes-train.tar")
    first, other, _ = read_sets(scenes, manifest, calibration=60, held_out=60)
    wrong = job(save(read_unsimplified_ultraface(file), tmp_path), first.pictures, tmp_path)
    core = read_core(wrong.core.path)
    out = tmp_path / "wrong.tflite"
    out.write_bytes(make_file(wrong, core, rewrite(core), compare=False))
    artefact = Network(narrow(prepared.manifest, describe("tflite-int8", [out])), tmp_path)
    report = verify(prepared.reference, [artefact], Check({"held_out": other}, read_recipe("ultraface-rfb-320").gate))
    (found,) = report.artefacts
    assert found.tensors["held_out"]["scores"]["max"] > 0.9
    assert found.metrics["held_out"]["faces"] > 50
    assert any(failure.startswith("recall") for failure in found.failures)
    assert not found.passed
