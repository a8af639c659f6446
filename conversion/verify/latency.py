"""Measures the time of one inference, with reference and artefacts in turn so that load affects all alike."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from conversion.request.pictures import Pictures
from conversion.verify.networks import Network

RUNS, WARM_RUNS = 30, 3
THREADS = (1, 2)


def measure(named: Mapping[str, Network], pictures: Pictures, runs: int = RUNS) -> dict[str, dict[str, float]]:
    """Median time of an inference in ms, by network name, then by number of threads."""
    found: dict[str, dict[str, float]] = {name: {} for name in named}
    for threads in THREADS:
        for name, median in _measure(named, pictures, threads, runs).items():
            found[name][str(threads)] = median
    return found


def _measure(named: Mapping[str, Network], pictures: Pictures, threads: int, runs: int) -> dict[str, float]:
    running = {name: network.open(threads) for name, network in named.items()}
    times: dict[str, list[float]] = {name: [] for name in named}
    for position in range(runs + WARM_RUNS):
        picture = pictures[position % len(pictures)]
        for name, network in running.items():
            began = time.perf_counter()
            network.infer(picture)
            if position >= WARM_RUNS:
                times[name].append(1000 * (time.perf_counter() - began))
    for network in running.values():
        network.close()
    return {name: _median(values) for name, values in times.items()}


def _median(values: Sequence[float]) -> float:
    return round(float(np.median(values)), 3)
