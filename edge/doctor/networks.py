"""The networks of the model set: files, sha256, and a target that can run each."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator

from edge.catalog.install import check_model
from edge.catalog.lookup import Catalog, how_to_get
from edge.catalog.manifest import Manifest
from edge.doctor.findings import Finding, bad, doubtful, good
from edge.errors import PasserbyError
from edge.sensor.detection.detector import choose_input_size
from edge.sensor.inference.opening import KINDS
from edge.sensor.sources.address import SourceKind
from edge.sensor.sources.path_kind import kind_of_source
from edge.settings.settings import Settings

FACE_M = 0.16
"""Side of a face: the root of its width times its height, m."""
LENS_WIDTH = 2 * math.tan(math.radians(60 / 2))
"""Width of what a lens of 60 degrees shows, as a share of its distance."""

FIXED_SIZE = ("tflite", "coral", "ncs2")
"""Runtimes that take pictures of the manifest's size only, whatever `detection.width_px` says."""

PACKAGES = {
    "openvino": ("openvino",),
    "onnxruntime": ("onnxruntime",),
    "tflite": ("ai_edge_litert", "tflite_runtime"),
    "opencv": ("cv2",),
}
"""Runtime -> packages of which one must be there; accelerators are checked apart."""


def check_networks(settings: Settings, catalog: Catalog) -> Iterator[Finding]:
    """Each network of the set."""
    try:
        chosen = catalog.model_set(settings.models.set)
        names = [chosen.detector, *(chosen.attributes if settings.attributes.enabled else ())]
        manifests = [catalog.manifest(name) for name in names]
    except PasserbyError as error:
        yield bad("models", str(error), "passerby models list")
        return
    for manifest in manifests:
        yield from _check(settings, catalog, manifest)
    yield from check_sight(settings, manifests[0])


def check_sight(settings: Settings, detector: Manifest) -> Iterator[Finding]:
    """How small a face the detector still finds in the camera's picture; nothing where that was not measured."""
    smallest_px = detector.metrics.get("smallest_face_px")
    if smallest_px is None:
        return
    camera = settings.camera
    picture_hw = camera.height_px, camera.width_px
    second = camera.view_width_px if kind_of_source(camera.source) is SourceKind.PICAMERA else 0
    share = second / camera.width_px if 0 < second < camera.width_px else 1.0
    view_hw = round(camera.height_px * share), round(camera.width_px * share)
    input_hw = detector.input.height_px, detector.input.width_px
    if _runtime(settings, detector) not in FIXED_SIZE:
        input_hw = choose_input_size(detector.input, settings.detection.width_px, view_hw, picture_hw)
    scale = min(share, *(taken / side for taken, side in zip(input_hw, picture_hw, strict=True)))
    face_px = smallest_px / scale
    far_m = FACE_M * camera.width_px / face_px / LENS_WIDTH
    found = f"in pictures of {camera.width_px}x{camera.height_px} px most faces of {face_px:.0f} px and more are found"
    yield good("models", f"{found}: up to {far_m:.0f} m away through a lens of 60 degrees")


def _runtime(settings: Settings, manifest: Manifest) -> str:
    """The runtime of the first target that reads one of the network's forms; empty for none."""
    kinds = {artefact.kind for artefact in manifest.artefacts}
    runtimes = (target.partition(":")[0] for target in settings.models.targets)
    return next((runtime for runtime in runtimes if kinds & set(KINDS.get(runtime, ()))), "")


def _check(settings: Settings, catalog: Catalog, manifest: Manifest) -> Iterator[Finding]:
    checks = check_model(catalog, manifest)
    wrong = [check for check in checks if check.fault]
    if not checks:
        yield bad("models", f"{manifest.id} is not installed", how_to_get(manifest))
        return
    if wrong:
        yield bad("models", f"{wrong[0].path}: {wrong[0].fault}", how_to_get(manifest))
        return
    yield good("models", f"{manifest.id} {manifest.version}: {len(checks)} files with the right sha256")
    if manifest.random_weights_seed is not None:
        yield doubtful(
            "models", f"{manifest.id} has random weights: its answers mean nothing", "install trained weights"
        )
    there = {check.file.path for check in checks}
    yield _check_target(settings, manifest, there)


def _check_target(settings: Settings, manifest: Manifest, there: set[str]) -> Finding:
    """The first target that has a file here and its package."""
    # Read in place, files have other paths than the manifest says: then any artefact may be there.
    kinds = {a.kind for a in manifest.artefacts if {file.path for file in a.files} <= there} or {
        a.kind for a in manifest.artefacts
    }
    able = [target for target in settings.models.targets if kinds & set(KINDS.get(target.partition(":")[0], ()))]
    first = settings.models.targets[0]
    if able and not _has_package(able[0]):
        return _missing(manifest, able[0])
    if able and able[0] == first:
        return good("models", f"{manifest.id} runs on {first}")
    if able:
        do = f"convert it for {first}, or put {able[0]} first"
        return doubtful("models", f"{manifest.id} runs on {able[0]}, not on {first}", do)
    return bad(
        "models",
        f"{manifest.id}: none of models.targets can run {', '.join(sorted(kinds))}",
        "install a runtime, or change models.targets",
    )


def _missing(manifest: Manifest, target: str) -> Finding:
    runtime = target.partition(":")[0]
    return bad("models", f"{manifest.id}: {target} needs the package {runtime}", f"install passerby[{runtime}]")


def _has_package(target: str) -> bool:
    packages = PACKAGES.get(target.partition(":")[0])
    return packages is None or any(importlib.util.find_spec(package) for package in packages)
