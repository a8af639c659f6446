"""Landlock, where the kernel has it: no file or folder may be written, made, renamed or removed (landlock(7)).

A second wall behind seccomp that covers this thread and the threads and processes it starts later. Raspberry Pi's
kernels lack it.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on x86-64 and aarch64
_PATH_BENEATH = 1
_VERSION = 1
_WRITE_FILE, _REMOVE_TO_MAKE_SYM, _REFER, _TRUNCATE = 1 << 1, 0x1FF << 4, 1 << 13, 1 << 14
_REFER_SINCE, _TRUNCATE_SINCE = 2, 3


def landlock_version() -> int:
    """Landlock's version in this kernel; 0 where it is missing or switched off."""
    version: int = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    return max(0, version)


class _PathBeneath(ctypes.Structure):
    """`struct landlock_path_beneath_attr` (linux/landlock.h)."""

    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def restrict_writing(devices: Iterable[Path] = ()) -> bool:
    """Refuse this thread every change of the file system, for good; False where the kernel cannot.

    devices: device nodes, or folders of them, that may still be opened for writing; those that are missing are left
    out. Needs no_new_privs to be set. Files that are open stay as they are.
    """
    rights = _rights(landlock_version())
    if not rights:
        return False
    handled = ctypes.c_uint64(rights)
    ruleset = _libc().syscall(
        _CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(ctypes.sizeof(handled)), ctypes.c_uint32(0)
    )
    if ruleset < 0:
        return False
    try:
        for device in devices:
            _allow_writing(ruleset, device)
        return bool(_libc().syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)) == 0)
    finally:
        os.close(ruleset)


def _allow_writing(ruleset: int, place: Path) -> None:
    try:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    rule = _PathBeneath(_WRITE_FILE, opened)
    zero = ctypes.c_uint32(0)
    _libc().syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), zero)
    os.close(opened)


def _rights(version: int) -> int:
    if version == 0:
        return 0
    refer = _REFER if version >= _REFER_SINCE else 0
    truncate = _TRUNCATE if version >= _TRUNCATE_SINCE else 0
    return _WRITE_FILE | _REMOVE_TO_MAKE_SYM | refer | truncate


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
