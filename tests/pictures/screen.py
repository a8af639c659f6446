"""A screen that nobody sees (Xvfb): what is on it, and keys that are pressed at it."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edge.sensor.types import Image
from tests.conftest import need_program

SIZE_WH = (1600, 1200)
PATIENCE_S = 60.0


class Screen:
    """A running Xvfb. `environment`: for a program that shall open its windows there."""

    def __init__(self, number: str, memory: Path) -> None:
        self.environment = os.environ | {"DISPLAY": f":{number}"}
        self._memory = memory

    def image(self) -> Image:
        """What is on it: uint8 (H, W, 3) BGR, from the X window dump (XWDFile.h) that Xvfb keeps."""
        content = np.frombuffer(self._memory.read_bytes(), np.uint8)
        header = content[:100].view(">u4")
        begin, width, height, pitch = int(header[0] + 12 * header[19]), header[4], header[5], header[12]
        rows = content[begin : begin + height * pitch].reshape(height, pitch)
        return np.ascontiguousarray(rows[:, : width * 4].reshape(height, width, 4)[..., :3])

    def wait_until(self, shows: Callable[[Image], bool]) -> Image:
        """The picture once it shows something. Raises AssertionError when that does not come."""
        end = time.monotonic() + PATIENCE_S
        while not shows(image := self.image()):
            assert time.monotonic() < end, "the screen never showed it"
            time.sleep(0.05)
        return image

    def press(self, key: str) -> None:
        """Press a key (a name of keysymdef.h, such as `space`) in the window that has the focus."""
        subprocess.run([sys.executable, __file__, key], env=self.environment, check=True, timeout=PATIENCE_S)


@contextmanager
def screen(folder: Path) -> Iterator[Screen]:
    """A screen of 1600x1200 px for the length of the block; skips, or fails in CI, where Xvfb is not installed."""
    reader, writer = os.pipe()
    words = [
        need_program("Xvfb"),
        "-displayfd",
        str(writer),
        "-screen",
        "0",
        f"{SIZE_WH[0]}x{SIZE_WH[1]}x24",
        "-fbdir",
        str(folder),
    ]
    with subprocess.Popen(
        [*words, "-nolisten", "tcp"], pass_fds=[writer], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        os.close(writer)
        try:
            with os.fdopen(reader) as told:
                number = told.readline().strip()
            assert number, "Xvfb did not start"
            yield Screen(number, folder / "Xvfb_screen0")
        finally:
            process.terminate()


class _KeyEvent(ctypes.Structure):
    """XKeyEvent of Xlib.h, filled up to the size of an XEvent."""

    _fields_ = [
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong), ("root", ctypes.c_ulong), ("subwindow", ctypes.c_ulong), ("time", ctypes.c_ulong),
        ("x", ctypes.c_int), ("y", ctypes.c_int), ("x_root", ctypes.c_int), ("y_root", ctypes.c_int),
        ("state", ctypes.c_uint), ("keycode", ctypes.c_uint), ("same_screen", ctypes.c_int),
        ("rest", ctypes.c_long * 12),
    ]  # fmt: skip


def _press(key: str) -> None:
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XStringToKeysym.restype = ctypes.c_ulong
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    window, revert = ctypes.c_ulong(), ctypes.c_int()
    while window.value <= 1:  # None or PointerRoot: the program has not taken the focus yet
        x11.XGetInputFocus(display, ctypes.byref(window), ctypes.byref(revert))
        time.sleep(0.02)
    code = x11.XKeysymToKeycode(display, ctypes.c_ulong(x11.XStringToKeysym(key.encode())))
    for kind, mask in ((2, 1), (3, 2)):  # KeyPress, KeyRelease
        event = _KeyEvent(type=kind, display=display, window=window, same_screen=1, keycode=code)
        assert x11.XSendEvent(display, window, 1, ctypes.c_long(mask), ctypes.byref(event))
    x11.XSync(display, 0)


if __name__ == "__main__":
    _press(sys.argv[1])
