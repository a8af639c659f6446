"""The weights that the project keeps are those that its networks were made from, to the byte."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch is not installed (passerby[training])")


from hashlib import sha256
from pathlib import Path

from edge.catalog.manifest_file import read_manifest
from tests.places import MODELS, ROOT
from training.attributes.config import TrainingConfig
from training.attributes.export import export_run
from training.runs.configuration import find_config

pytestmark = pytest.mark.golden

WEIGHTS = ROOT / "training" / "weights"


def test_exporting_the_kept_weights_gives_the_file_that_was_converted(tmp_path: Path) -> None:
    exported = export_run(WEIGHTS / "nano-agegender.pt", tmp_path)
    content = (exported / "nano-agegender.onnx").read_bytes()
    made_from = read_manifest(MODELS / "nano-agegender" / "manifest.toml").made_from
    assert made_from == {"nano-agegender.onnx": sha256(content).hexdigest()}


def test_the_kept_weights_carry_the_card_of_the_configuration(tmp_path: Path) -> None:
    exported = read_manifest(export_run(WEIGHTS / "nano-agegender.pt", tmp_path) / "manifest.toml")
    shipped = read_manifest(MODELS / "nano-agegender" / "manifest.toml")
    card = find_config("nano-agegender", TrainingConfig).card
    for manifest in (exported, shipped):
        found = manifest.version, manifest.description, manifest.licence, manifest.source, manifest.training_data
        assert found == (card.version, card.description, card.licence, card.source, card.training_data)
