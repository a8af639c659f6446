"""`passerby run`: sensor and publisher under one supervisor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from edge.terminal.options import (
    BrokerUrl,
    ConfigFile,
    Fps,
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

Drain = Annotated[
    float, typer.Option("--drain-timeout", min=0, help="Seconds to wait for the broker at the end; then exit 3.")
]


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
    """Run sensor and publisher together, each in a process of its own.

    A camera runs until Ctrl-C. A clip ends the run when it ends and its events are delivered.

    Examples:
      passerby run --source 0 --broker mqtt://192.0.2.10
      passerby run --config passerby.toml
      passerby run --source clip.mp4 --realtime --set identity.site=lobby

    Exit codes:
      3  the source is not there, or the broker did not take every event in time
    """
    settings = with_flags(
        overrides, camera_source=source, broker_url=broker, models_set=model_set, models_targets=target,
        camera_realtime=realtime, camera_fps=fps,
    )  # fmt: skip
    configure_logging(quiet=quiet)
    raise typer.Exit(run_both(config, settings, drain_timeout_s=drain_timeout, quiet=quiet))


def run_both(config: Path | None, overrides: list[str], *, drain_timeout_s: float, quiet: bool) -> int:
    """Check the settings, then supervise both halves with the same ones; returns the exit code."""
    from edge.catalog.lookup import open_catalog
    from edge.publisher.broker.mqtt_client import check_broker
    from edge.sensor.sources.opening import may_come_back
    from edge.supervisor.supervisor import supervise

    settings = settings_from(config, overrides)
    check_broker(settings.broker)
    open_catalog().model_set(settings.models.set)  # an unknown set is reported here once, not by both halves
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
