"""What lies in the state folder is for its user alone."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process


def test_folder_and_outbox_are_for_their_user_alone(tmp_path: Path) -> None:
    state = tmp_path / "new" / "state"
    command = [sys.executable, "-m", "edge.cli", "publisher", "--drain", "--drain-timeout", "0", "--quiet"]
    environment = {**os.environ, "PASSERBY_STATE": str(state)}

    subprocess.run([*command, "--broker", "mqtt://127.0.0.1:1"], env=environment, check=True, timeout=60)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (state, *state.iterdir())}
    assert modes["state"] == 0o700
    assert modes["outbox.sqlite3"] == 0o600
