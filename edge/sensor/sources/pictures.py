"""Single pictures: an image, a folder of images, a tar of images; one at a time in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from edge.clock import boottime
from edge.errors import BadInput, UsageError, explain
from edge.sensor.sources.address import SourceKind
from edge.sensor.sources.folder import read_folder
from edge.sensor.sources.path_kind import kind_of_source
from edge.sensor.sources.picture import Picture, Tell, decoded, warn
from edge.sensor.sources.tar import read_tar
from edge.sensor.sources.whole_file import read_file
from edge.sensor.types import Frame


def read_pictures(address: str, tell: Tell = warn) -> Iterator[Picture]:
    """Pictures of an image, folder (as people count, subfolders too) or tar (in its own order), read one by one.

    What is a picture is decided by its first bytes, whatever it is called. A bad picture comes as an error and the rest
    go on; a truncated tar gives its good members, then an error; tell: takes a line about what else there is and is
    left out. Raises BadInput when the address cannot be read at all or holds no image, UsageError when it is no source
    of pictures.
    """
    path = Path(address)
    if path.is_dir():
        return read_folder(path, tell)
    if not path.exists():
        raise BadInput(explain("no such file or folder", where=address))
    kind = kind_of_source(address)
    if kind is SourceKind.TAR:
        return read_tar(path, tell)
    if kind in (SourceKind.IMAGE, SourceKind.ANIMATION):
        return decoded(address, lambda: read_file(path, address))
    raise UsageError(explain("not a source of pictures", where=address, expected="an image, a folder or a tar"))


class PictureSource:
    """Pictures as frames at a given rate; a bad picture ends it. Implements `ports.FrameSource`."""

    live = False

    def __init__(self, pictures: Iterator[Picture], fps: float, start_at: float) -> None:
        self._pictures: Iterator[Picture] | None = pictures
        self._fps = fps
        self._start_at = start_at
        self._index = 0

    def read(self) -> Frame | None:
        """Return the next picture, or None at the end. Raises BadInput at a bad picture."""
        picture = next(self._pictures, None) if self._pictures is not None else None
        if picture is None or picture.image is None:
            self.close()
            if picture is not None and picture.error is not None:
                raise picture.error
            return None
        frame = Frame(picture.image, self._index, self._start_at + self._index / self._fps)
        self._index += 1
        return frame

    def close(self) -> None:
        """Stop reading; safe to call twice."""
        self._pictures = None


def open_pictures(
    address: str, fps: float, start_at: float | None = None, clock: Callable[[], float] = boottime
) -> PictureSource:
    """Pictures as frames, the first at start_at (default now), then 1/fps s apart. Raises BadInput."""
    return PictureSource(read_pictures(address), fps, clock() if start_at is None else start_at)
