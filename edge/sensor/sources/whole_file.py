"""Reads a picture's file whole, up to a size."""

from __future__ import annotations

from pathlib import Path

from edge.errors import BadInput, explain

MAX_IMAGE_BYTES = 256 * 2**20
"""Larger files are refused instead of read into memory."""


def fits(path: Path) -> bool:
    """Whether it is a file of MAX_IMAGE_BYTES or less."""
    return path.is_file() and path.stat().st_size <= MAX_IMAGE_BYTES


def read_file(path: Path, name: str) -> bytes:
    """All of a file. Raises BadInput where it cannot be read or is too large."""
    try:
        refuse_large(path.stat().st_size, name)
        return path.read_bytes()
    except OSError as error:
        raise BadInput(explain("file cannot be read", where=name, got=error.strerror)) from error


def refuse_large(size: int, name: str) -> None:
    """Raise BadInput for a file of more than MAX_IMAGE_BYTES."""
    if size > MAX_IMAGE_BYTES:
        raise BadInput(
            explain("image file too large", where=name, got=size, expected=f"{MAX_IMAGE_BYTES} bytes or less")
        )
