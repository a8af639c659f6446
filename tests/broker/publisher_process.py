"""Runs a publisher as a process of its own: `python -m tests.broker.publisher_process STATE TOML [DRAIN_S [now]]`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from edge.errors import PasserbyError
from edge.publisher.publisher import run_publisher
from edge.settings.settings_file import load_settings


def main(state: str, toml: str, drain_s: str = "", now: str = "") -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        return run_publisher(
            load_settings(Path(toml)),
            Path(state),
            model_set="best@1.0.0",
            drain_timeout_s=float(drain_s) if drain_s else None,
            drain_now=bool(now),
        )
    except PasserbyError as error:
        sys.stderr.write(f"passerby: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
