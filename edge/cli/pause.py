"""`passerby pause`, `resume` and `button`: pausing by hand, at the device."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from edge.errors import UsageError
from edge.terminal.options import ConfigFile, Overrides, settings_from

_log = logging.getLogger(__name__)


def pause(config: ConfigFile = None, overrides: Overrides = None) -> None:
    """Close the camera until `passerby resume`, also over restarts.

    It needs no network and no broker.

    Examples:
      passerby pause
      sudo passerby pause
    """
    from edge.sensor.pausing import pause_flag

    flag = pause_flag(settings_from(config, overrides).pause)
    flag.set(True)
    typer.echo(f"paused: the sensor closes its camera within a second ({flag.path})")


def resume(config: ConfigFile = None, overrides: Overrides = None) -> None:
    """Undo `passerby pause`. What else pauses, a command from the broker or closing time, stays.

    Examples:
      passerby resume
      sudo passerby resume
    """
    from edge.sensor.pausing import Pauses, pause_flag

    settings = settings_from(config, overrides).pause
    flag = pause_flag(settings)
    flag.set(False)
    closed = Pauses(settings, flag).reason() == "hours"
    typer.echo("resumed, but it is outside opening hours: the camera stays closed" if closed else "resumed")


def button(
    device: Annotated[Path, typer.Argument(help="Input device, such as /dev/input/by-path/platform-button@11-event.")],
    code: Annotated[int, typer.Option(min=1, max=767, help="Code of the key; 119 is Pause.")] = 119,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Pause and resume in turns at each press of a button or key, until its device goes away.

    Examples:
      passerby button /dev/input/by-path/platform-button@11-event
      passerby button /dev/input/event0 --code 28

    Exit codes:
      3  the input device is not there, or went away
    """
    from edge.machine.button import presses
    from edge.sensor.pausing import pause_flag
    from edge.terminal.options import configure_logging

    configure_logging(quiet=False)
    flag = pause_flag(settings_from(config, overrides).pause)
    for _ in presses(device, code):
        try:
            flag.set(not flag.is_set)
        except UsageError as error:  # a disk that is full now may not be at the next press
            _log.error("%s", error)
        else:
            _log.info("%s by the button", "paused" if flag.is_set else "resumed")
    raise typer.Exit(3)
