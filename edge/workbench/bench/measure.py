"""The measurement: the tutorials' pipeline, Passerby, and its bare inference calls, in turns on the same frames."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, cast

import msgspec
import numpy as np

from edge.catalog.lookup import open_catalog
from edge.sensor.assemble import Networks, make_book, make_stages, open_networks
from edge.sensor.pipeline import Pipeline, Stages
from edge.sensor.types import Detection, Image
from edge.settings.settings import Settings
from edge.workbench.bench.faces import count_found, reference_faces
from edge.workbench.bench.probes import KeptVisits, MemoryFrames, Recorder, SeenFaces, Silence, Stopwatch, Timed
from edge.workbench.bench.seed import open_seed, run_seed

PAIRS = 3
"""Passes of Passerby and of its bare calls in each round: short ones, whose difference is small, need more of them."""
STAGES = {
    "gate": {"opens": "idle gate"},
    "detector": {"start": "detect: resize, start", "wait": "detect: wait, decode"},
    "tracker": {"update": "track"},
    "stillness": {"sort": "static faces"},
    "estimator": {"start": "attributes: align, start", "wait": "attributes: wait, decode"},
    "visits": {"observe": "visits", "due": "visits", "add": "visits", "end": "visits"},
}
"""Stage of the pipeline -> its methods and the names that their time goes under."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured. Times are CPU ms of all threads for one frame, decoding excluded, unless stated otherwise."""

    clip: str
    frames: int
    rounds: int
    model_set: str
    target: str
    seed_ms_per_frame: float
    passerby_ms_per_frame: float
    inference_ms_per_frame: float
    ratio: float
    overhead: float
    overhead_ms_per_frame: float
    seed_untrained: bool
    idle_ms_per_frame: float
    idle_share: float
    stages_ms_per_frame: dict[str, float]
    faces_found: int
    faces_reference: int
    looks: int
    visits: int


@dataclass(frozen=True, slots=True)
class Run:
    """One pass of Passerby over the frames."""

    seen: list[list[Detection]]
    looks: int
    visits: int


def measure(settings: Settings, images: Sequence[Image], fps: float, clip: str, rounds: int = 3) -> Report:
    """Run the three side by side, `rounds` times in turns; reports medians. Raises what opening networks raises."""
    recorder = Recorder()
    networks = open_networks(settings, open_catalog(), wrap=recorder.wrap)
    always = _without_idling(settings)
    gc.collect()
    gc.freeze()  # as the sensor does
    recorder.recording = True
    run = run_passerby(always, networks, images, fps)
    recorder.recording = False
    with open_seed() as seed:
        run_seed(seed, images[:2])  # the first inferences allocate
        seed_ms, pairs = [], []
        for part in (images[start::rounds] for start in range(rounds)):
            seed_ms.append(_cpu_ms(run_seed, seed, part) / len(part))
            for _ in range(PAIRS):
                passes = _cpu_ms(run_passerby, always, networks, images, fps), _cpu_ms(recorder.replay)
                pairs.append([ms / len(images) for ms in passes])
        untrained = seed.untrained
    tutorials_ms = median(seed_ms)
    passerby_ms, inference_ms = (median(column) for column in zip(*pairs, strict=True))
    idle_ms = _idle_ms(settings, networks, images[0], fps)
    reference = reference_faces(settings, images)
    return Report(
        clip=clip,
        frames=len(images),
        rounds=rounds,
        model_set=networks.name,
        target=networks.target,
        seed_ms_per_frame=tutorials_ms,
        passerby_ms_per_frame=passerby_ms,
        inference_ms_per_frame=inference_ms,
        ratio=tutorials_ms / passerby_ms,
        overhead=passerby_ms / inference_ms,
        overhead_ms_per_frame=median(whole - bare for whole, bare in pairs),
        seed_untrained=untrained,
        idle_ms_per_frame=idle_ms,
        idle_share=idle_ms / passerby_ms,
        stages_ms_per_frame=_stage_times(always, networks, images, fps),
        faces_found=count_found(reference, run.seen),
        faces_reference=sum(map(len, reference)),
        looks=run.looks,
        visits=run.visits,
    )


def run_passerby(
    settings: Settings,
    networks: Networks,
    images: Sequence[Image],
    fps: float,
    around: Callable[[Stages], Stages] = lambda stages: stages,
) -> Run:
    """One pass of the sensor's own pipeline, without camera and link."""
    sink = KeptVisits()
    stages = make_stages(settings, networks, make_book(settings, networks), sink)
    seen = SeenFaces(stages.tracker)
    pipeline = Pipeline(around(replace(stages, tracker=seen)), pulse=Silence(), stop=lambda: False)
    pipeline.run(MemoryFrames(images, fps))
    return Run(seen.frames, pipeline.counters.looks, len(sink.visits))


def _without_idling(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, detection=msgspec.structs.replace(settings.detection, motion=0.0))


def _cpu_ms(work: Callable[..., Any], *arguments: Any) -> float:
    start = time.process_time()
    work(*arguments)
    return (time.process_time() - start) * 1000


def _idle_ms(settings: Settings, networks: Networks, image: Image, fps: float) -> float:
    """CPU ms a frame while nothing moves and nobody is there: a picture without a face, 20 s of it."""
    still = [np.full_like(image, 90)] * round(20 * fps)
    return _cpu_ms(run_passerby, settings, networks, still, fps) / len(still)


def _stage_times(settings: Settings, networks: Networks, images: Sequence[Image], fps: float) -> dict[str, float]:
    """Wall ms a frame of each stage; a wait for a network includes what other threads compute meanwhile."""
    watch = Stopwatch()

    def around(stages: Stages) -> Stages:
        timed = {
            name: cast(Any, Timed(getattr(stages, name), watch, methods))
            for name, methods in STAGES.items()
            if getattr(stages, name) is not None
        }
        return replace(stages, **timed, quality=watch.around("quality", stages.quality))

    run_passerby(settings, networks, images, fps, around)
    return {stage: seconds * 1000 / len(images) for stage, seconds in watch.seconds.items()}
