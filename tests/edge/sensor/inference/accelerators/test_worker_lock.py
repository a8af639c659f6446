"""A worker lives behind the sensor's walls, with the exceptions that are named."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from edge.sensor.inference.accelerators.launcher_process import Ended, LauncherProcess, News, Started
from tests.edge.sensor.inference.accelerators.conftest import fake_command

pytestmark = [pytest.mark.privacy, pytest.mark.process]

ATTEMPTS = Path(__file__).parent / "attempts.py"
WAIT_S = 20.0


class Launcher(LauncherProcess):
    """Gives its news one by one: two pieces may come together."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._unread: list[News] = []

    def next_news(self) -> News:
        """Wait for one piece of news."""
        if not self._unread:
            assert select.select([self], [], [], WAIT_S)[0]
            self._unread = self.news()
        return self._unread.pop(0)


def tried(*, makes_files: bool) -> dict[str, str]:
    """What a worker could do, by name."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "there").touch()
        launcher = Launcher((sys.executable, str(ATTEMPTS), folder), makes_files=makes_files)
        try:
            launcher.start(1)
            started = launcher.next_news()
            assert isinstance(started, Started)
            os.close(started.to_worker)
            os.close(started.from_worker)
            ended = launcher.next_news()
        finally:
            launcher.close()
        assert isinstance(ended, Ended)
        assert (Path(folder) / "there").read_bytes() == b""
        return dict(word.split("=") for word in ended.last.split(";"))


@pytest.mark.parametrize("makes_files", [False, True])
def test_a_worker_writes_nothing_and_reaches_nobody_but_may_open_devices(makes_files: bool) -> None:
    found = tried(makes_files=makes_files)
    landlock = found.pop("make")
    assert landlock in ({"EPERM"} if not makes_files else {"done", "EACCES"})
    assert found.pop("write") in {"EFBIG", "EACCES"}
    assert found == {
        "empty": "EPERM",
        "append": "EPERM",
        "remove": "EPERM",
        "ipv4": "EPERM",
        "ipv6": "EPERM",
        "netlink": "done",
        "device": "done",
        "memfd": "ENOSYS",
        "core": "0",
        "program": "EPERM",
    }


@pytest.fixture
def running() -> Iterator[tuple[Launcher, Started]]:
    launcher = Launcher(fake_command())
    launcher.start(7)
    started = launcher.next_news()
    assert isinstance(started, Started)
    yield launcher, started
    for descriptor in (started.to_worker, started.from_worker):
        os.close(descriptor)
    launcher.close()


def test_news_carry_the_number_of_the_start(running: tuple[Launcher, Started]) -> None:
    launcher, started = running
    assert started.life == 7
    launcher.kill()
    assert launcher.next_news() == Ended(7, -signal.SIGKILL, "")


def test_a_new_start_ends_the_old_worker_first(running: tuple[Launcher, Started]) -> None:
    launcher, _ = running
    launcher.start(8)
    assert launcher.next_news() == Ended(7, -signal.SIGKILL, "")
    again = launcher.next_news()
    assert isinstance(again, Started)
    assert again.life == 8
    os.close(again.to_worker)
    os.close(again.from_worker)


def test_a_worker_ends_with_its_sensor(running: tuple[Launcher, Started]) -> None:
    launcher, started = running
    launcher.close()
    deadline = time.monotonic() + WAIT_S
    poll = select.poll()
    poll.register(started.from_worker, select.POLLIN)
    assert poll.poll(WAIT_S * 1000)
    assert os.read(started.from_worker, 1) == b""
    assert time.monotonic() < deadline


def test_a_command_that_does_not_exist_is_told() -> None:
    launcher = Launcher(("/nowhere/python",))
    try:
        launcher.start(1)
        ended = launcher.next_news()
    finally:
        launcher.close()
    assert isinstance(ended, Ended)
    assert (ended.life, ended.code) == (1, 127)
    assert "/nowhere/python" in ended.last
