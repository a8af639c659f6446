"""All checks, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from edge.catalog.lookup import open_catalog
from edge.doctor import broker, devices, machine, networks, sandbox, telemetry
from edge.doctor.findings import Finding
from edge.machine.folders import state_dir
from edge.settings.settings import Settings


def examine(settings: Settings) -> Iterator[Finding]:
    """Findings as they come; the broker's may take half a minute."""
    yield devices.check_camera(settings)
    yield from devices.check_accelerators(settings)
    yield from networks.check_networks(settings, open_catalog())
    yield from broker.check_mqtt(settings)
    yield machine.check_clock()
    yield machine.check_disk(settings, state_dir())
    yield machine.check_swap()
    yield machine.check_memory_cgroup()
    yield from machine.check_heat()
    yield from telemetry.check_telemetry()
    yield from sandbox.check_settings(settings)
    yield sandbox.try_lock(settings)
    yield from sandbox.check_running()
