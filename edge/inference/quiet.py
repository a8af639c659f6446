"""Switches that keep vendor libraries from phoning home; each is set before its library is imported."""

from __future__ import annotations

import os
import sys


def silence_openvino() -> None:
    """Let `import openvino` find no telemetry package: it then looks up no host and writes no file."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


def silence_onnxruntime() -> None:
    """Keep onnxruntime 1.29 and later from writing a device id."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
