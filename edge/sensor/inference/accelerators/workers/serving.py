"""What every worker does: open the networks that it is sent, answer pictures, report faults. Python 3.7 on.

In: {"load": id, ...} or {"infer": id, "ticket": n} with the array `pictures` uint8 (N, H, W, 3). Out: {"loaded": id},
{"ticket": n} with the network's outputs, or {"fault": kind, "reason": text}, after which the worker ends.
"""

from __future__ import annotations

import sys
from typing import IO, Any, Callable, Dict, Tuple, Type

import numpy as np

try:
    from edge.sensor.inference.accelerators.workers import framing
except ImportError:  # in an interpreter of its own
    import framing  # type: ignore[no-redef]

Infer = Callable[[Any], Dict[str, Any]]
"""One picture uint8 (1, H, W, 3) to the outputs by name."""
Lost = Tuple[Type[BaseException], ...]
Open = Callable[[Dict[str, Any]], Infer]
REASON_CHARS = 300


class Fault(Exception):
    """Why the worker cannot go on. kind: `library`, `device`, `firmware` or `model`."""

    def __init__(self, kind: str, reason: object) -> None:
        super().__init__(kind)
        self.kind = kind
        self.reason = " ".join(str(reason).split())[:REASON_CHARS]


def serve(open_network: Open, lost: Lost = (RuntimeError,)) -> int:
    """Answer until the sensor closes the pipe. lost: what the vendor's library raises when the device is gone."""
    answers = framing.take_stdout()
    networks: Dict[str, Infer] = {}
    while True:
        try:
            header, arrays = framing.receive(sys.stdin.buffer)
        except EOFError:
            return 0
        try:
            _obey(header, arrays, networks, open_network, answers, lost)
        except Fault as fault:
            framing.send(answers, {"fault": fault.kind, "reason": fault.reason}, {})
            return 1


def _obey(
    header: Dict[str, Any],
    arrays: Dict[str, Any],
    networks: Dict[str, Infer],
    open_network: Open,
    answers: IO[bytes],
    lost: Lost,
) -> None:
    if "load" in header:
        infer = open_network(header)
        _answer(infer, np.zeros((1, *header["hw"], 3), np.uint8), lost)  # the first inference is slow everywhere
        networks[header["load"]] = infer
        framing.send(answers, {"loaded": header["load"]}, {})
        return
    infer = networks[header["infer"]]
    runs = [_answer(infer, picture[None], lost) for picture in arrays["pictures"]]
    outputs = {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}
    framing.send(answers, {"ticket": header["ticket"]}, outputs)


def _answer(infer: Infer, picture: Any, lost: Lost) -> Dict[str, Any]:
    try:
        return infer(picture)
    except lost as error:
        raise Fault("device", error) from error
