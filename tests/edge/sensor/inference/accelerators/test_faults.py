"""What becomes of a worker that breaks down, with real processes behind the real lock."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable

import numpy as np
import pytest

from edge.errors import AcceleratorLost, InferenceError
from edge.sensor.inference.accelerators.device import Accelerator, Limits
from edge.sensor.inference.accelerators.launcher_process import Ended, LauncherProcess
from tests.edge.sensor.inference.accelerators.conftest import NETWORK, QUICK, MakeAccelerator, fake_command

pytestmark = pytest.mark.process

PICTURE = np.full((1, 4, 6, 3), 7, np.uint8)
PATIENCE_S = 20.0


def ask(device: Accelerator, picture: np.ndarray = PICTURE) -> float:
    outputs = device.answer(device.begin("net", {"pictures": picture}), "net")
    return float(outputs["y"][0, 0])


def until(device: Accelerator, there: Callable[[], bool]) -> None:
    """Turn the accelerator until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not there():
        assert time.monotonic() < deadline, f"{device.state} {device.fault} {device.reason}"
        device.tend()


def test_pictures_go_to_the_worker_and_its_outputs_come_back(accelerator: MakeAccelerator) -> None:
    device = accelerator()
    device.load(NETWORK)
    assert device.state == "running"
    assert [ask(device, np.full((1, 4, 6, 3), level, np.uint8)) for level in (0, 7, 255)] == [0.0, 7.0, 255.0]
    assert device.losses == 0


def test_a_batch_comes_back_along_the_first_axis(accelerator: MakeAccelerator) -> None:
    device = accelerator()
    device.load(NETWORK)
    pictures = np.stack([np.full((4, 6, 3), level, np.uint8) for level in (1, 2, 3)])
    outputs = device.answer(device.begin("net", {"pictures": pictures}), "net")
    assert outputs["y"].tolist() == [[1, 1], [2, 2], [3, 3]]


def test_a_picture_larger_than_any_pipe_goes_through(accelerator: MakeAccelerator) -> None:
    device = accelerator(limits=Limits(answer_s=5.0))
    device.load(NETWORK)
    assert ask(device, np.full((1, 1200, 1600, 3), 9, np.uint8)) == 9.0


def test_two_inferences_may_be_under_way_and_be_asked_for_in_any_order(accelerator: MakeAccelerator) -> None:
    device = accelerator()
    device.load(NETWORK)
    first = device.begin("net", {"pictures": PICTURE})
    second = device.begin("net", {"pictures": PICTURE + 1})
    assert device.answer(second, "net")["y"][0, 0] == 8.0
    assert device.answer(first, "net")["y"][0, 0] == 7.0


@pytest.mark.parametrize(
    ("then", "fault", "reason"),
    [
        ("crash", "crash", "signal 11"),
        ("exit", "crash", r"code 7 \(the script says exit\)"),
        ("hang", "hang", r"no answer within 0\.4 s"),
        ("device", "device", "the script says device"),
        ("garbled", "crash", "not a message"),
    ],
)
def test_a_fault_is_named_at_once_and_the_accelerator_comes_back(
    accelerator: MakeAccelerator, then: str, fault: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    device = accelerator({"good": 2, "then": then}, {})
    device.load(NETWORK)
    assert [ask(device), ask(device)] == [7.0, 7.0]
    began = time.monotonic()
    with caplog.at_level(logging.WARNING), pytest.raises(AcceleratorLost, match=reason) as caught:
        ask(device)
    assert time.monotonic() - began < 1.0
    assert (caught.value.fault, device.state, device.fault, device.losses) == (fault, "lost", fault, 1)
    until(device, lambda: device.ready)
    assert ask(device) == 7.0
    assert device.losses == 1
    assert len(caplog.records) == 2, "one line when it goes, one when it is back"


@pytest.mark.parametrize("load", ["library", "device", "firmware", "model"])
def test_what_the_worker_says_at_its_start_is_handed_on(accelerator: MakeAccelerator, load: str) -> None:
    device = accelerator({"load": load}, {})
    with pytest.raises(AcceleratorLost, match=f"the script says {load}") as caught:
        device.load(NETWORK)
    assert caught.value.fault == load
    assert isinstance(caught.value, InferenceError)
    until(device, lambda: device.ready)
    assert ask(device) == 7.0


def test_a_worker_that_is_never_ready_is_ended_in_time(accelerator: MakeAccelerator) -> None:
    device = accelerator({"load": "hang"}, {}, limits=Limits(start_s=1.5, restart_initial_s=0.05))
    with pytest.raises(AcceleratorLost, match=r"not ready within 1\.5 s"):
        device.load(NETWORK)
    until(device, lambda: device.ready)


def test_a_second_network_does_not_wait_for_an_accelerator_that_is_lost(accelerator: MakeAccelerator) -> None:
    device = accelerator({"load": "device"}, limits=Limits(restart_initial_s=60.0))
    with pytest.raises(AcceleratorLost):
        device.load(NETWORK)
    began = time.monotonic()
    with pytest.raises(AcceleratorLost, match="the script says device"):
        device.load(NETWORK)
    assert time.monotonic() - began < 0.2


def test_an_answer_of_a_life_that_is_over_is_not_waited_for(accelerator: MakeAccelerator) -> None:
    device = accelerator({"good": 0, "then": "crash"}, {})
    device.load(NETWORK)
    ticket = device.begin("net", {"pictures": PICTURE})
    until(device, lambda: device.losses == 1)
    until(device, lambda: device.ready)
    with pytest.raises(AcceleratorLost):
        device.answer(ticket, "net")
    assert device.ready


def test_waits_between_tries_double_while_it_stays_away(accelerator: MakeAccelerator) -> None:
    now = 0.0
    device = Accelerator("ncs2", NoWorker(), QUICK, clock=lambda: now, jitter=lambda: 1.0)
    with pytest.raises(AcceleratorLost):
        device.load(NETWORK)
    waits: list[float] = []
    for _ in range(4):
        waits.append(round(device._until - now, 3))
        now = device._until
        device.tend()  # asks for a start
        device.tend()  # hears that it failed
    assert waits == [0.05, 0.1, 0.2, 0.2]
    assert device.losses == 1, "it was lost once, however often it is tried"


def test_without_its_launcher_an_accelerator_is_lost_for_good() -> None:
    now = 0.0
    launcher = LauncherProcess(fake_command())
    try:
        device = Accelerator("coral:usb", launcher, QUICK, clock=lambda: now)
        device.load(NETWORK)
        os.kill(launcher.pid, signal.SIGKILL)
        until(device, lambda: device.state == "lost")
        assert device.reason == "its launcher has ended"
        now += 1000.0
        device.tend()
        assert device.state == "lost"
    finally:
        launcher.close()


class NoWorker:
    """A launcher whose worker never starts."""

    def __init__(self) -> None:
        self._started: list[int] = []

    def fileno(self) -> int:
        return 0

    def start(self, life: int) -> None:
        self._started.append(life)

    def kill(self) -> None:
        pass

    def news(self) -> list[object]:
        found = [Ended(life, 127, "no such program") for life in self._started]
        self._started = []
        return list(found)
