"""`passerby publisher`: the half that sends, and the only one with network and credentials."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from edge.link.peer import group_id
from edge.machine.folders import state_dir
from edge.terminal.options import (
    BrokerUrl,
    ConfigFile,
    LinkPath,
    Overrides,
    Quiet,
    configure_logging,
    settings_from,
    with_flags,
)


def publisher(
    config: ConfigFile = None,
    broker: BrokerUrl = None,
    drain_timeout: Annotated[
        float | None, typer.Option("--drain-timeout", min=0, help="At the end, wait so many seconds for the broker.")
    ] = None,
    drain: Annotated[bool, typer.Option("--drain", help="Deliver what the outbox holds, then end.")] = False,
    link: LinkPath = None,
    link_group: Annotated[
        str | None, typer.Option("--link-group", help="Group whose members may be the sensor; default: this user only.")
    ] = None,
    overrides: Overrides = None,
    quiet: Quiet = False,
) -> None:
    """Run the half that sends: it keeps events in the outbox and publishes them.

    It has network and credentials, and never sees a picture.

    Examples:
      passerby publisher --broker mqtts://broker.example.net
      passerby publisher --drain

    Exit codes:
      3  another publisher runs, or the broker did not take every event in time
    """
    from edge.catalog.lookup import open_catalog
    from edge.publisher.publisher import run_publisher

    settings = settings_from(config, with_flags(overrides, broker_url=broker))
    configure_logging(quiet=quiet)
    os.umask(0o077)  # what the outbox holds is for this user alone
    timeout = 30.0 if drain and drain_timeout is None else drain_timeout
    code = run_publisher(
        settings,
        state_dir(),
        model_set=open_catalog().set_and_version(settings.models.set),
        drain_timeout_s=timeout,
        drain_now=drain,
        link_path=link,
        link_group=group_id(link_group) if link_group else None,
    )
    raise typer.Exit(code)
