"""The isolated environments: which interpreter, which packages, and a check that they work."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import msgspec
from msgspec import Struct

PINS = "conversion.environments.pins"


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment.

    pythons: versions ("3.11") that its packages exist for, best first. requirements: every package with its version, as
    lines for pip. check: Python source that must run without an error. room_bytes: disk space that it needs.
    """

    name: str
    pythons: tuple[str, ...]
    requirements: tuple[str, ...]
    check: str
    room_bytes: int

    def folder_name(self, python: str) -> str:
        """Name of its folder for an interpreter version; another set of pins gives another name."""
        content = "\n".join((*sorted(self.requirements), self.check))
        return f"{self.name}-py{python}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


class _Pins(Struct, forbid_unknown_fields=True):
    requirements: tuple[str, ...]


def _read_pins(name: str) -> tuple[str, ...]:
    return msgspec.toml.decode(files(PINS).joinpath(f"{name}.toml").read_bytes(), type=_Pins).requirements


def tflite() -> Environment:
    """onnx2tf and TensorFlow: ONNX to full-integer TFLite."""
    check = "import onnx2tf, tensorflow as tf; assert tf.lite.OpsSet.TFLITE_BUILTINS_INT8"
    return Environment("tflite", ("3.11", "3.10", "3.12"), _read_pins("tflite"), check, 3_000_000_000)


def openvino_2021() -> Environment:
    """OpenVINO 2021.4.2, the last one on PyPI with the Myriad X plugin (x86-64, Python 3.9 or older)."""
    check = "from openvino.inference_engine import IECore; import ngraph; assert 'CPU' in IECore().available_devices"
    return Environment("openvino-2021.4", ("3.9", "3.8", "3.7"), _read_pins("openvino-2021.4"), check, 250_000_000)


def openvino_2022() -> Environment:
    """OpenVINO 2022.3.2, the last line that supports the Myriad X; its wheel can only check values on the CPU."""
    check = "from openvino.runtime import Core; assert 'CPU' in Core().available_devices"
    return Environment("openvino-2022.3", ("3.10", "3.9", "3.8"), _read_pins("openvino-2022.3"), check, 250_000_000)


def trackers() -> Environment:
    """Trackers of others that ours is compared with, and motmetrics (`make bench-tracking`)."""
    check = "import motmetrics, norfair, supervision; assert supervision.ByteTrack"
    return Environment("trackers", ("3.11", "3.12"), _read_pins("trackers"), check, 1_000_000_000)
