"""From settings, photographs and a seed to a scene."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import numpy as np
from msgspec.structs import replace

from edge.catalog.lookup import open_catalog
from edge.sensor.assemble import Networks, open_networks
from edge.settings.settings import Attributes, Settings
from edge.workbench.faces import FindFaces
from edge.workbench.labelled.samples import Photographs
from training.evaluation.scene.drawing import Scene
from training.evaluation.scene.heads import photograph_heads, portrait_heads
from training.evaluation.scene.walks import Stage, plan_walks


@contextmanager
def detector_alone(settings: Settings) -> Iterator[Networks]:
    """Open the detector of the settings, as the device has it. Raises what opening raises."""
    networks = open_networks(replace(settings, attributes=Attributes(enabled=False)), open_catalog())
    with closing(networks.accelerators), closing(networks.detector):
        yield networks


def make_scene(
    stage: Stage, people: int, sets: Sequence[Photographs], seed: int, find: FindFaces
) -> tuple[Scene, list[str]]:
    """A scene of this seed and lines about it; of the two portraits where there are no photographs.

    find: finds the faces of the photographs. Raises BadInput, SourceUnavailable.
    """
    random = np.random.default_rng(seed)
    if sets:
        heads, lines = photograph_heads(sets, max(people, 1), find, random)
    else:
        heads, lines = portrait_heads(find), []
    if len(heads) < people:
        lines.append(f"{len(heads)} faces for {people} people: they come by several times, as different people")
    return Scene(stage, heads, plan_walks(stage, people, random), random), lines
