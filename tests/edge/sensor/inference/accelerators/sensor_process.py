"""The real sensor, locked, on an accelerator whose worker plays a script: arguments are the link's socket, the worker's
command and the settings, both as JSON."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import msgspec

from edge.machine.stopping import Stop
from edge.sensor.sensor import Sensor
from edge.settings.settings import Settings


def main(link: str, command: str, settings: str) -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    worker = tuple(json.loads(command))
    read = msgspec.json.decode(settings, type=Settings)
    stop = Stop()
    stop.obey_signals()
    return Sensor(read, Path(link), stop, worker_command=lambda target: worker).run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
