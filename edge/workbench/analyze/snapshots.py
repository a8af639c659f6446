"""Single pictures that a person asks for while they look on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge.files import make_folder
from edge.sensor.types import Image
from edge.workbench.analyze.annotation import write_picture
from edge.workbench.analyze.drawings import PICTURE_SUFFIXES, VIDEO_SUFFIX, need_free, paths_of
from edge.workbench.analyze.listening import Seen
from edge.workbench.analyze.sources import Source


class Snapshots:
    """Writes pictures with the faces drawn in under names of their own, over no file that is there.

    Where `--annotate` writes: into its folder or beside its file; without it, into the folder that one stands in.
    """

    def __init__(self, annotate: Path | None, sources: Sequence[Source]) -> None:
        self._folder = _folder(annotate)
        self._inputs = paths_of(sources)

    def save(self, seen: Seen, drawn: Image) -> str:
        """Write the picture, NAME-faces.jpg or NAME-FRAME.jpg; returns its path. Raises UsageError."""
        stem = f"{seen.place.stem}-{seen.line.frame if seen.moving else 'faces'}"
        file, number = self._folder / f"{stem}.jpg", 1
        while file.exists():
            number += 1
            file = self._folder / f"{stem}-{number}.jpg"
        need_free(file, self._inputs, "--view")
        make_folder(self._folder)
        write_picture(file, drawn)
        return str(file)


def _folder(annotate: Path | None) -> Path:
    if annotate is None:
        return Path()
    is_file = annotate.suffix.lower() in (*PICTURE_SUFFIXES, VIDEO_SUFFIX) and not annotate.is_dir()
    return annotate.parent if is_file else annotate
