"""One publisher a state folder: an advisory lock that the kernel releases with the process, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType

from edge.errors import AlreadyRunning, ConfigError, explain

LOCK_NAME = "publisher.lock"
_PID_BYTES = 20
"""Always so many, filled up with spaces: a pid takes the place of another one without room on the disk."""


class FolderLock:
    """Holds the state folder while it is open; makes the folder (0700) where there is none."""

    def __init__(self, folder: Path) -> None:
        """Take the lock. Raises AlreadyRunning with the holder's pid, ConfigError for a folder that cannot be used."""
        path = folder / LOCK_NAME
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(
                explain(
                    f"cannot be used as state folder ({error.strerror})",
                    where=str(folder),
                    next_step="set PASSERBY_STATE to a folder that this user may write",
                )
            ) from error
        self._lock(path)

    def _lock(self, path: Path) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, _PID_BYTES, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise AlreadyRunning(
                explain(
                    f"another publisher (pid {holder}) holds this state folder",
                    where=str(path.parent),
                    next_step="stop it, or set PASSERBY_STATE to another folder",
                )
            ) from None
        with contextlib.suppress(OSError):  # a full disk: the lock holds without the pid, which is for messages only
            os.pwrite(self._descriptor, f"{os.getpid():<{_PID_BYTES}}".encode(), 0)

    def close(self) -> None:
        """Release the folder; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
