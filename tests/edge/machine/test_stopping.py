"""A request to end reaches a loop that polls, sleeps or blocks, from a signal and from another thread."""

from __future__ import annotations

import os
import select
import signal
import threading
from contextlib import closing

import pytest

from edge.machine.stopping import Stop, stopped_by_ctrl_c, stopped_by_signals

pytestmark = pytest.mark.process


def polled(stop: Stop, timeout_ms: int) -> bool:
    poll = select.poll()
    for descriptor, events in stop.waits():
        poll.register(descriptor, events)
    return bool(poll.poll(timeout_ms))


@pytest.mark.parametrize(("number", "interrupted"), [(signal.SIGTERM, False), (signal.SIGINT, True)])
def test_a_signal_asks_once_wakes_a_poll_and_leaves_the_handlers(number: signal.Signals, interrupted: bool) -> None:
    before = signal.getsignal(number)
    with closing(Stop()) as stop:
        with stopped_by_signals(stop):
            os.kill(os.getpid(), number)
            assert polled(stop, 10_000)
        assert (stop.asked, stop.interrupted, stop.take(), stop.take()) == (True, interrupted, 1, 0)
        assert not polled(stop, 0), "what was taken wakes no second poll"
    assert signal.getsignal(number) is before
    assert signal.set_wakeup_fd(-1) == -1


def test_another_thread_wakes_a_poll_that_sleeps() -> None:
    with closing(Stop()) as stop:
        asking = threading.Thread(target=stop.ask)
        asking.start()
        assert polled(stop, 10_000)
        asking.join()
        assert stop.take() == 1


def test_requests_that_nobody_takes_do_not_block() -> None:
    with closing(Stop()) as stop:
        for _ in range(100_000):
            stop.ask()
        assert stop.requests == 100_000
        while stop.take() or polled(stop, 0):
            pass
    stop.ask()
    stop.close()


def test_sleep_ends_when_somebody_asks_and_ticks_until_then() -> None:
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(len(ticks))
        if len(ticks) == 2:
            stop.ask()

    with closing(Stop()) as stop:
        stop.sleep(3600, tick)
    assert ticks == [0, 1]


def test_the_first_ctrl_c_breaks_a_read_off_and_the_second_everything() -> None:
    def press() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with closing(Stop()) as stop, stopped_by_ctrl_c(stop):
        assert stop.wait_for(lambda: 1) == 1
        assert stop.wait_for(press) is None
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            press()


def test_outside_the_main_thread_signals_stay_as_they_are() -> None:
    before = signal.getsignal(signal.SIGTERM)

    def run() -> None:
        with closing(Stop()) as stop, stopped_by_signals(stop):
            seen.append(signal.getsignal(signal.SIGTERM))

    seen: list[object] = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
