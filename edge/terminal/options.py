"""Flags that several commands share, and how they become settings."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from edge.errors import UsageError, explain
from edge.settings.settings import Settings
from edge.settings.settings_file import Text, load_settings
from edge.settings.zones import TABLE

ConfigFile = Annotated[Path | None, typer.Option("--config", help="passerby.toml to read.")]
Source = Annotated[
    str | None, typer.Option("--source", help="Camera number or path, picamera, clip, folder or address.")
]
BrokerUrl = Annotated[str | None, typer.Option("--broker", help="mqtt://HOST[:PORT] or mqtts://HOST[:PORT].")]
ModelSetName = Annotated[str | None, typer.Option("--model-set", help="Model set of the catalog.")]
TargetList = Annotated[
    str | None, typer.Option("--target", help="Targets in order of preference, separated by commas.")
]
Pace = Annotated[
    bool | None,
    typer.Option("--realtime/--as-fast-as-possible", help="Pace of a file; the default is as fast as possible."),
]
Fps = Annotated[
    float | None, typer.Option("--fps", help="Frames a second of raw video (.h264, .mjpeg), or asked of a camera.")
]
LinkPath = Annotated[
    Path | None,
    typer.Option("--link", readable=False, help="Socket between sensor and publisher; default: in the state folder."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Warnings only.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Any setting; repeat for more.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]


def with_flags(overrides: list[str] | None, **flags: Any) -> list[str]:
    """`--set` values equal to these flags (`camera_source=…` is camera.source); a flag of None is left out."""
    named = [f"{name.replace('_', '.', 1)}={_as_text(value)}" for name, value in flags.items() if value is not None]
    return [*(overrides or ()), *named]


def settings_from(config: Path | None, overrides: list[str] | None = None) -> Settings:
    """Settings from TOML, then environment, then flags. Raises ConfigError or UsageError in one line."""
    return load_settings(config, os.environ, parse_overrides(overrides))


def parse_overrides(overrides: list[str] | None) -> dict[str, Text]:
    """Values of `--set` by `section.key`; the last one wins. Raises UsageError."""
    return dict(map(_key_and_value, overrides or ()))


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _key_and_value(override: str) -> tuple[str, Text]:
    name, separator, value = override.partition("=")
    if not separator or (name.count(".") != 1 and name != TABLE):
        message = explain("--set", got=override, expected="SECTION.KEY=VALUE", next_step="such as camera.fps=15")
        raise UsageError(message)
    return name, Text(value)


def configure_logging(*, quiet: bool) -> None:
    """Log to stderr, one line for each change of state."""
    level = logging.WARNING if quiet else logging.INFO
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
