"""Flags that several commands share, and how they become settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from edge.config import Settings
from edge.errors import UsageError, explain
from edge.settings_file import load_settings

ConfigFile = Annotated[Path | None, typer.Option("--config", help="passerby.toml to read.")]
Source = Annotated[
    str | None, typer.Option("--source", help="Camera number or path, picamera, clip, folder or address.")
]
BrokerUrl = Annotated[str | None, typer.Option("--broker", help="mqtt://HOST[:PORT] or mqtts://HOST[:PORT].")]
ModelSetName = Annotated[str | None, typer.Option("--model-set", help="Model set of the catalog.")]
TargetList = Annotated[str | None, typer.Option("--target", help="Targets in order of preference, with commas.")]
Pace = Annotated[
    bool | None,
    typer.Option("--realtime/--as-fast-as-possible", help="Pace of a file; the default is as fast as possible."),
]
Fps = Annotated[float | None, typer.Option("--fps", help="Frames a second of a raw .h264 file, or asked of a camera.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Any setting; may be given again.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def settings_from(
    config: Path | None,
    overrides: list[str] | None = None,
    *,
    source: str | None = None,
    broker: str | None = None,
    model_set: str | None = None,
    target: str | None = None,
    realtime: bool | None = None,
    fps: float | None = None,
) -> Settings:
    """Settings from TOML, then environment, then flags. Raises ConfigError or UsageError in one line."""
    flags: dict[str, Any] = {
        "camera.source": source,
        "broker.url": broker,
        "models.set": model_set,
        "models.targets": target.split(",") if target else None,
        "camera.realtime": realtime,
        "camera.fps": fps,
    }
    environment = dict(os.environ)
    environment.update(_as_environment(override) for override in overrides or ())
    return load_settings(config, environment, flags)


def _as_environment(override: str) -> tuple[str, str]:
    """`section.key=value` as the environment would say it: the one way in which text becomes a value."""
    name, separator, value = override.partition("=")
    section, dot, key = name.partition(".")
    if not separator or not dot:
        message = explain("--set", got=override, expected="SECTION.KEY=VALUE", next_step="such as camera.fps=15")
        raise UsageError(message)
    return f"PASSERBY_{section.upper()}__{key.upper()}", value
