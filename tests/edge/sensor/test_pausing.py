"""Pauses that are decided at the device: opening hours, the flag, the button, the commands."""

from __future__ import annotations

import os
import struct
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge.cli.app import build
from edge.errors import ConfigError, SourceUnavailable, UsageError
from edge.machine.button import presses
from edge.schemas import link
from edge.sensor.pausing import FLAG_NAME, PauseFlag, Pauses
from edge.settings.opening_hours import is_open, parse_hours
from edge.settings.settings import Pause

SATURDAY_NOON = time.strptime("2026-11-21 12:00", "%Y-%m-%d %H:%M")


def at(text: str) -> time.struct_time:
    """A time of the week that begins on Monday, 2026-11-16, such as `sat 22:30`."""
    day, clock = text.split()
    number = 16 + ("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(day)
    return time.strptime(f"2026-11-{number} {clock}", "%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("line", "open_at", "closed_at"),
    [
        ("mon-fri 08:00-20:00", ["mon 08:00", "fri 19:59"], ["mon 07:59", "fri 20:00", "sat 12:00"]),
        ("sat 10:00-24:00", ["sat 23:59"], ["sun 00:00", "sat 09:59"]),
        ("fri-sat 22:00-02:00", ["fri 22:00", "sat 01:59", "sun 01:00"], ["fri 01:00", "sat 02:00", "sun 22:30"]),
        ("sat-mon 09:00-10:00", ["sat 09:30", "sun 09:30", "mon 09:30"], ["tue 09:30", "fri 09:30"]),
        ("sun 22:00-06:00", ["mon 05:59"], ["sun 05:59", "mon 22:00"]),
        ("mon-sun 00:00-24:00", ["mon 00:00", "sun 23:59"], []),
        ("wed 00:00-00:00", ["wed 00:00", "wed 23:59"], ["tue 23:59", "thu 00:00"]),
    ],
)
def test_opening_hours_are_those_of_the_local_week(line: str, open_at: list[str], closed_at: list[str]) -> None:
    hours = [parse_hours(line)]
    assert [is_open(hours, at(moment)) for moment in open_at] == [True] * len(open_at)
    assert [is_open(hours, at(moment)) for moment in closed_at] == [False] * len(closed_at)


def test_one_of_several_lines_is_enough() -> None:
    hours = [parse_hours("mon-fri 08:00-12:00"), parse_hours("mon-fri 14:00-18:00")]
    assert [is_open(hours, at(f"tue {clock}")) for clock in ("09:00", "13:00", "15:00")] == [True, False, True]


@given(st.text(alphabet="mondaytu -0123456789:", max_size=24))
def test_no_text_is_read_as_hours_by_accident(text: str) -> None:
    try:
        parse_hours(text)
    except ConfigError as error:
        assert "mon-fri 08:00-20:00" in str(error)


def test_the_flag_pauses_and_is_checked_twice_a_second(tmp_path: Path) -> None:
    now = 0.0
    flag = PauseFlag(tmp_path / FLAG_NAME)
    pause = Pauses(Pause(), flag, local_time=lambda: SATURDAY_NOON, clock=lambda: now)
    assert pause.reason() == ""
    flag.set(True)
    assert pause.reason() == "", "it is not checked at every frame"
    now = 0.5
    assert pause.reason() == "flag"
    flag.set(False)
    flag.set(False)
    now = 1.0
    assert pause.reason() == ""


def test_closing_time_pauses_and_the_flag_goes_first(tmp_path: Path) -> None:
    now, local = 0.0, at("sat 17:59")
    flag = PauseFlag(tmp_path / FLAG_NAME)
    pause = Pauses(Pause(open_hours=("sat 10:00-18:00",)), flag, local_time=lambda: local, clock=lambda: now)
    assert pause.reason() == ""
    now, local = 1.0, at("sat 18:00")
    assert pause.reason() == "hours"
    flag.set(True)
    now = 2.0
    assert pause.reason() == "flag"


def test_a_command_pauses_until_another_resumes_and_undoes_no_pause_of_the_device(tmp_path: Path) -> None:
    now = 0.0
    flag = PauseFlag(tmp_path / FLAG_NAME)
    pauses = Pauses(Pause(), flag, clock=lambda: now)
    pauses.take([link.Resume(), link.Pause()])
    pauses.take([link.HealthRequest()])
    assert pauses.reason() == "command"
    flag.set(True)
    now = 1.0
    pauses.take([link.Pause(), link.Resume()])
    assert pauses.reason() == "flag"
    flag.set(False)
    now = 2.0
    assert pauses.reason() == ""


def test_a_flag_that_cannot_be_set_says_where_and_why(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none/paused: the pause cannot be set \(No such file"):
        PauseFlag(tmp_path / "none" / "paused").set(True)


def invoke(*words: str) -> str:
    done = CliRunner().invoke(build(), list(words))
    assert done.exit_code == 0, done.output
    return done.output


def test_the_commands_set_the_flag_of_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSERBY_STATE", str(tmp_path))
    assert "paused: the sensor closes its camera" in invoke("pause")
    assert (tmp_path / FLAG_NAME).exists()
    assert invoke("resume") == "resumed\n"
    assert not (tmp_path / FLAG_NAME).exists()


def test_resuming_says_when_it_is_closing_time_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSERBY_STATE", str(tmp_path))
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(time.localtime().tm_wday + 3) % 7]
    assert "outside opening hours" in invoke("resume", "--set", f"pause.open_hours={day} 12:00-12:01")


def event(kind: int, code: int, value: int) -> bytes:
    """As the kernel writes it (linux/input.h)."""
    return struct.pack("llHHi", 1, 2, kind, code, value)


def test_a_press_is_told_once_and_other_keys_and_releases_are_not(tmp_path: Path) -> None:
    device = tmp_path / "event0"
    os.mkfifo(device)
    told = event(4, 4, 9) + event(1, 119, 1) + event(0, 0, 0) + event(1, 119, 2) + event(1, 119, 0) + event(1, 30, 1)

    def press() -> None:
        with device.open("wb", buffering=0) as end:
            end.write(told[:30])  # cut in the middle of an event
            end.write(told[30:] + told)

    writer = threading.Thread(target=press)
    writer.start()
    assert list(presses(device)) == [119, 119]
    writer.join()


def test_a_device_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"No such file.*group input"):
        list(presses(tmp_path / "event7"))


def test_each_press_turns_the_flag_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSERBY_STATE", str(tmp_path))
    device = tmp_path / "events"
    device.write_bytes(event(1, 119, 1))
    for expected in (True, False, True):
        assert CliRunner().invoke(build(), ["button", str(device)]).exit_code == 3
        assert (tmp_path / FLAG_NAME).exists() is expected
