"""Reads `manifest.toml` and `sets.toml`, refuses what the types alone let through, and writes a manifest back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import msgspec

from edge.catalog.manifest import Artefact, Manifest, ModelFile, ModelSets
from edge.errors import ManifestError, explain

MANIFEST = "manifest.toml"
SETS = "sets.toml"
ATTRIBUTE_DECODERS = {"age101", "adience", "omz"}

_T = TypeVar("_T", Manifest, ModelSets)


def read_manifest(file: Path) -> Manifest:
    """The manifest in a file. Raises ManifestError that names the file and the key."""
    manifest = _decode(file, Manifest)
    problem = next(_problems(manifest, file.parent.name), None)
    if problem:
        raise ManifestError(explain(problem, where=str(file)))
    return manifest


def problem_of(manifest: Manifest) -> str | None:
    """What the types alone let through, such as an attribute network without a crop; None where nothing is wrong."""
    return next(_problems(manifest, manifest.id), None)


def read_sets(file: Path) -> ModelSets:
    """The model sets in a file. Raises ManifestError that names the file and the key."""
    return _decode(file, ModelSets)


def write_manifest(manifest: Manifest) -> str:
    """A manifest as TOML that `read_manifest` gives back equal."""
    tree = msgspec.to_builtins(manifest)
    return "".join(f"{key} = {_toml(value)}\n" for key, value in tree.items() if value is not None)


def as_test_model(manifest: Manifest, weights: str, *, sha256: str, size: int, seed: int) -> Manifest:
    """The manifest of a network whose file `weights` holds random numbers: results of it print `untrained`.

    sha256 and size are those of the random file. Artefacts without that file are left out, and so are metrics.
    """
    random = ModelFile(path=weights, sha256=sha256, size=size)
    kept = [artefact for artefact in manifest.artefacts if any(file.path == weights for file in artefact.files)]
    artefacts = tuple(
        Artefact(kind=a.kind, files=tuple(random if file.path == weights else file for file in a.files)) for a in kept
    )
    return msgspec.structs.replace(manifest, artefacts=artefacts, metrics={}, random_weights_seed=seed)


def _decode(file: Path, kind: type[_T]) -> _T:
    try:
        return msgspec.toml.decode(file.read_bytes(), type=kind)
    except OSError as error:
        raise ManifestError(explain(f"cannot be read ({error.strerror})", where=str(file))) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ManifestError(explain(str(error), where=str(file))) from error


def _problems(manifest: Manifest, folder: str) -> Iterator[str]:
    if manifest.id != folder:
        yield f"id: got {manifest.id}, expected the folder's name {folder}"
    yield from _file_problems(manifest)
    if manifest.task == "detection":
        yield from _detector_problems(manifest)
    else:
        yield from _attribute_problems(manifest)


def _file_problems(manifest: Manifest) -> Iterator[str]:
    files = [file for artefact in manifest.artefacts for file in artefact.files]
    names = [file.path for file in files]
    for name in sorted(set(names)):
        if names.count(name) > 1:
            yield f"artefacts.files.path: {name} is named {names.count(name)} times, expected once"
    for path in (path for file in files for path in file.found_as):
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            yield f"artefacts.files.found_as: {path} leaves the folder, expected a relative path without .."


def _detector_problems(manifest: Manifest) -> Iterator[str]:
    if manifest.decoder in ATTRIBUTE_DECODERS:
        yield f"decoder: got {manifest.decoder}, expected a detector's"
    if (manifest.decoder == "ssd-heads") != (manifest.priors is not None):
        yield "priors: expected with the decoder ssd-heads and with no other"
    if manifest.thresholds is None:
        yield "thresholds: missing, a detector needs them"
    elif manifest.thresholds.low_score > manifest.thresholds.score:
        yield f"thresholds.low_score: got {manifest.thresholds.low_score}, expected at most the score"


def _attribute_problems(manifest: Manifest) -> Iterator[str]:
    if manifest.decoder not in ATTRIBUTE_DECODERS:
        yield f"decoder: got {manifest.decoder}, expected one of {', '.join(sorted(ATTRIBUTE_DECODERS))}"
    if not manifest.gives:
        yield "gives: empty, expected age, gender or both"
    for word in manifest.gives:
        if word not in manifest.outputs:
            yield f"outputs.{word}: missing, for gives names it"
    if manifest.crop is None:
        yield "crop: missing, an attribute network needs it"
    elif (manifest.crop.align == "landmarks") != bool(manifest.crop.template):
        yield f"crop.template: got {manifest.crop.template!r}, expected one with align = landmarks and none without"
    if manifest.decoder == "adience" and "age" in manifest.gives and manifest.taxonomy is None:
        yield "taxonomy: missing, a class model names its classes by it"


def _toml(value: Any) -> str:
    """A value as inline TOML: one line, so that no table needs a header."""
    if isinstance(value, dict):
        pairs = (f"{_toml(key)} = {_toml(entry)}" for key, entry in value.items() if entry is not None)
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    return msgspec.json.encode(value).decode()  # JSON's strings, numbers and booleans are TOML's
