"""Other releases of Passerby for a booted machine, and what its outbox holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tests.systemd.machine import Machine
from tests.systemd.wheels import other_version

OUTBOX = """
import json, sqlite3
file = sqlite3.connect("file:/var/lib/passerby/outbox.sqlite3?mode=ro", uri=True)
boot_id, last_seq = file.execute("SELECT boot_id, last_seq FROM life").fetchone()
taken = file.execute("SELECT total(counter) FROM sessions").fetchone()[0]
reasons = [json.loads(payload)["end_reason"] for (payload,) in file.execute("SELECT payload FROM events ORDER BY seq")]
print(json.dumps({"boot_id": boot_id, "last_seq": last_seq, "taken": int(taken), "reasons": reasons}))
"""


@dataclass(frozen=True, slots=True)
class Held:
    """An outbox as its own file says. reasons: `end_reason` of each visit that waits; taken: visits of all sessions."""

    boot_id: str
    last_seq: int
    taken: int
    reasons: list[str]


def held(machine: Machine) -> Held:
    """What the outbox of a machine holds."""
    return Held(**json.loads(machine.run("/usr/bin/python3", "-c", OUTBOX)))


def offer(machine: Machine, wheels: Path, version: str, spoilt: str = "") -> str:
    """A folder in the machine with another version of our wheel; `spoilt` goes before the sensor's own code."""
    folder = f"/srv/passerby-{version}"
    inside = machine.path(folder)
    inside.mkdir()
    (own,) = wheels.glob("passerby-*.whl")
    for wheel in wheels.glob("*.whl"):
        if wheel != own:
            (inside / wheel.name).symlink_to(f"/srv/passerby/wheels/{wheel.name}")
    other_version(own, inside, version, {"edge/sensor/sensor.py": spoilt})
    return folder
