"""A window of Tk with a picture and a line of words."""

from __future__ import annotations

import time
import tkinter
from collections.abc import Sequence

from edge.clock import boottime
from edge.errors import BackendUnavailable
from edge.sensor.types import Image
from edge.workbench.analyze.fitting import LEAST_PX, fit, ppm
from edge.workbench.analyze.window import CLOSED

_POLL_S = 0.01
_ROOM_PX = 60, 140
"""Width and height of the screen that frames, bars and the words may take."""


class TkWindow:
    """Shows pictures and collects keys. Implements `viewing.Window`; for the main thread."""

    def __init__(self) -> None:
        """Raises BackendUnavailable where there is no display. The window comes with the first picture."""
        try:
            self._root = tkinter.Tk(className="passerby")
        except tkinter.TclError as error:
            reason = f"there is no display ({' '.join(str(error).split())}); "
            raise BackendUnavailable(
                "--view", reason + "call it in a desktop session, or use --annotate, which needs no window"
            ) from error
        self._root.withdraw()
        self._root.title("passerby analyze")
        self._photo = tkinter.PhotoImage(master=self._root)
        self._words = tkinter.StringVar(master=self._root)
        tkinter.Label(self._root, image=self._photo, borderwidth=0).pack()
        self._line = tkinter.Label(self._root, textvariable=self._words, anchor="w", justify="left")
        self._line.pack(fill="x")
        self._keys: list[str] = []
        self._root.bind("<Key>", lambda event: self._keys.append(event.keysym.lower()))
        self._root.protocol("WM_DELETE_WINDOW", lambda: self._keys.append(CLOSED))
        self._shown = self._closed = False

    def show(self, image: Image, words: str) -> None:
        """See `Window`."""
        within = self._root.winfo_screenwidth() - _ROOM_PX[0], self._root.winfo_screenheight() - _ROOM_PX[1]
        fitting = fit(image, within)
        self._photo.configure(data=ppm(fitting), format="PPM")
        self._line.configure(wraplength=max(LEAST_PX, fitting.shape[1] - 2))
        self.write(words)
        if not self._shown:
            self._shown = True
            self._root.deiconify()
            self._root.focus_force()
        self._root.update()

    def write(self, words: str) -> None:
        """See `Window`."""
        self._words.set(words)

    def keys(self, wait_s: float) -> Sequence[str]:
        """See `Window`."""
        until = boottime() + wait_s
        self._root.update()
        while not self._keys and (left_s := until - boottime()) > 0:
            time.sleep(min(_POLL_S, left_s))
            self._root.update()
        keys, self._keys = self._keys, []
        return keys

    def close(self) -> None:
        """See `Window`."""
        if not self._closed:
            self._closed = True
            self._root.destroy()
