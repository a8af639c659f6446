"""Golden tensors of the networks of our own: what each said of synthetic pictures on the day it was made.

`python -m tests.models.own_networks ID` writes `models/ID/golden.npz` anew, from the network's ONNX file.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from edge.catalog.lookup import Catalog
from edge.sensor.inference.opening import KINDS, open_session
from edge.sensor.types import Image, Tensor, Tensors
from tests.places import MODELS

GOLDEN = "golden.npz"
COUNT, FEW, WAVES = 6, 2, 12
LARGE_PX = 320 * 192
"""Larger networks give so many numbers that a few pictures do."""
REFERENCE = "onnxruntime:CPU"


def own_networks() -> list[str]:
    """Networks whose files the project carries."""
    return sorted(file.parent.name for file in MODELS.glob(f"*/{GOLDEN}"))


def synthetic_pictures(hw: tuple[int, int], seed: int = 20261121) -> Image:
    """Sums of soft waves of every colour and direction, uint8 (COUNT or FEW, height, width, 3)."""
    random, count = np.random.default_rng(seed), FEW if hw[0] * hw[1] > LARGE_PX else COUNT
    rows, columns = np.mgrid[: hw[0], : hw[1]] / max(hw)
    waves = np.zeros((count, *hw, 3))
    for _ in range(WAVES):
        down, right, phase = random.uniform(-40, 40, (3, count, 1, 1, 3))
        waves += np.cos(down * rows[..., None] + right * columns[..., None] + phase)
    return np.clip(128 + 30 * waves, 0, 255).astype(np.uint8)


def answers(model: str, target: str) -> Tensors:
    """What a network says on a target, one picture at a time, joined along the first axis."""
    located = Catalog(MODELS, MODELS / "none-installed").locate(model, KINDS[target.partition(":")[0]])
    manifest = located.manifest
    session = open_session(manifest, located.folder, [target], threads=1).session
    said: list[dict[str, Tensor]] = []
    for picture in synthetic_pictures((manifest.input.height_px, manifest.input.width_px)):
        session.start({manifest.input.name: picture[None]})
        said.append({name: np.array(value) for name, value in session.wait().items()})
    session.close()
    return {name: np.concatenate([each[name] for each in said]) for name in said[0]}


def read_golden(model: str) -> Tensors:
    """The tensors that were kept."""
    with np.load(MODELS / model / GOLDEN) as kept:
        return {name: kept[name] for name in kept.files}


if __name__ == "__main__":
    file = Path(MODELS / sys.argv[1] / GOLDEN)
    np.savez_compressed(file, **answers(sys.argv[1], REFERENCE))  # type: ignore[arg-type]
    print(file)
