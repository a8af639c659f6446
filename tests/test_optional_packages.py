"""Every test module can be collected where an optional package is missing: it skips and says why, it never breaks."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.places import ROOT

pytestmark = [pytest.mark.contract, pytest.mark.process]

OPTIONAL = (
    "ai_edge_litert", "amqtt", "matplotlib", "nncf", "onnx", "onnxruntime", "openvino", "PIL", "picamera2", "scipy",
    "skimage", "torch", "yt_dlp",
)  # fmt: skip


@pytest.mark.parametrize("package", OPTIONAL)
def test_every_test_module_is_collected_without_an_optional_package(package: str) -> None:
    words = [sys.executable, "tests/absent.py", package, "--collect-only", "-q", "-p", "no:cacheprovider"]
    words.append("--assert=plain")  # nothing is asserted, and to rewrite every module takes longer than to load it
    environment = {name: value for name, value in os.environ.items() if name != "PASSERBY_REQUIRE_ALL"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout[-3000:]
    collected = re.search(r"(\d+)(?:/\d+)? tests collected", done.stdout)
    assert collected is not None, done.stdout[-3000:]
    assert int(collected[1]) > 1000  # most of what there is
    reasons = re.findall(r"^SKIPPED \[\d+\] \S+: (.*)$", done.stdout, re.MULTILINE)
    assert all(re.search(r"is not installed|is missing", reason) for reason in reasons), reasons
