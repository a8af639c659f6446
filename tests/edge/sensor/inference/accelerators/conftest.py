"""Workers that play scripts, started by the real launcher behind its real lock."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from edge.sensor.inference.accelerators import opening
from edge.sensor.inference.accelerators.device import Accelerator, Limits, Network
from edge.sensor.inference.accelerators.launcher_process import LauncherProcess

FAKE_WORKER = Path(opening.__file__).parent / "workers" / "fake.py"
SHAPES = {"y": (1, 2)}
NETWORK = Network("net", {"hw": [4, 6], "outputs": ["y"]}, ("y",))
QUICK = Limits(answer_s=0.4, start_s=8.0, restart_initial_s=0.05, restart_longest_s=0.2)


def fake_command(*lives: Mapping[str, Any], shapes: Mapping[str, Sequence[int]] = SHAPES) -> tuple[str, ...]:
    """Command of a worker that lives these lives."""
    script = json.dumps({"outputs": shapes, "lives": lives or ({},)})
    return sys.executable, str(FAKE_WORKER), script


MakeAccelerator = Callable[..., Accelerator]


@pytest.fixture
def accelerator() -> Iterator[MakeAccelerator]:
    """Makes accelerators of scripted workers; ends them after the test."""
    launchers: list[LauncherProcess] = []

    def make(*lives: Mapping[str, Any], limits: Limits = QUICK) -> Accelerator:
        launchers.append(LauncherProcess(fake_command(*lives)))
        return Accelerator("coral:usb", launchers[-1], limits)

    yield make
    for launcher in launchers:
        launcher.close()
