"""`passerby demo`: the whole product on a fresh machine, with a broker of its own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from edge.cli.run import run_both
from edge.machine.folders import models_dir
from edge.sensor.sources.address import DEMO_ADDRESS
from edge.terminal.options import AsJson, ModelSetName, Overrides, Source, configure_logging, with_flags
from edge.workbench.demo.event_lines import event_line

SHOWN = ("status", "info", "live", "visit")


def demo(
    source: Source = None,
    model_set: ModelSetName = None,
    fast: Annotated[bool, typer.Option("--fast", help="Do not keep the scene's own pace.")] = False,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Show the whole product: the first webcam or a composed scene, a broker of its own, events as they come.

    Nothing is kept when it ends.

    Examples:
      passerby demo
      passerby demo --source clip.mp4 --json

    Exit codes:
      3  a package of passerby[demo] is not installed, or the camera is not there
    """
    from edge.workbench.demo.embedded_broker import embedded_broker
    from edge.workbench.demo.subscriber import subscribed

    chosen = source or first_webcam() or DEMO_ADDRESS
    configure_logging(quiet=True)
    with tempfile.TemporaryDirectory(prefix="passerby-demo-") as state, embedded_broker() as url:
        os.environ.update(PASSERBY_MODELS=str(models_dir()), PASSERBY_STATE=state)  # for both halves
        flags = with_flags(
            overrides,
            camera_source=chosen,
            camera_realtime=not fast,
            models_set=model_set,
            broker_url=url,
            broker_protocol="3.1.1",  # all that amqtt speaks
            identity_site="demo",
            publish_live_interval_s=1,
        )
        if not as_json:
            seen = "a composed scene" if chosen == DEMO_ADDRESS else chosen
            typer.echo(f"source: {seen}; broker: {url}, topics passerby/demo/device/#; Ctrl-C ends")
        with subscribed(url, "passerby/#", _Printer(as_json=as_json)):
            code = run_both(None, flags, drain_timeout_s=10, quiet=True)
    raise typer.Exit(code)


def first_webcam() -> str | None:
    """The first V4L2 device that takes pictures and may be read, or None; a Raspberry Pi's codecs are devices too."""
    from edge.doctor.devices import check_v4l2

    devices = sorted(Path("/dev").glob("video*"))
    return next((str(device) for device in devices if check_v4l2(device).verdict == "pass"), None)


class _Printer:
    """Prints each event that differs from the last; live events repeat while nothing changes."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._last = ""

    def __call__(self, topic: str, payload: Any) -> None:
        line = self._line(topic, payload)
        if line and line != self._last:
            typer.echo(line)
            self._last = line

    def _line(self, topic: str, payload: Any) -> str:
        if self._as_json:
            return msgspec.json.encode({"topic": topic, "payload": payload}).decode()
        return event_line(topic, payload) if topic.rsplit("/", maxsplit=1)[-1] in SHOWN else ""
