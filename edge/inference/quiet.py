"""Switches that keep vendor libraries from phoning home; each is set before its library is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def silence_openvino() -> None:
    """Let `import openvino` find no telemetry package: it then looks up no host and writes no file."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


@contextmanager
def without_converter() -> Iterator[None]:
    """Let `import openvino` leave its model converter out, which a device never needs: 60 to 90 ms of the start."""
    name = "openvino.tools.ovc"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


def silence_onnxruntime() -> None:
    """Keep onnxruntime 1.29 and later from writing a device id."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
