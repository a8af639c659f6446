"""Switches that keep vendor libraries from phoning home, set before each library is imported; and from chatting."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STDERR = 2
PIPE_BYTES = 65536


def silence_openvino() -> None:
    """Let `import openvino` find no telemetry package: it then resolves no host and writes no file."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


@contextmanager
def without_converter() -> Iterator[None]:
    """Let `import openvino` leave its model converter out, which a device never needs: 60 to 90 ms of the start."""
    name = "openvino.tools.ovc"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


def silence_onnxruntime() -> None:
    """Keep onnxruntime 1.29 and later from writing a device id."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


@contextmanager
def without_info_lines() -> Iterator[None]:
    """Keep what a library's native code prints for information (lines that begin with INFO) from stderr.

    LiteRT has no switch for it. Other lines come out at the end; more than a pipe holds (64 KiB) is lost. What other
    threads write to stderr meanwhile takes the same way.
    """
    try:
        stderr = os.dup(STDERR)
    except OSError:  # there is none
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    try:
        os.dup2(writing, STDERR)
        yield
    finally:
        os.dup2(stderr, STDERR)
        _pass_on(reading, stderr)
        for descriptor in (stderr, reading, writing):
            os.close(descriptor)


def _pass_on(reading: int, stderr: int) -> None:
    with suppress(OSError):  # nothing was written, or nobody reads stderr
        lines = os.read(reading, PIPE_BYTES).splitlines(keepends=True)
        os.write(stderr, b"".join(line for line in lines if not line.startswith(b"INFO")))
