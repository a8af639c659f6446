"""What goes wrong in a shop, at random moments: faults of a booted machine, and when they come and go."""

from __future__ import annotations

import heapq
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.systemd.machine import Machine

UNPLUGGED = "/etc/passerby/unplugged"
CLOCK = "/etc/passerby/clock"
FILLER = "/var/lib/passerby/filler"
SHARES: Mapping[str, int] = {
    "camera": 8, "unplugged": 5, "hang": 5, "crash": 5, "broker": 9, "disk": 7, "sensor": 7, "publisher": 7, "clock": 7,
}  # fmt: skip
"""How many of 60 are of a kind."""
LONGEST_S = 8.0
"""A fault that lasts, lasts for 2 s up to this."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Broken until it is mended; `lasts` false: over at once."""

    begin: Callable[[], object]
    end: Callable[[], object] = lambda: None
    lasts: bool = True


def faults_of(machine: Machine, chance: random.Random) -> dict[str, Fault]:
    """Every kind, by name."""

    def kill(unit: str) -> None:
        machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", unit, check=False)

    def signal_worker(signal: str) -> None:
        machine.run("pkill", f"-{signal}", "--full", "^[^ ]*python -IB [^ ]*/stand_in.py", check=False)

    def stop(unit: str) -> None:
        kill(unit)
        machine.run("systemctl", "stop", unit)

    def jump() -> None:
        machine.write(CLOCK, f"{chance.choice('+-')}{chance.randint(1, 20_000)}h")

    return {
        "camera": Fault(lambda: stop("scene-camera"), lambda: machine.run("systemctl", "start", "scene-camera")),
        "unplugged": Fault(lambda: machine.write(UNPLUGGED, ""), lambda: machine.run("rm", "-f", UNPLUGGED)),
        "hang": Fault(lambda: signal_worker("STOP"), lasts=False),
        "crash": Fault(lambda: signal_worker("SEGV"), lasts=False),
        "broker": Fault(lambda: stop("mosquitto"), lambda: machine.run("systemctl", "start", "mosquitto")),
        "disk": Fault(
            lambda: machine.run("dd", "if=/dev/zero", f"of={FILLER}", "bs=64k", check=False),
            lambda: machine.run("rm", "-f", FILLER),
        ),
        "sensor": Fault(lambda: kill("passerby-sensor"), lasts=False),
        "publisher": Fault(lambda: kill("passerby-publisher"), lasts=False),
        "clock": Fault(jump, lasts=False),
    }


def draw(chance: random.Random, count: int, span_s: float) -> list[tuple[float, str, float]]:
    """Moment in s, kind, and how long it lasts in s, of so many faults; in the order of time."""
    every = [name for name, share in SHARES.items() for _ in range(share)]
    kinds = every * (count // len(every)) + chance.sample(every, count % len(every))
    moments = [(chance.uniform(0, span_s), kind, chance.uniform(2, LONGEST_S)) for kind in kinds]
    return sorted(moments)


def play(
    faults: Mapping[str, Fault], drawn: list[tuple[float, str, float]], meanwhile: Callable[[], None]
) -> Counter[str]:
    """Let them come and go; those that overlap are mended once the last of their kind is over. What came, by kind."""
    begun, came, open_now = time.monotonic(), Counter[str](), Counter[str]()
    queue = [(at, True, kind, lasts_s) for at, kind, lasts_s in drawn]
    heapq.heapify(queue)
    while queue:
        at, comes, kind, lasts_s = heapq.heappop(queue)
        while time.monotonic() - begun < at:
            meanwhile()
            time.sleep(0.1)
        if comes:
            faults[kind].begin()
            came[kind] += 1
        if comes and faults[kind].lasts:
            open_now[kind] += 1
            heapq.heappush(queue, (max(at, time.monotonic() - begun) + lasts_s, False, kind, 0.0))
        elif not comes:
            open_now[kind] -= 1
            if not open_now[kind]:
                faults[kind].end()
    return came
