"""Python runs this at its start where the folder is on PYTHONPATH: a process then writes down the modules it loaded.

It does so when it puts up its walls (the first limit on the size of files), else at its end, into a file of the folder
that LOADED_MODULES names. No part of the product knows of it.
"""

from __future__ import annotations

import atexit
import os
import resource
import sys
from pathlib import Path

_FOLDER = os.environ.get("LOADED_MODULES")


def _write_down(moment: str) -> None:
    words = " ".join(sys.orig_argv[1:6])
    lines = [f"# {moment}: {words}", *sorted(sys.modules)]
    Path(str(_FOLDER), f"{os.getpid()}-{moment}").write_text("\n".join(lines))


def _at_the_lock(event: str, words: tuple[object, ...]) -> None:
    if event == "resource.setrlimit" and words[:2] == (resource.RLIMIT_FSIZE, (0, 0)):
        _write_down("lock")  # the hook comes before the limit: the file can still be written
        atexit.unregister(_write_down)


if _FOLDER:
    atexit.register(_write_down, "end")
    sys.addaudithook(_at_the_lock)
