"""Whether the vendors' libraries are kept from sending telemetry, checked in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator

from edge.doctor.findings import Finding, bad, good

_OPENVINO = (
    "from edge.sensor.inference.openvino import import_openvino; import_openvino('openvino:CPU');"
    "import sys; assert sys.modules['openvino_telemetry'] is None, 'openvino_telemetry was imported'"
)
_ONNXRUNTIME = (
    "from edge.sensor.inference.quiet import silence_onnxruntime; silence_onnxruntime(); import onnxruntime, os;"
    "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
)
_SOCKETS = (
    "; from edge.sensor.lock.walls import open_ip_sockets; found = open_ip_sockets();"
    "assert not found, 'it has IP sockets open'"
)
SWITCHES = {"openvino": _OPENVINO, "onnxruntime": _ONNXRUNTIME, "ai_edge_litert": "import ai_edge_litert.interpreter"}
"""Package -> program that imports it as the sensor does and reads its switch."""
_TIMEOUT_S = 60.0


def check_telemetry() -> Iterator[Finding]:
    """Every library that is installed."""
    for package, program in SWITCHES.items():
        if importlib.util.find_spec(package):
            yield _check(package, program + _SOCKETS)


def _check(package: str, program: str) -> Finding:
    words = [sys.executable, "-c", program]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_TIMEOUT_S, env={**os.environ})
    except subprocess.TimeoutExpired:
        return bad("telemetry", f"{package}: its import does not end", "install it again")
    if done.returncode == 0:
        return good("telemetry", f"{package}: off")
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return bad("telemetry", f"{package}: {last[:200]}", "report it, with the version of the package")
