"""What the publisher says to a sensor that has just linked: it waits for that before it opens its camera."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.publisher.commands import Commands, RemotePause
from edge.schemas.link import Command, HealthRequest, Pause, Resume


class Link:
    """A link that keeps what is sent."""

    def __init__(self) -> None:
        self.linked = False
        self.sent: list[Command] = []

    def send(self, command: Command) -> None:
        self.sent.append(command)


class Nobody:
    """Neither broker nor reports are asked for anything here."""


@pytest.mark.parametrize(
    ("paused", "words"),
    [(True, [Pause(), HealthRequest()]), (False, [Resume(), HealthRequest()])],
    ids=["paused", "not paused"],
)
def test_it_says_once_whether_there_is_a_pause(tmp_path: Path, paused: bool, words: list[Command]) -> None:
    pause, link = RemotePause(tmp_path), Link()
    pause.set(paused)
    commands = Commands(link, Nobody(), pause)  # type: ignore[arg-type]
    commands.take([])
    assert link.sent == []

    link.linked = True
    commands.take([])
    commands.take([])
    assert link.sent == words

    link.linked = False
    commands.take([])
    link.linked = True
    commands.take([])
    assert link.sent == words * 2
