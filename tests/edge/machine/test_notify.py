"""What a service says to its manager."""

from __future__ import annotations

import socket
from pathlib import Path

from edge.machine.notify import Notifier


def test_a_service_that_still_hands_over_asks_for_more_time(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}).ending_takes(5.0)
        assert manager.recv(100) == b"EXTEND_TIMEOUT_USEC=5000000"
