"""A signal reaches its handler whatever networks were opened and closed before it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.places import ROOT

pytest.importorskip("openvino", reason="openvino is not installed (passerby[openvino])")
pytestmark = pytest.mark.process

SCRIPT = """
import gc, os, signal
from edge.catalog.lookup import open_catalog
from edge.sensor.assemble import open_networks
from edge.settings.settings import Settings

signal.signal(signal.SIGTERM, lambda *_: print("handled", flush=True))
for _ in range(2):
    networks = open_networks(Settings(), open_catalog())
    networks.detector.close()
    del networks
    gc.collect()
    os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_after_networks_were_closed_is_handled() -> None:
    words = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout.split()) == (0, ["handled", "handled"]), done.stderr
