"""Seccomp filters through libseccomp.so.2, by ctypes: it knows the system call numbers of each machine (seccomp(3)).

A filter starts by allowing everything; rules take away. It cannot be undone, and a call through another machine's
entry (32-bit, x32) ends the process, which is libseccomp's default for calls it does not know the meaning of.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from edge.errors import LockUnavailable, explain

_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000
_KILL_PROCESS = 0x80000000
_BAD_ARCHITECTURE, _ALL_THREADS, _OPTIMIZE = 2, 4, 8  # enum scmp_filter_attr
_BINARY_TREE = 2
_UNKNOWN = -1


class Compare(IntEnum):
    """How an argument of a system call is compared with a value (enum scmp_compare)."""

    NOT_EQUAL = 1
    EQUAL = 4
    GREATER = 6
    MASKED_EQUAL = 7


class Argument(NamedTuple):
    """A condition on one argument. For MASKED_EQUAL, `value` is the mask and `masked` what must remain."""

    position: int
    compare: Compare
    value: int
    masked: int = 0


class Refusal(NamedTuple):
    """A system call that fails with `errno` where `argument` holds, or always. `call`: a name, or a number."""

    call: str | int
    errno: int
    argument: Argument | None = None


class _ArgumentStruct(ctypes.Structure):
    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


class SeccompFilter:
    """One filter, built rule by rule and then loaded for every thread of the process."""

    def __init__(self) -> None:
        """Raises LockUnavailable where libseccomp is not installed or too old."""
        self._library = _open_library()
        self._context = self._library.seccomp_init(_ALLOW)
        if not self._context:
            raise LockUnavailable(explain("libseccomp made no filter"))
        self._set(_BAD_ARCHITECTURE, _KILL_PROCESS)
        self._set(_ALL_THREADS, 1)
        self._set(_OPTIMIZE, _BINARY_TREE)

    def refuse(self, refusals: Iterable[Refusal]) -> None:
        """Add rules; a call that this machine does not have is left out. Raises LockUnavailable."""
        for refusal in refusals:
            number = refusal.call if isinstance(refusal.call, int) else self._number(refusal.call)
            arguments = [] if refusal.argument is None else [_ArgumentStruct(*refusal.argument)]
            array = (_ArgumentStruct * len(arguments))(*arguments)
            self._check(
                self._library.seccomp_rule_add_array(
                    self._context, _REFUSE | refusal.errno, number, len(arguments), array
                ),
                f"rule for {refusal.call}",
            )

    def load(self) -> None:
        """Put the filter over every thread, with no_new_privs. Raises LockUnavailable."""
        self._check(self._library.seccomp_load(self._context), "load")
        self._library.seccomp_release(self._context)
        self._context = None

    def _number(self, name: str) -> int:
        number: int = self._library.seccomp_syscall_resolve_name(name.encode())
        if number == _UNKNOWN:
            raise LockUnavailable(
                explain("libseccomp does not know a system call", got=name, next_step="update libseccomp2")
            )
        return number

    def _set(self, attribute: int, value: int) -> None:
        self._check(self._library.seccomp_attr_set(self._context, attribute, value), f"attribute {attribute}")

    def _check(self, code: int, what: str) -> None:
        if code != 0:
            raise LockUnavailable(explain(f"seccomp refused: {what}", got=os.strerror(-code)))


def _open_library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    except OSError as error:
        raise LockUnavailable(
            explain("the sensor cannot lock itself", got=str(error), next_step="apt-get install libseccomp2")
        ) from error
    context, array = ctypes.c_void_p, ctypes.POINTER(_ArgumentStruct)
    library.seccomp_init.argtypes, library.seccomp_init.restype = (ctypes.c_uint32,), context
    library.seccomp_attr_set.argtypes = (context, ctypes.c_int, ctypes.c_uint32)
    library.seccomp_rule_add_array.argtypes = (context, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, array)
    library.seccomp_syscall_resolve_name.argtypes = (ctypes.c_char_p,)
    library.seccomp_load.argtypes = (context,)
    library.seccomp_release.argtypes, library.seccomp_release.restype = (context,), None
    return library
