"""Downloads the files of a network from their official addresses; an interrupted download continues."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from edge.catalog.files import check_file
from edge.catalog.install import install, writing
from edge.catalog.lookup import Catalog
from edge.catalog.manifest import Artefact, Manifest, ModelFile
from edge.errors import ManifestError, ModelNotFound, explain
from edge.files import held

TRIES = 3
TIMEOUT_S = 30.0
CHUNK_BYTES = 1 << 16
NETWORK_FAULTS = (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, ConnectionError, TimeoutError)

Progress = Callable[[str, int, int], None]
"""Called with a file's name, its bytes so far and its bytes in all."""


def fetch_model(
    catalog: Catalog,
    model_id: str,
    *,
    progress: Progress | None = None,
    timeout_s: float = TIMEOUT_S,
    otherwise: str | None = None,
) -> Path:
    """Download the first artefact that has addresses, check it, install it; returns the folder that holds it.

    otherwise: what to do where that fails; `passerby models import` by default. Raises ModelNotFound where an address
    cannot be reached or gives too little (what came is kept for the next time), ManifestError where it gives another
    file, UsageError where the models folder cannot be written.
    """
    manifest = catalog.original(model_id)
    artefact = _with_addresses(manifest)
    there = {file: catalog.installed / model_id / file.path for file in artefact.files}
    if _all_right(there):
        return install(catalog, manifest, there)
    downloads = catalog.installed / ".downloads"
    parts = {file: downloads / f"{file.sha256}.part" for file in artefact.files}
    next_step = f"try again, or {otherwise or f'`passerby models import {model_id} --from FOLDER`'}"
    with writing(downloads), held(downloads):  # one download at a time
        if not _all_right(there):  # another program may have installed it meanwhile
            for file, part in parts.items():
                _download(file, part, progress or _silent, timeout_s, next_step)
        installed = install(catalog, manifest, there if _all_right(there) else parts)
        for part in parts.values():
            part.unlink(missing_ok=True)
    return installed


def _all_right(files: Mapping[ModelFile, Path]) -> bool:
    return not any(check_file(path, file).fault for file, path in files.items())


def _with_addresses(manifest: Manifest) -> Artefact:
    for artefact in manifest.artefacts:
        if all(file.url for file in artefact.files):
            return artefact
    next_step = f"`passerby models import {manifest.id} --from FOLDER` installs files that you have"
    raise ModelNotFound(explain("no official address is known", where=manifest.id, next_step=next_step))


def _silent(name: str, done: int, size: int) -> None:
    """No progress."""


def _download(file: ModelFile, part: Path, progress: Progress, timeout_s: float, next_step: str) -> None:
    """Fill part with the file's bytes. Raises ModelNotFound, ManifestError."""
    fault = ""
    for _ in range(TRIES):
        continued = 0 < _size_of(part) < file.size
        if _size_of(part) < file.size:
            try:
                _continue(file, part, progress, timeout_s)
            except urllib.error.HTTPError as error:
                with error:
                    raise _unreachable(file, f"{error.code} {error.reason}", next_step) from error
            except NETWORK_FAULTS as error:
                fault = _say(error)
        if _size_of(part) >= file.size:
            if not continued:
                return _need_right(file, part)
            if not check_file(part, file).fault:
                return None
            part.unlink()  # it began with what something else had answered: a portal's page
    raise _unreachable(file, fault or f"{_size_of(part)} bytes", next_step)


def _unreachable(file: ModelFile, got: str, next_step: str) -> ModelNotFound:
    what, expected = f"cannot download {file.path}", f"{file.size} bytes"
    return ModelNotFound(explain(what, where=file.url, got=got, expected=expected, next_step=next_step))


def _continue(file: ModelFile, part: Path, progress: Progress, timeout_s: float) -> None:
    """Request the missing bytes; a server that cannot continue sends all of them."""
    have = _size_of(part)
    request = urllib.request.Request(file.url, headers={"Range": f"bytes={have}-", "User-Agent": "passerby"})
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        begins = f"bytes {have}-"
        goes_on = answer.status == http.HTTPStatus.PARTIAL_CONTENT and _content_range(answer).startswith(begins)
        with part.open("ab" if goes_on else "wb") as stream:
            _pour(answer, stream, file, progress)


def _content_range(answer: http.client.HTTPResponse) -> str:
    return answer.headers.get("Content-Range") or ""


def _pour(answer: IO[bytes], stream: IO[bytes], file: ModelFile, progress: Progress) -> None:
    """Copy until the end, or one byte beyond the size that the manifest allows."""
    while stream.tell() <= file.size:
        chunk = answer.read(min(CHUNK_BYTES, file.size + 1 - stream.tell()))
        if not chunk:
            return
        stream.write(chunk)
        progress(file.path, stream.tell(), file.size)


def _need_right(file: ModelFile, part: Path) -> None:
    check = check_file(part, file)
    if check.fault:
        part.unlink(missing_ok=True)
        raise ManifestError(
            explain(
                f"this is not {file.path}",
                where=file.url,
                got=check.fault,
                expected=f"{file.size} bytes with sha256 {file.sha256}",
                next_step="nothing was installed; the address may serve another release",
            )
        )


def _size_of(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _say(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(reason) or type(error).__name__
