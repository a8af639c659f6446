"""`passerby sensor`: the half that sees, with no network and no credentials."""

from __future__ import annotations

from typing import Annotated

import typer

from edge.link.peer import SOCKET_NAME, trusted_uids, user_id
from edge.machine.folders import state_dir
from edge.terminal.options import (
    ConfigFile,
    Fps,
    LinkPath,
    ModelSetName,
    Overrides,
    Pace,
    Quiet,
    Source,
    TargetList,
    configure_logging,
    settings_from,
    with_flags,
)


def sensor(
    config: ConfigFile = None,
    source: Source = None,
    model_set: ModelSetName = None,
    target: TargetList = None,
    realtime: Pace = None,
    fps: Fps = None,
    drain_timeout: Annotated[
        float,
        typer.Option("--drain-timeout", min=0, help="At the end, wait so many seconds for the publisher, 5 at least."),
    ] = 0.0,
    link: LinkPath = None,
    link_user: Annotated[
        str | None, typer.Option("--link-user", help="User that the publisher runs as, where it is another.")
    ] = None,
    overrides: Overrides = None,
    quiet: Quiet = False,
) -> None:
    """Run the half that sees: it reads the camera, and sends visits to the publisher and nowhere else.

    A publisher must run with the same state folder or link.

    Examples:
      passerby sensor --source 0
      passerby sensor --config passerby.toml --link /run/passerby/link.sock

    Exit codes:
      3  the source, the link or the lock is not there, or visits were not taken
      75  a fresh process is wanted: camera or accelerator lost, or paused
    """
    from edge.machine.stopping import Stop
    from edge.sensor.sensor import Sensor

    flags = with_flags(
        overrides, camera_source=source, models_set=model_set, models_targets=target, camera_realtime=realtime,
        camera_fps=fps,
    )  # fmt: skip
    settings = settings_from(config, flags)
    configure_logging(quiet=quiet)
    peer_uids = trusted_uids() | ({user_id(link_user)} if link_user else set())
    path = link or state_dir() / SOCKET_NAME
    stop = Stop()
    stop.obey_signals()
    seeing = Sensor(settings, path, stop, patience_s=drain_timeout, peer_uids=peer_uids)
    raise typer.Exit(seeing.run())
