"""A tiny attribute network whose answers everybody can work out: age and gender are how bright the face is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from edge.sensor.inference.quiet import silence_openvino
from edge.sensor.types import Image

NETWORK = "brightness"
_MANIFEST = """
schema = "passerby.manifest/1"
id = "brightness"
version = "1.0"
task = "attributes"
description = "Years are the brightness in per cent, and so is the probability of female."
licence = "Apache-2.0"
source = "tests"
training_data = "none"
decoder = "omz"
gives = ["age", "gender"]

[[artefacts]]
kind = "openvino-fp16"
{files}
[input]
name = "data"
width_px = 16
height_px = 16

[outputs]
age = "age"
gender = "gender"

[crop]
align = "landmarks"
template = "utkface-112"

[calibration]
age_sigma_years = 3.0
"""
_FILE = """
[[artefacts.files]]
path = "{path}"
sha256 = "{sha256}"
size = {size}
"""


def install_brightness(models: Path) -> Path:
    """Put the network below a models folder (`PASSERBY_MODELS`); returns that folder."""
    silence_openvino()
    import openvino
    from openvino import opset13 as op

    folder = models / NETWORK
    folder.mkdir(parents=True)
    pixels = op.parameter([-1, 3, 16, 16], np.float32, name="data")
    bright = op.divide(op.reduce_mean(pixels, np.array([1, 2, 3]), keep_dims=True), np.float32(255))
    genders = op.concat([bright, op.subtract(np.float32(1), bright)], axis=1)
    outputs = [op.result(bright, name="age"), op.result(genders, name="gender")]
    for output, name in zip(outputs, ("age", "gender"), strict=True):
        output.output(0).tensor.set_names({name})
    openvino.save_model(openvino.Model(outputs, [pixels], NETWORK), folder / "brightness.xml", compress_to_fp16=False)
    files = [folder / "brightness.xml", folder / "brightness.bin"]
    (folder / "manifest.toml").write_text(_MANIFEST.format(files="".join(map(_describe, files))))
    return models


def _describe(file: Path) -> str:
    content = file.read_bytes()
    return _FILE.format(path=file.name, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def grey(per_cent: float, side: int = 32) -> Image:
    """A chip of this brightness."""
    return np.full((side, side, 3), round(per_cent * 2.55), np.uint8)
