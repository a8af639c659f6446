"""Keeps only the newest frame of a live source: a slow reader skips frames instead of falling behind."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edge.clock import boottime
from edge.errors import CameraLost, PasserbyError, explain
from edge.sensor.ports import FrameSource
from edge.sensor.types import Frame

_JOIN_S = 15.0
"""Longer than any source here waits for a frame (OpenCV's V4L2: 10 s)."""

_WAITING_S = 1.0
"""Between two signs that the reader still waits."""


class NewestFrame:
    """One slot that a capture thread fills and the reader empties. Implements `ports.FrameSource`.

    `frame.index` is the source's sequence number: a gap is what was skipped. The thread alone touches the source.
    """

    live = True

    def __init__(
        self,
        source: FrameSource,
        max_frame_age_s: float,
        *,
        silent_after_s: float = 10.0,
        waiting: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = boottime,
    ) -> None:
        """Start capturing. Older frames than max_frame_age_s are skipped; no frame in silent_after_s is CameraLost.

        waiting is called about once a second while `read` waits.
        """
        self._source = source
        self._max_frame_age_s = max_frame_age_s
        self._silent_after_s = silent_after_s
        self._waiting = waiting
        self._clock = clock
        self._changed = threading.Condition()
        self._slot: Frame | None = None
        self._error: PasserbyError | None = None
        self._ended = self._stopping = False
        self._dropped = 0
        self._thread = threading.Thread(target=self._capture, name="capture", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Frames that the reader never got: overtaken by a newer one or too old."""
        with self._changed:
            return self._dropped

    def read(self) -> Frame | None:
        """Wait for a frame newer than the last; None at the end.

        Raises the source's CameraLost or BadInput, and CameraLost when the source is silent or gives old frames only;
        again at each call.
        """
        deadline = self._clock() + self._silent_after_s
        with self._changed:
            while True:
                left_s = deadline - self._clock()
                if left_s <= 0 or not self._something_comes(left_s):
                    raise self._silent()
                if self._slot is None:
                    if self._error is not None:
                        raise self._error
                    return None
                frame, self._slot = self._slot, None
                if self._clock() - frame.captured_at <= self._max_frame_age_s:
                    return frame
                self._dropped += 1

    def _something_comes(self, within_s: float) -> bool:
        """Whether a frame or the end comes in time; `waiting` is called after each second without."""
        while within_s > _WAITING_S:
            if self._changed.wait_for(self._has_something, _WAITING_S):
                return True
            self._waiting()
            within_s -= _WAITING_S
        return self._changed.wait_for(self._has_something, within_s)

    def _has_something(self) -> bool:
        return self._slot is not None or self._ended

    def _silent(self) -> CameraLost:
        what = f"no frame younger than {self._max_frame_age_s:g} s for {self._silent_after_s:g} s"
        return CameraLost(explain(what, where="camera"))

    def close(self) -> None:
        """Stop capturing, wait for the thread, which closes the source; safe to call twice."""
        with self._changed:
            self._stopping = True
            self._slot = None
        self._thread.join(_JOIN_S)

    def _capture(self) -> None:
        # Until the thread reports otherwise, an end is a fault: a bug in a source must not pass for the end of a clip.
        error: PasserbyError | None = CameraLost(explain("capture stopped unexpectedly", where="camera"))
        try:
            self._fill()
            error = None
        except PasserbyError as raised:
            error = raised
        finally:
            self._source.close()
            with self._changed:
                self._error, self._ended = error, True
                self._changed.notify_all()

    def _fill(self) -> None:
        while not self._stopping:
            frame = self._source.read()
            if frame is None:
                return
            with self._changed:
                self._dropped += self._slot is not None
                self._slot = None if self._stopping else frame
                self._changed.notify_all()
