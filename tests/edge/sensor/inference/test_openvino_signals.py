"""A signal reaches its handler whatever networks were opened and closed before it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.places import ROOT

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


@pytest.mark.process
def test_a_signal_after_networks_were_closed_is_handled() -> None:
    pytest.importorskip("openvino", reason="openvino is not installed (passerby[openvino])")
    words = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout.split()) == (0, ["handled", "handled"]), done.stderr


OWN_PROCESS = {
    "conversion/environments/catalog.py",
    "edge/sensor/inference/accelerators/workers/ncs2.py",
    "conversion/environments/workers/run_openvino_2022.py",
    "tests/systemd/stand_in.py",
}
"""Programs for an old OpenVINO, which make one core and end with it."""


def test_cores_are_made_in_one_place() -> None:
    """Two cores of which the first is freed first leave the thread a signal stack that is freed (see `the_core`)."""
    makers = {
        str(path.relative_to(ROOT))
        for folder in ("edge", "conversion", "training", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"\bCore\(\)", path.read_text())
    }
    assert makers == OWN_PROCESS | {"edge/sensor/inference/openvino.py"}
