"""How many pictures a source will give, as far as that is known without decoding them: for a progress bar."""

from __future__ import annotations

import tarfile
from pathlib import Path

from edge.sensor.sources.address import SourceKind
from edge.sensor.sources.animation import stated_frames
from edge.sensor.sources.decoder import open_file
from edge.sensor.sources.folder import list_folder
from edge.sensor.sources.picture import is_image
from edge.sensor.sources.whole_file import fits


def stated_pictures(address: str, kind: SourceKind) -> int | None:
    """Pictures of a folder or plain tar, frames of a video; None where nothing states it or it cannot be read."""
    try:
        if kind is SourceKind.FOLDER:
            return len(list_folder(Path(address)).names)
        if kind is SourceKind.TAR:
            with tarfile.open(address, "r:") as tar:
                return sum(is_image(member.name) for member in tar)
    except (OSError, tarfile.TarError, EOFError):
        return None
    if kind is SourceKind.ANIMATION:
        return _frames_of_animation(Path(address))
    return _frames(Path(address)) if kind is SourceKind.VIDEO else None


def _frames_of_animation(path: Path) -> int | None:
    return stated_frames(path.read_bytes()) if fits(path) else None


def _frames(path: Path) -> int | None:
    try:
        decoder = open_file(path)
    except OSError:
        return None
    frames = decoder.stated_frames
    decoder.close()
    return frames or None
