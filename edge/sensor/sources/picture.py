"""One picture of several, or why it could not be read, and what lies beside the pictures and is left out."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from edge.errors import BadInput, explain
from edge.sensor.sources.address import IMAGE_SUFFIXES, MOTION_JPEG_SUFFIXES, VIDEO_SUFFIXES
from edge.sensor.sources.animation import Shown, is_animated, read_animation
from edge.sensor.sources.image_file import decode_pages, need_format
from edge.sensor.sources.image_format import image_format, is_footage, is_tar, unread_format
from edge.sensor.types import Image

MOST_NAMED = 10
"""Names in a line about what was left out; of the others it tells the number."""

_log = logging.getLogger(__name__)
_DIGITS = re.compile(r"([0-9]+)")

Tell = Callable[[str], None]
"""Takes one line for the user."""


def warn(line: str) -> None:
    """Log a line as a warning: the `Tell` of who has no better place."""
    _log.warning("%s", line)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, or why it could not be read.

    name: the address of a single image, else the path inside the folder or tar (the tar's own address when the tar
    itself is damaged). image: uint8 (H, W, 3) BGR or None. error: None or what is wrong. frame: which page or frame of
    its file, from 0. at_s: seconds from the first frame of an animation.
    """

    name: str
    image: Image | None
    error: BadInput | None
    frame: int = 0
    at_s: float = 0.0


def decoded(name: str, read: Callable[[], bytes]) -> Iterator[Picture]:
    """Read and decode a file: its picture, its pages or its frames, one at a time; what is wrong becomes an error."""
    frame = 0
    try:
        for frame, (image, at_s) in enumerate(_shown(read(), name)):
            yield Picture(name, image, None, frame, at_s)
            frame += 1
    except BadInput as error:
        yield Picture(name, None, error, frame)


def _shown(content: bytes, name: str) -> Iterator[Shown]:
    if is_animated(content, need_format(content, name)):
        return read_animation(content, name)
    return ((image, 0.0) for image in decode_pages(content, name))


def is_image(name: str) -> bool:
    """Whether a name claims to be a picture's; hidden ones do not."""
    path = PurePosixPath(name)
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def why_left_out(name: str, head: bytes) -> str:
    """Why a folder's or tar's member is no picture, by its first bytes and, where they show nothing, its name.

    Empty for what is one: a picture by its bytes, whatever it is called, and what is called one, whatever is in it.
    """
    if PurePosixPath(name).name.startswith("."):
        return "hidden"
    suffix = PurePosixPath(name).suffix.lower()
    if is_footage(head) or suffix in MOTION_JPEG_SUFFIXES:
        return "a video"
    if image_format(head) or unread_format(head) or is_image(name):
        return ""
    if suffix in VIDEO_SUFFIXES:
        return "a video"
    return "packed" if is_tar(head) else "not a picture"


def natural(name: str) -> tuple[object, ...]:
    """A key that sorts names as people count: 2 before 10. Equal numbers written differently keep a fixed order."""
    parts = PurePosixPath(name).parts
    return tuple(tuple(_number_or_word(word) for word in _DIGITS.split(part)) for part in parts), name


def _number_or_word(word: str) -> int | str:
    return int(word) if _DIGITS.fullmatch(word) else word


class LeftOut:
    """Collects what is left out, for one line."""

    def __init__(self) -> None:
        self._named: list[str] = []
        self._count = 0

    def add(self, name: str, why: str) -> None:
        """One more that is left out."""
        self._count += 1
        if len(self._named) < MOST_NAMED:
            self._named.append(f"{name} ({why})")

    @property
    def words(self) -> str | None:
        """How many files are left out, and which; None for none."""
        if not self._count:
            return None
        more = f" and {self._count - len(self._named)} more" if self._count > len(self._named) else ""
        return f"{self._count} file{'' if self._count == 1 else 's'} left out: {', '.join(self._named)}{more}"

    def tell(self, where: str, tell: Tell) -> None:
        """Name them in one line; nothing where there are none."""
        if self.words:
            tell(explain(self.words, where=where))
