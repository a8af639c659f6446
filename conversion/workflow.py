"""The whole conversion: artefacts are built aside, checked against the gate, and put in place in one step."""

from __future__ import annotations

import math
import platform
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from conversion.artefacts.builders import BUILDERS
from conversion.artefacts.coral import how_to_compile
from conversion.artefacts.job import Int8Options, Job
from conversion.artefacts.openvino import need_layers
from conversion.bundle import writing_aside
from conversion.preparation import describe, made_from, prepare
from conversion.request.sources import Start
from conversion.verify.comparison import Agreement, Check, verify
from conversion.verify.networks import networks
from conversion.verify.report import Report, tool_versions, write_report
from edge.catalog.files import check_file
from edge.catalog.manifest import Artefact, Manifest
from edge.catalog.manifest_file import MANIFEST, read_manifest, write_manifest
from edge.errors import BadInput, explain
from edge.schemas.vocabulary import ArtefactKind

Progress = Callable[[str], None]
"""Called with one short line when a step begins."""


def convert(
    start: Start, kinds: Sequence[ArtefactKind], check: Check, out: Path, *, int8: Int8Options, progress: Progress
) -> Report:
    """Build the artefacts and write those that reach the gate to `out/<id>`, with manifest, report and plot.

    The report covers all of them. Artefacts of other kinds that an earlier conversion of the same network wrote there
    are kept. Nothing is written where a step fails. Raises BadInput, BackendUnavailable, ManifestError; UsageError
    where the folder cannot be used or the disk refuses the write.
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
            whole = _with_earlier(good, out / name, staging, progress)
            (staging / MANIFEST).write_text(write_manifest(whole))
    for hint in filter(None, (how_to_compile(artefact, out / name) for artefact in good.artefacts)):
        progress(hint)
    return report


def check_again(start: Start, folder: Path, manifest: Manifest, check: Check) -> Report:
    """Compare existing artefacts with the reference, again or on other pictures; nothing is changed.

    Raises BadInput where they were made from another network.
    """
    _need_same_start(made_from(start), manifest, folder)
    with tempfile.TemporaryDirectory() as scratch:
        prepared = prepare(start, Path(scratch))
        return verify(prepared.reference, networks(manifest, folder), check)


def _need_same_start(given: Mapping[str, str], manifest: Manifest, folder: Path) -> None:
    known = manifest.made_from
    others = sorted(name for name in {**known, **given} if known.get(name) != given.get(name))
    if known and others:
        got = ", ".join(f"{name} {given[name][:12]}" for name in others if name in given)
        expected = ", ".join(f"{name} {known[name][:12]}" for name in others if name in known)
        next_step = "repeat --caffe or --onnx, --like and --mean as given to `convert run`"
        what = "made from other files (name and start of sha256)"
        raise BadInput(explain(what, where=str(folder), got=got, expected=expected, next_step=next_step))


def keep_good(manifest: Manifest, report: Report, folder: Path) -> Manifest:
    """Delete the files of artefacts that missed the gate; return the manifest of the others, with their metrics."""
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
        if math.isfinite(value)
    }
    return msgspec.structs.replace(manifest, artefacts=kept, metrics=metrics)


def _with_earlier(manifest: Manifest, folder: Path, staging: Path, progress: Progress) -> Manifest:
    """The manifest with the folder's artefacts of other kinds added, their files copied beside the new ones.

    Those of another network, size or mean are not kept; a progress line says so.
    """
    if not (folder / MANIFEST).exists():
        return manifest
    earlier = read_manifest((folder / MANIFEST).resolve())
    made = {artefact.kind for artefact in manifest.artefacts}
    others = [artefact for artefact in earlier.artefacts if artefact.kind not in made]
    if _network_of(earlier) != _network_of(manifest):
        if others:
            progress(f"{folder}: {', '.join(each.kind for each in others)} of another network or size replaced")
        return manifest
    kept = [each for each in others if not any(check_file(folder / file.path, file).fault for file in each.files)]
    for file in (file for artefact in kept for file in artefact.files):
        shutil.copyfile(folder / file.path, staging / file.path)
    theirs = tuple(f"{artefact.kind.replace('-', '_')}_" for artefact in kept)
    metrics = {key: value for key, value in earlier.metrics.items() if key.startswith(theirs)}
    return msgspec.structs.replace(
        manifest, artefacts=(*manifest.artefacts, *kept), metrics={**metrics, **manifest.metrics}
    )


def _network_of(manifest: Manifest) -> Manifest:
    """The part that does not depend on which artefacts were requested."""
    return msgspec.structs.replace(manifest, artefacts=(), metrics={}, made_with={})


def _build(kind: ArtefactKind, job: Job, progress: Progress) -> Artefact:
    progress(f"making {kind}")
    return describe(kind, BUILDERS[kind](job))


def _made_with() -> dict[str, str]:
    return {"python": platform.python_version(), **tool_versions()}
