"""The pipeline of the tutorials: OpenCV's detector on every frame, then two networks on every face of every frame."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge.catalog.install import find_files
from edge.catalog.lookup import Catalog, open_catalog
from edge.errors import ModelNotFound, explain
from edge.sensor.assemble import Networks, open_networks
from edge.sensor.types import Image
from edge.settings.settings import Detection, Models, Settings
from edge.workbench.bench.random_weights import import_random

SETTINGS = Settings(
    models=Models(set="tutorial", targets=("opencv:CPU",)),
    detection=Detection(score=0.7, low_score=0.7),
)
"""As in the scripts: res10 with a confidence of 0.7, everything in cv2.dnn with its default threads."""

SEED = 1


@contextmanager
def open_seed() -> Iterator[Networks]:
    """Open the tutorials' networks; Levi and Hassner's get seeded random weights where theirs are missing."""
    catalog = open_catalog()
    try:
        networks = open_networks(SETTINGS, catalog)
    except ModelNotFound:
        with tempfile.TemporaryDirectory(prefix="passerby-bench-") as folder:
            yield open_networks(SETTINGS, _with_random_weights(catalog, Path(folder)))
    else:
        yield networks


def _with_random_weights(catalog: Catalog, folder: Path) -> Catalog:
    """The catalog with random weights for the attribute networks, installed in a folder that goes away."""
    drawn = Catalog(catalog.carried, folder, catalog.raw)
    for name in catalog.model_set(SETTINGS.models.set).attributes:
        files = list(catalog.manifest(name).artefacts[0].files)
        source = next((root for root in catalog.raw if root.is_dir() and find_files(files, root)), None)
        if source is None:
            raise ModelNotFound(explain(f"no deploy prototxt of {name}", next_step=f"`passerby models fetch {name}`"))
        import_random(drawn, name, source, SEED)
    return drawn


def run_seed(networks: Networks, images: Sequence[Image]) -> int:
    """Process every image as the scripts do; returns how many faces were estimated."""
    faces = 0
    for image in images:
        networks.detector.start(image)
        found = networks.detector.wait()
        faces += len(found)
        if networks.estimator is not None:
            for face in found:
                networks.estimator.start(image, [face], [1.0])
                networks.estimator.wait()
    return faces
