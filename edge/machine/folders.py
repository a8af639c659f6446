"""Folders outside the program: state (outbox, link socket) and installed models."""

from __future__ import annotations

import os
from pathlib import Path


def state_dir() -> Path:
    """`PASSERBY_STATE`, else /var/lib/passerby where it may be written, else `$XDG_STATE_HOME/passerby`."""
    if chosen := os.environ.get("PASSERBY_STATE"):
        return Path(chosen)
    system = Path("/var/lib/passerby")
    if system.is_dir() and os.access(system, os.W_OK):
        return system
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "passerby"


def models_dir() -> Path:
    """Where `passerby models import|fetch` installs files: `PASSERBY_MODELS`, else `models` in the state folder."""
    chosen = os.environ.get("PASSERBY_MODELS")
    return Path(chosen) if chosen else state_dir() / "models"
