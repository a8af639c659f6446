"""`passerby doctor`: what is wrong with this device, and the one thing to do about each."""

from __future__ import annotations

import typer

from edge.errors import CHECK_FAILED
from edge.terminal.options import (
    AsJson,
    BrokerUrl,
    ConfigFile,
    ModelSetName,
    Overrides,
    Source,
    settings_from,
    with_flags,
)


def doctor(
    config: ConfigFile = None,
    source: Source = None,
    broker: BrokerUrl = None,
    model_set: ModelSetName = None,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Check camera, accelerators, networks, broker, clock, disk, memory, heat, telemetry and the sensor's walls.

    Run it as the user of the sensor, with its settings.

    Examples:
      passerby doctor
      passerby doctor --config passerby.toml --json
      sudo passerby doctor --config /etc/passerby/passerby.toml

    Exit codes:
      0  no check failed; there may be warnings
      1  a check failed
    """
    import msgspec

    from edge.doctor.examine import examine
    from edge.doctor.findings import worst

    flags = with_flags(overrides, camera_source=source, broker_url=broker, models_set=model_set)
    found = []
    for finding in examine(settings_from(config, flags)):
        found.append(finding)
        if not as_json:
            advice = f"\n      -> {finding.do}" if finding.do else ""
            typer.echo(f"{finding.verdict}  {finding.check}: {finding.found}{advice}")
    verdict = worst(found)
    if as_json:
        typer.echo(msgspec.json.encode({"verdict": verdict, "findings": found}).decode())
    raise typer.Exit(CHECK_FAILED if verdict == "fail" else 0)
