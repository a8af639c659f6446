"""The networks that the project carries say on every target what they said when they were made."""

from __future__ import annotations

import numpy as np
import pytest

from edge.catalog.lookup import Catalog
from tests.models.own_networks import REFERENCE, answers, own_networks, read_golden
from tests.places import MODELS

pytestmark = pytest.mark.golden

FLOAT = (REFERENCE, "opencv:CPU")
TARGETS = (*FLOAT, "openvino:CPU", "tflite:CPU")
SAME, CLOSE = 1e-3, 0.08
"""Largest difference of a float network, mean difference of an int8 one: shares of an output's spread."""
LEAST_SPREAD = 0.05
"""Scores of pictures without a face hardly differ, and those of 8 bits are 1/256 apart."""
MOST_BYTES = {"nano-agegender": 8_000_000, "nano-face": 4_000_000, "nano-face-640": 4_000_000}


@pytest.mark.parametrize("model", own_networks())
@pytest.mark.parametrize("target", TARGETS)
def test_a_carried_network_says_what_it_said(model: str, target: str) -> None:
    golden, found = read_golden(model), answers(model, target)
    assert found.keys() >= golden.keys()
    for name, expected in golden.items():
        error = np.abs(found[name] - expected) / max(float(expected.std()), LEAST_SPREAD)
        if target in FLOAT:
            assert error.max() < SAME, f"{name}: {error.max():.4f}"
        else:
            assert error.mean() < CLOSE, f"{name}: {error.mean():.4f}"


@pytest.mark.parametrize("model", own_networks())
def test_a_carried_network_is_small_and_whole(model: str) -> None:
    catalog = Catalog(MODELS, MODELS / "none-installed")
    kinds = {artefact.kind for artefact in catalog.locate(model).manifest.artefacts}
    assert kinds >= {"onnx", "openvino-int8", "openvino-fp16", "tflite-int8"}
    assert sum(file.stat().st_size for file in (MODELS / model).iterdir()) <= MOST_BYTES[model]
    assert (MODELS / model / "CARD.md").is_file()
