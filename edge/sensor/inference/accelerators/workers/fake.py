"""A worker that plays a script, for tests and for trying what a fault does. Python 3.7 and newer; needs numpy only.

Call: `python fake.py SCRIPT`, JSON: {"outputs": {name: shape}, "lives": [{"load": word, "good": n, "then": word}]}.
Each start of the worker plays the next life, the last one again and again: `load` is `ok` or a fault, then come `good`
answers, then `then`. Every number of an answer is the mean of the picture. Words: the kinds of `serving.Fault`, and
`hang`, `crash` (segmentation fault), `exit`, `garbled`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, Dict

import numpy as np
from serving import Fault, serve

LIFE = "PASSERBY_WORKER_LIFE"
"""Environment: how often the worker was started, from 1."""


class Life:
    """What this start of the worker does."""

    def __init__(self, script: Dict[str, Any], number: int) -> None:
        lives = script["lives"]
        life = lives[min(number, len(lives)) - 1]
        self._shapes = script["outputs"]
        self._load, self._then = life.get("load", "ok"), life.get("then", "hang")
        self._left = life.get("good", 1 << 60) + 1  # the first answer goes to the picture that warms it up

    def open(self, header: Dict[str, Any]) -> Any:
        """Take a network, or fail as the script says."""
        if self._load != "ok":
            fail(self._load)
        return self.infer

    def infer(self, picture: Any) -> Dict[str, Any]:
        """Answer, or fail as the script says."""
        self._left -= 1
        if self._left < 0:
            fail(self._then)
        return {name: np.full(shape, picture.mean(), np.float32) for name, shape in self._shapes.items()}


def fail(word: str) -> None:
    """Do what the word says; does not come back, or raises Fault."""
    if word == "hang":
        while True:
            signal.pause()
    if word == "crash":
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == "exit":
        sys.stderr.write("the script says exit\n")
        sys.stderr.flush()
        os._exit(7)
    if word == "garbled":
        while True:
            os.write(GARBLED_TO, b"\xff" * 4096)
    raise Fault(word, "the script says " + word)


GARBLED_TO = os.dup(1)
"""Where answers go, as it was when the process began."""


def main() -> int:
    """Play the life that it is time for."""
    life = Life(json.loads(sys.argv[1]), int(os.environ.get(LIFE, "1")))
    code: int = serve(life.open)
    return code


if __name__ == "__main__":
    sys.exit(main())
