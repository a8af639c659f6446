"""`passerby run`, and its two halves `sensor` and `publisher`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from edge.link.peer import SOCKET_NAME, group_id, trusted_uids, user_id
from edge.machine.folders import state_dir
from edge.settings.settings import Settings
from edge.terminal.options import (
    BrokerUrl,
    ConfigFile,
    Fps,
    ModelSetName,
    Overrides,
    Pace,
    Source,
    TargetList,
    configure_logging,
    settings_from,
    with_flags,
)

Drain = Annotated[
    float, typer.Option("--drain-timeout", min=0, help="Seconds to wait for the broker at the end; then exit 3.")
]
Link = Annotated[
    Path | None,
    typer.Option("--link", readable=False, help="Socket between sensor and publisher; default: in the state folder."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Warnings only.")]


def run(
    config: ConfigFile = None,
    source: Source = None,
    broker: BrokerUrl = None,
    model_set: ModelSetName = None,
    target: TargetList = None,
    realtime: Pace = None,
    fps: Fps = None,
    drain_timeout: Drain = 30.0,
    overrides: Overrides = None,
    quiet: Quiet = False,
) -> None:
    """Run sensor and publisher together; ends when a clip ends, with its events delivered."""
    settings = with_flags(
        overrides, camera_source=source, broker_url=broker, models_set=model_set, models_targets=target,
        camera_realtime=realtime, camera_fps=fps,
    )  # fmt: skip
    configure_logging(quiet=quiet)
    raise typer.Exit(run_both(config, settings, drain_timeout_s=drain_timeout, quiet=quiet))


def run_both(config: Path | None, overrides: list[str], *, drain_timeout_s: float, quiet: bool) -> int:
    """Check the settings, then supervise both halves with the same ones; returns the exit code."""
    from edge.publisher.broker.mqtt_client import check_broker
    from edge.sensor.sources.opening import may_come_back
    from edge.supervisor.supervisor import supervise

    settings = settings_from(config, overrides)
    check_broker(settings.broker)
    model_set_text(settings)  # an unknown set is said here once, not by both halves
    flags = ["--config", str(config)] if config else []
    flags += [part for override in overrides for part in ("--set", override)]
    flags += ["--quiet"] if quiet else []
    command = [sys.executable, "-m", "edge.cli"]
    return supervise(
        [*command, "publisher", *flags, "--drain-timeout", str(drain_timeout_s)],
        [*command, "sensor", *flags, "--drain-timeout", str(drain_timeout_s)],
        finite=not may_come_back(settings.camera.source),
        drain_timeout_s=drain_timeout_s,
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
    link: Link = None,
    link_user: Annotated[
        str | None, typer.Option("--link-user", help="User that the publisher runs as, where it is another.")
    ] = None,
    overrides: Overrides = None,
    quiet: Quiet = False,
) -> None:
    """See, and tell the publisher; needs a running publisher with the same state folder or link."""
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


def publisher(
    config: ConfigFile = None,
    broker: BrokerUrl = None,
    drain_timeout: Annotated[
        float | None, typer.Option("--drain-timeout", min=0, help="At the end, wait so many seconds for the broker.")
    ] = None,
    drain: Annotated[bool, typer.Option("--drain", help="Deliver what the outbox holds, then end.")] = False,
    link: Link = None,
    link_group: Annotated[
        str | None, typer.Option("--link-group", help="Group whose members may be the sensor; default: this user only.")
    ] = None,
    overrides: Overrides = None,
    quiet: Quiet = False,
) -> None:
    """Keep events in the outbox and publish them; the only half with network and credentials."""
    from edge.publisher.publisher import run_publisher

    settings = settings_from(config, with_flags(overrides, broker_url=broker))
    configure_logging(quiet=quiet)
    os.umask(0o077)  # what the outbox holds is for this user alone
    timeout = 30.0 if drain and drain_timeout is None else drain_timeout
    code = run_publisher(
        settings,
        state_dir(),
        model_set=model_set_text(settings),
        drain_timeout_s=timeout,
        drain_now=drain,
        link_path=link,
        link_group=group_id(link_group) if link_group else None,
    )
    raise typer.Exit(code)


def model_set_text(settings: Settings) -> str:
    """Name and version of the configured model set: `best@1.0.0`."""
    from edge.catalog.lookup import open_catalog

    catalog = open_catalog()
    name = catalog.set_name(settings.models.set)
    return f"{name}@{catalog.model_set(name).version}"
