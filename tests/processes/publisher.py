"""Runs a publisher as a process of its own: `python -m tests.processes.publisher STATE TOML [DRAIN_S [now]]`."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from edge.errors import PasserbyError
from edge.publisher.publisher import run_publisher
from edge.settings.settings_file import load_settings
from tests.places import ROOT


class PublisherProcess:
    """A publisher that can be killed; its settings are a real file."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.state = folder / "state"
        self.toml = folder / "passerby.toml"
        self.toml.write_text(settings)
        self._log = folder / "publisher.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def socket(self) -> Path:
        return self.state / "link.sock"

    def start(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "tests.processes.publisher", str(self.state), str(self.toml)]
            self._process = subprocess.Popen(
                [*command, *arguments],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env=os.environ | (environment or {}),
            )

    def kill(self) -> None:
        self.end_by(signal.SIGKILL)

    def terminate(self) -> int:
        return self.end_by(signal.SIGTERM)

    def wait(self, within_s: float = 20.0) -> int:
        assert self._process is not None
        return self._process.wait(within_s)

    def log(self) -> str:
        return self._log.read_text()

    def outbox_rows(self) -> int:
        """Events in the outbox, read beside the publisher."""
        with contextlib.closing(sqlite3.connect(self.state / "outbox.sqlite3")) as database:
            return int(database.execute("SELECT count(*) FROM events").fetchone()[0])

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def end_by(self, number: int) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(20)


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
