"""Keeps OpenCV and its FFMPEG from writing to stderr: our errors report it in one line instead."""

from __future__ import annotations

import os

import cv2

_AV_LOG_QUIET = "-8"


def silence_vendors() -> None:
    """Silence OpenCV's and FFMPEG's own messages in this process; a level set by the user stays.

    Call before the first video is opened: OpenCV reads FFMPEG's level once.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _AV_LOG_QUIET)
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
