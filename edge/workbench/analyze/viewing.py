"""Shows an analysis while it runs: each picture with its faces drawn in, footage at its own pace.

Workstation only: the sensor cannot import it. Nothing is written unless the key for it is pressed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge.clock import boottime
from edge.errors import BackendUnavailable, UsageError
from edge.schemas.analyze import AnalyzeError, Face
from edge.sensor.types import Image
from edge.settings.settings import Zone
from edge.workbench.analyze.annotation import annotate
from edge.workbench.analyze.listening import Seen, Visited, Watched
from edge.workbench.analyze.playback import Playback
from edge.workbench.analyze.window import CLOSED, Window

LEAVE = frozenset({CLOSED, "q", "escape"})
ON = frozenset({"space", "n", "right", "down", "next", "return"})
"""Keys that go on to the next picture."""
PAUSE, SAVE = "space", "s"
HINT = "n: next   s: save   q: quit"
_TOLD_S = 0.1
"""A delay that is worth a word."""
_LOOK_S = 0.2
"""Longest wait for a key before it is looked up whether one still has to wait."""

Save = Callable[[Seen, Image], str]
"""Writes a picture with its faces drawn in; returns where, or raises UsageError."""


class Viewer:
    """Shows what is seen in a window. Implements `Listener`; `go_on` and `idle` stand where the analysis waits.

    caption: what is written beside a face. zones: drawn too. paced: files keep their own pace; cameras have theirs.
    tell: takes a line about what was saved, or why it was not.
    """

    def __init__(
        self,
        window: Window,
        caption: Callable[[Face], Sequence[str]],
        save: Save,
        *,
        tell: Callable[[str], None],
        zones: Sequence[Zone] = (),
        paced: bool = True,
        clock: Callable[[], float] = boottime,
    ) -> None:
        self.left = False
        """Whether the person has had enough: of all sources."""
        self._window, self._caption, self._save, self._tell, self._zones = window, caption, save, tell, zones
        self._playback = Playback(clock) if paced else None
        self._paused = self._fresh = self._next = False
        self._skipped = 0
        self._seen: Seen | None = None
        self._drawn: Image | None = None
        self._last = ""

    def seen(self, seen: Seen) -> None:
        """Draw a picture or frame and show it, a frame of a file when it is due."""
        faces = seen.line.faces
        drawn = annotate(seen.image, faces, [self._caption(face) for face in faces], self._zones)
        self._await(seen)
        if self._seen is not None and seen.moving:
            self._skipped += max(0, seen.line.frame - self._seen.line.frame - 1)
        self._seen, self._drawn, self._fresh, self._last = seen, drawn, True, ""
        self._window.show(drawn, self._words())

    def visited(self, visit: Visited) -> None:
        """Visits are not shown."""

    def failed(self, failure: AnalyzeError) -> None:
        """The next source begins anew."""
        self._begin_anew()

    def ended(self, watched: Watched) -> None:
        """The next source begins anew."""
        self._begin_anew()

    def go_on(self) -> bool:
        """Hold a picture, or footage that is paused, until a key; False once the person has left."""
        self._heed(self._window.keys(0.0))
        while self._fresh and not self.left and not self._next and self._holds():
            self._heed(self._window.keys(_LOOK_S))
        self._fresh = self._next = False
        return not self.left

    def idle(self, seconds: float) -> None:
        """Wait, the window alive. Raises KeyboardInterrupt where the person leaves meanwhile."""
        self._heed(self._window.keys(seconds))
        if self.left:
            raise KeyboardInterrupt

    def _begin_anew(self) -> None:
        self._seen, self._drawn, self._skipped = None, None, 0
        if self._playback is not None:
            self._playback.begin_anew()

    def _holds(self) -> bool:
        return self._paused or (self._seen is not None and not self._seen.moving)

    def _await(self, seen: Seen) -> None:
        """Wait until a frame of a file is due, unless somebody pauses or leaves."""
        if self._playback is None or not seen.moving or seen.live:
            return
        while not (self._paused or self.left) and (wait_s := self._playback.wait_s(seen.line.time_s)) > 0:
            self._heed(self._window.keys(min(wait_s, _LOOK_S)))

    def _heed(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._press(key)

    def _press(self, key: str) -> None:
        if key in LEAVE:
            self.left = True
        elif key == SAVE:
            self._save_this()
        elif key == PAUSE and self._seen is not None and self._seen.moving:
            self._pause()
        elif key in ON and self._fresh and self._holds():
            self._next = True

    def _pause(self) -> None:
        self._paused = not self._paused
        if self._playback is not None:
            self._playback.resume()
        self._window.write(self._words())

    def _save_this(self) -> None:
        if self._seen is None or self._drawn is None:
            return
        try:
            self._last = f"saved {self._save(self._seen, self._drawn)}"
        except UsageError as error:
            self._last = f"not saved: {error}"
        self._tell(self._last)
        self._window.write(self._words())

    def _words(self) -> str:
        assert self._seen is not None
        line = self._seen.line
        parts = [line.source, {1: "1 face"}.get(len(line.faces), f"{len(line.faces)} faces")]
        if self._seen.moving:
            parts.append(f"frame {line.frame}, {line.time_s:.1f} s")
        if self._skipped:
            parts.append(f"{self._skipped} frames skipped")
        if self._playback is not None and self._playback.behind_s >= _TOLD_S:
            parts.append(f"{self._playback.behind_s:.1f} s behind its pace")
        pause = [f"space: {'go on' if self._paused else 'pause'}"] if self._seen.moving else []
        return "   ".join([*parts, self._last or "   ".join([*pause, HINT])])


def open_window() -> Window:
    """A window of Tk. Raises BackendUnavailable where Python has no Tk or there is no display."""
    try:
        from edge.workbench.analyze.tk_window import TkWindow
    except ImportError as error:
        reason = (
            "package tkinter is missing from this Python; install python3-tk, or use --annotate, which needs no window"
        )
        raise BackendUnavailable("--view", reason) from error
    return TkWindow()
