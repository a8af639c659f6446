"""The whole conversion: artefacts are built aside, held against the gate, and put in place in one step."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from conversion.artefacts.builders import BUILDERS
from conversion.artefacts.coral import how_to_compile
from conversion.artefacts.job import Int8Options, Job
from conversion.artefacts.openvino import need_layers
from conversion.preparing import describe, prepare
from conversion.sources import Start
from conversion.verify.report import Report, tool_versions, write_report
from conversion.verify.running import networks
from conversion.verify.verifying import Agreement, Check, verify
from conversion.writing import writing_aside
from edge.catalog.manifests import MANIFEST, write_manifest
from edge.manifest import Artefact, Manifest
from edge.schemas.vocabulary import ArtefactKind

Progress = Callable[[str], None]
"""Called with one short line when a step begins."""


def convert(
    start: Start, kinds: Sequence[ArtefactKind], check: Check, out: Path, *, int8: Int8Options, progress: Progress
) -> Report:
    """Build the artefacts and write those that reach the gate to `out/<id>`, with manifest, report and plot.

    The report has all of them. Nothing is written where a step fails. Raises BadInput, BackendUnavailable,
    ManifestError, UsageError where the folder or the disk refuses.
    """
    with writing_aside(out, start.manifest.id) as staging, tempfile.TemporaryDirectory() as scratch:
        progress("reading the network")
        prepared = prepare(start, Path(scratch))
        pictures = next(iter(check.sets.values()))
        quality = Agreement(prepared.reference, pictures)
        name = prepared.manifest.id
        job = Job(prepared.core, pictures.pictures, staging, name, int8, quality)
        if int8.keep_float and "openvino-int8" in kinds:
            need_layers(prepared.core, int8.keep_float, name)
        built = [_build(kind, job, progress) for kind in kinds]
        manifest = msgspec.structs.replace(prepared.manifest, artefacts=tuple(built), made_with=_made_with())
        progress("comparing with the reference")
        report = verify(prepared.reference, networks(manifest, staging), check)
        good = keep_good(manifest, report, staging)
        write_report(report, staging)
        if good.artefacts:
            (staging / MANIFEST).write_text(write_manifest(good))
    for hint in filter(None, (how_to_compile(artefact, out / name) for artefact in good.artefacts)):
        progress(hint)
    return report


def check_again(start: Start, folder: Path, manifest: Manifest, check: Check) -> Report:
    """Compare artefacts that are there with the reference, once more or on other pictures; nothing is changed."""
    with tempfile.TemporaryDirectory() as scratch:
        prepared = prepare(start, Path(scratch))
        return verify(prepared.reference, networks(manifest, folder), check)


def keep_good(manifest: Manifest, report: Report, folder: Path) -> Manifest:
    """Delete the files of artefacts that missed the gate; the manifest of the others, with their metrics."""
    passed = {each.kind for each in report.artefacts if each.passed}
    for artefact in manifest.artefacts:
        if artefact.kind not in passed:
            for file in artefact.files:
                (folder / file.path).unlink(missing_ok=True)
    kept = tuple(artefact for artefact in manifest.artefacts if artefact.kind in passed)
    metrics = {
        f"{each.kind.replace('-', '_')}_{key}": value
        for each in report.artefacts
        if each.passed
        for key, value in each.metrics.get("held_out", {}).items()
    }
    return msgspec.structs.replace(manifest, artefacts=kept, metrics=metrics)


def _build(kind: ArtefactKind, job: Job, progress: Progress) -> Artefact:
    progress(f"making {kind}")
    return describe(kind, BUILDERS[kind](job))


def _made_with() -> dict[str, str]:
    return {"python": platform.python_version(), **tool_versions()}
