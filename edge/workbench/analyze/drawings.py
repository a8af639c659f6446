"""Annotated files: one picture, one video, or a folder with a file for each picture and footage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from edge.errors import UsageError, explain
from edge.files import is_utf8, make_folder
from edge.schemas.analyze import AnalyzeError, Face
from edge.sensor.sources.address import SourceKind
from edge.settings.settings import Zone
from edge.workbench.analyze.annotation import VideoFile, annotate, write_picture
from edge.workbench.analyze.listening import Seen, Visited, Watched
from edge.workbench.analyze.sources import Source

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")
VIDEO_SUFFIX = ".mp4"


class Drawings:
    """Draws what is seen into files; a video that does not come to its end is discarded. Implements `Listener`.

    out: OUT.mp4 for one footage, OUT.jpg or .png for one image, else a folder, which is made. caption: what is written
    beside a face. zones: drawn too. Raises UsageError for an `out` that does not fit the sources or would overwrite
    one.
    """

    def __init__(
        self,
        out: Path,
        sources: Sequence[Source],
        caption: Callable[[Face], Sequence[str]],
        zones: Sequence[Zone] = (),
    ) -> None:
        self._out, self._caption, self._zones = out, caption, zones
        self._one_file = out.suffix.lower() in (*PICTURE_SUFFIXES, VIDEO_SUFFIX) and not out.is_dir()
        self._inputs = paths_of(sources)
        self._used: set[Path] = set()
        self._video: VideoFile | None = None
        self._check(sources)

    def seen(self, seen: Seen) -> None:
        """Draw a picture or frame. Raises UsageError when it cannot be written."""
        faces = seen.line.faces
        drawn = annotate(seen.image, faces, [self._caption(face) for face in faces], self._zones)
        if not seen.moving:
            write_picture(self._file(seen.place, ".jpg"), drawn)
            return
        if self._video is None:
            self._video = VideoFile(self._file(seen.place, VIDEO_SUFFIX))
        self._video.add(drawn, seen.line.time_s)

    def visited(self, visit: Visited) -> None:
        """Visits are not drawn."""

    def failed(self, failure: AnalyzeError) -> None:
        """Discard a video that was cut off."""
        self.close()

    def ended(self, watched: Watched) -> None:
        """Give the video its name."""
        if self._video is not None:
            video, self._video = self._video, None
            video.finish()

    def close(self) -> None:
        """Discard what has not come to its end."""
        if self._video is not None:
            video, self._video = self._video, None
            video.discard()

    def _check(self, sources: Sequence[Source]) -> None:
        if not is_utf8(str(self._out.resolve())) and not all(source.is_pictures for source in sources):
            what = "a video cannot have a name that is not UTF-8"
            raise UsageError(explain(what, where="--annotate", got=self._out, next_step="choose another name"))
        if self._one_file:
            self._need_one_fitting(sources)
            need_free(self._out, self._inputs, "--annotate")
        elif self._out.suffix and not self._out.is_dir():
            expected = f"OUT{VIDEO_SUFFIX}, OUT.jpg, OUT.png or a folder"
            raise UsageError(explain("unknown kind of file", where="--annotate", got=self._out, expected=expected))
        for source in sources:
            if not self._one_file and source.kind.is_path:
                need_free(self._out / source.named.place, self._inputs, "--annotate")

    def _need_one_fitting(self, sources: Sequence[Source]) -> None:
        wants_video = self._out.suffix.lower() == VIDEO_SUFFIX
        fits = not sources[0].is_pictures if wants_video else sources[0].kind is SourceKind.IMAGE
        if len(sources) > 1 or not fits:
            expected = "one video or camera" if wants_video else "one image"
            raise UsageError(
                explain(
                    "the file does not fit the sources", where="--annotate", got=self._out,
                    expected=f"{expected} for {self._out.suffix}", next_step="name a folder to get a file for each",
                )
            )  # fmt: skip

    def _file(self, place: PurePosixPath, suffix: str) -> Path:
        """The file to write, its folder made; never an input, never one that this run wrote."""
        if self._one_file:
            self._need_first()
            return self._out
        wanted = (self._out / place).with_suffix(suffix)
        file, number = wanted, 1
        while file in self._used:
            number += 1
            file = wanted.with_stem(f"{wanted.stem}-{number}")
        self._used.add(file)
        need_free(file, self._inputs, "--annotate")
        make_folder(file.parent)
        return file

    def _need_first(self) -> None:
        """Raises UsageError at the second page of an image, which would overwrite the first."""
        if self._out in self._used:
            next_step = "name a folder to get a file for each"
            raise UsageError(
                explain("the image has several pages", where="--annotate", got=self._out, next_step=next_step)
            )
        self._used.add(self._out)


def paths_of(sources: Sequence[Source]) -> list[Path]:
    """Files and folders that are read."""
    return [Path(source.address).resolve() for source in sources if source.kind.is_path]


def need_free(file: Path, inputs: Sequence[Path], where: str) -> None:
    """Raises UsageError where the file is an input or lies in a folder that is one; `where`: the flag that wants it."""
    resolved = file.resolve()
    for given in inputs:
        if given == resolved or given in resolved.parents:
            raise UsageError(explain("would overwrite or mix with the source", where=where, got=file))
