"""The whole conversion: artefacts are built aside, held against the gate, and put in place in one step."""

from __future__ import annotations

import errno
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from conversion.artefacts.builders import BUILDERS
from conversion.artefacts.job import Int8Options, Job
from conversion.preparing import Prepared, describe, prepare
from conversion.sources import Start
from conversion.verify.report import Report, tool_versions, write_report
from conversion.verify.running import networks
from conversion.verify.verifying import Agreement, Check, verify
from edge.catalog.manifests import MANIFEST, write_manifest
from edge.errors import UsageError, explain
from edge.manifest import Artefact, Manifest
from edge.schemas.vocabulary import ArtefactKind

Progress = Callable[[str], None]
"""Called with one short line when a step begins."""

FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS}
"""What a disk says that takes no more."""


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
        built = [_build(kind, prepared, check, staging, int8, progress) for kind in kinds]
        manifest = msgspec.structs.replace(prepared.manifest, artefacts=tuple(built), made_with=_made_with())
        progress("comparing with the reference")
        report = verify(prepared.reference, networks(manifest, staging), check)
        good = keep_good(manifest, report, staging)
        write_report(report, staging)
        if good.artefacts:
            (staging / MANIFEST).write_text(write_manifest(good))
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


@contextmanager
def writing_aside(out: Path, name: str) -> Iterator[Path]:
    """A new folder that takes the place of `out/<name>` when all went well, and is gone when not. Raises UsageError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=out))
        try:
            yield staging
            staging.chmod(0o755)
            _swap(staging, out / name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        reason = error.strerror or str(error)
        what = "cannot be written" if error.errno in FULL else "cannot be read or written"
        next_step = "free some space there and in the temporary folder, or give another folder with --out"
        where = str(error.filename or out)
        raise UsageError(explain(f"{what} ({reason})", where=where, next_step=next_step)) from error


def _swap(staging: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.old")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.replace(old)
    staging.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def _build(
    kind: ArtefactKind, prepared: Prepared, check: Check, folder: Path, int8: Int8Options, progress: Progress
) -> Artefact:
    progress(f"making {kind}")
    pictures = next(iter(check.sets.values()))

    agreement = Agreement(prepared.reference, pictures)
    job = Job(prepared.core, pictures.pictures, folder, prepared.manifest.id, int8, agreement)
    return describe(kind, BUILDERS[kind](job))


def _made_with() -> dict[str, str]:
    return {"python": platform.python_version(), **tool_versions()}
