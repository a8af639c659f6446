"""A run's folder, and the device that it runs on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch

from edge.catalog.files import sha256_of
from edge.errors import BackendUnavailable, BadInput, UsageError, explain

LAST = "last.pt"
WEIGHTS = "weights.pt"
LOG = "log.jsonl"


def find_device(name: str) -> torch.device:
    """The device of this name: cpu, cuda, or auto for the best one available. Raises UsageError, BackendUnavailable."""
    if name not in ("cpu", "cuda", "auto"):
        raise UsageError(explain("unknown device", got=name, expected="cpu | cuda | auto"))
    if name == "cuda" and not torch.cuda.is_available():
        raise BackendUnavailable("cuda", "torch sees no GPU; use --device cpu, or install torch with CUDA")
    cuda = name != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if cuda else "cpu")


def claim_folder(folder: Path, *, resume: bool) -> None:
    """Make the folder; refuse to start a new run over one that could continue. Raises UsageError."""
    there = (folder / LAST).exists()
    if there and not resume:
        next_step = "--resume continues it; name another --out for a new one"
        raise UsageError(explain("holds a run", where=str(folder), next_step=next_step))
    if resume and not there:
        raise UsageError(explain("no run to continue", where=str(folder), expected=LAST))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(explain(f"cannot be made ({error.strerror})", where=str(folder))) from error


def digest_of(files: Iterable[Path]) -> str:
    """SHA-256 of each file's content, hexadecimal, joined by commas. Raises BadInput."""
    try:
        return ",".join(map(sha256_of, files))
    except OSError as error:
        raise BadInput(explain(f"cannot be read ({error.strerror})", where=str(error.filename))) from error


def weights_file(run: Path) -> Path:
    """The weights file in a run's folder; a path to a file is returned unchanged."""
    return run / WEIGHTS if run.is_dir() else run
