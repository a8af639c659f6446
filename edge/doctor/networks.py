"""The networks of the model set: files, sha256, and a target that can run each."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from edge.catalog.install import check_model
from edge.catalog.lookup import Catalog, how_to_get
from edge.catalog.manifest import Manifest
from edge.doctor.findings import Finding, bad, doubtful, good
from edge.errors import PasserbyError
from edge.sensor.inference.opening import KINDS
from edge.settings.settings import Settings

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
